"""The private report: every problem with its fix, pictures inline, nothing asked of the network."""

import re
import shutil

import pytest

from client.data_check import check_data
from client.site_settings import read_site_settings
from shared.settings import RunSettings
from shared.tasks.recipe import recipe_for
from shared.vocabulary import CtPhase
from simulations.synthetic import defects
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, SiteSpec

RUN = RunSettings(image_size=32, slices_per_patient=2)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "c"
    sites = (SiteSpec("site-a", 7, "siemens"),)
    write_cohort(CohortSpec(sites, seed=7, matrix=48, slices=12), out, workers=1, progress=None)
    return out / "site-a"


@pytest.fixture
def folder(cohort, tmp_path):
    return shutil.copytree(cohort, tmp_path / "site-a")


def _check(folder):
    return check_data(read_site_settings(folder / "site.toml"), RUN, recipe_for(RUN))


def _defective(folder):
    defects.remove_phase(defects.find_study(folder, "S1-0002"), CtPhase.ARTERIAL)
    defects.add_second_candidate(defects.find_study(folder, "S1-0003"), CtPhase.PORTAL)
    defects.write_unknown_response(folder, 3)
    return _check(folder)


def test_the_flow_leads_from_the_manifest_to_the_model(folder):
    page = _defective(folder).private_report.read_text(encoding="utf-8")
    flow = page.split('<ol class="flow">')[1].split("</ol>")[0]
    assert re.findall(r"<strong>(\d+)</strong> (\S+)", flow) == [
        *(("7", "Rows"), ("6", "Rows"), ("1", "left"), ("6", "Patients")),
        *(("4", "Patients"), ("2", "left")),
    ]
    assert "arterial phase: none (the study has plain, portal)" in flow


def test_every_problem_has_row_column_value_problem_and_fix(folder):
    page = _defective(folder).private_report.read_text(encoding="utf-8")
    table = page.split('<h2 id="problems">')[1].split("</table>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)[1:]]
    assert len(rows) == 3
    assert all(len(cells) == 6 and cells[5] for cells in rows)
    assert [cells[1] for cells in rows] == ["case 2", "case 3", "case 4"]
    assert rows[2][2] == "response"
    assert rows[2][3] == "&#39;NE&#39;"


def test_pictures_are_inline_and_nothing_is_asked_of_the_network(folder):
    page = _check(folder).private_report.read_text(encoding="utf-8")
    pictures = re.findall(r"<img src=\"([^\"]+)\"", page)
    assert len(pictures) == 7 * 3
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in pictures)
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)=\"(?!data:|#)", page) == []
    assert "http" not in page.replace("http-equiv", "")
    assert "do not share" in page


def test_the_private_report_names_no_patient_and_is_readable_by_its_owner_only(folder):
    checked = _check(folder)
    page = checked.private_report.read_text(encoding="utf-8")
    assert "S1-0001" not in page
    assert checked.private_report.stat().st_mode & 0o077 == 0


def test_a_site_that_cannot_take_part_gets_its_reports_and_the_reason(folder):
    defects.make_one_class(folder)
    checked = _check(folder)
    assert checked.data is None
    assert "both classes" in checked.refusal.message
    assert "both classes" in checked.private_report.read_text(encoding="utf-8")
    assert '"takes_part": false' in checked.shareable_report.read_text(encoding="utf-8")


def test_no_text_of_the_style_runs_over_a_line_which_would_end_the_style_there(folder):
    style = _check(folder).private_report.read_text(encoding="utf-8").split("<style>")[1]
    lines = style.split("</style>")[0].splitlines()
    assert [line for line in lines if line.count('"') % 2] == []
