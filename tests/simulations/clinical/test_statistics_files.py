import csv
import json
import re

import pytest

from simulations.clinical.statistics_files import write_statistics
from simulations.clinical.study import FEDERATED, POOLED


@pytest.fixture(scope="module")
def written(full, tmp_path_factory):
    folder = tmp_path_factory.mktemp("statistics")
    return write_statistics(full, folder), folder


def rows_of(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_figure_is_written_as_svg_png_and_csv(written):
    _, folder = written
    names = {path.stem for path in folder.glob("fig_*.svg")}
    assert len(names) == 13
    assert {"fig_roc", "fig_km_os_everybody", "fig_km_pfs_ggt_u_l_above_60"} <= names
    for name in names:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len((folder / f"{name}.csv").read_text("utf-8").splitlines()) > 5
        assert (folder / f"{name}.svg").read_text("utf-8").startswith("<?xml")


def test_tables_hold_federated_beside_pooled_rows(written):
    _, folder = written
    for name in ("table1", "table2", "survival", "models"):
        rows = rows_of(folder, name)
        halves = [[r for r in rows if r["computed"] == how] for how in (FEDERATED, POOLED)]
        assert len(halves[0]) == len(halves[1]) > 1
        for ours, theirs in zip(*halves, strict=True):
            assert list(ours)[1:] == list(theirs)[1:]
            for key, value in ours.items():
                try:
                    assert float(value) == pytest.approx(float(theirs[key]), rel=1e-5, abs=1e-8)
                except ValueError:
                    assert key == "computed" or value == theirs[key]


def test_curves_show_no_month_with_fewer_than_five_at_risk(written):
    _, folder = written
    for path in folder.glob("fig_km_*.csv"):
        assert all(int(row["at_risk"]) >= 5 for row in rows_of(folder, path.stem))


def test_json_says_what_the_tables_say(written):
    found, folder = written
    data = json.loads((folder / "statistics.json").read_text("utf-8"))
    assert data["patients"] == 127
    assert data["agrees"] is True
    assert data["minimum_count"] == 5
    assert sum(data["sites"].values()) == 127
    assert {item["table"] for item in data["largest_differences"]} >= {"table 1", "survival"}
    assert found.data["table2"] == data["table2"]


def test_the_page_makes_no_request_and_gives_each_figure_words(written):
    _, folder = written
    page = (folder / "statistics.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=\"(?!#|data:)", page)
    assert page.count('role="img"') == 13
    assert len(set(re.findall(r'aria-label="([^"]+)"><', page))) >= 13
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_text_names_the_event_the_agreement_and_what_is_left_out(written):
    text = written[0].text
    assert "17 with progressive disease" in text
    assert "agree as closely as expected" in text
    assert "BCLC" in text
    assert "fewer than 10: these odds ratios are shaky" in text
    assert "--show-small-counts" in text
