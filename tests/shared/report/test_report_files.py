import csv
from xml.etree import ElementTree as ET

from PIL import Image

from shared.report.report_files import write_report


def test_a_report_is_a_page_a_table_and_figures_with_their_numbers(record, tmp_path):
    page = write_report(tmp_path, record)

    names = ("fig_forest", "fig_loss", "fig_roc", "fig_traffic")
    expected = {f"figures/{n}.{kind}" for n in names for kind in ("svg", "png", "csv")}
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == expected | {"report.html", "tidy.csv"}
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    for name in names:
        figures = tmp_path / "figures"
        assert ET.parse(figures / f"{name}.svg").getroot().tag.endswith("svg")  # noqa: S314 - ours
        with Image.open(figures / f"{name}.png") as picture:
            assert picture.info["dpi"][0] > 299


def test_the_curve_behind_the_roc_figure_runs_from_corner_to_corner(record, tmp_path):
    write_report(tmp_path, record)

    with (tmp_path / "figures" / "fig_roc.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.reader(lines) if row[0] == "federated"]

    assert [float(v) for v in rows[0][1:]] == [0.0, 0.0]
    assert [float(v) for v in rows[-1][1:]] == [1.0, 1.0]


def test_a_run_without_results_writes_no_figures(bare_record, tmp_path):
    write_report(tmp_path, bare_record)

    assert list((tmp_path / "figures").iterdir()) == []
