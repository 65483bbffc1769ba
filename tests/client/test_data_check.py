"""The data check of a study that joins images and clinic: one table, two reports, one count."""

import json
import re
from dataclasses import replace

import pytest
from mri_sites import (
    PATIENTS,
    RUN,
    copy_site,
    open_it,
    rows_of,
    series_files,
    write_rows,
    write_site,
)
from typer.testing import CliRunner

import hepafed
from client.data_check import check_data
from client.fusion_site import FusionSite
from shared.errors import SettingsError
from shared.tasks.recipe import recipe_for
from shared.vocabulary import MriRole


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = write_site(tmp_path_factory.mktemp("mri") / "cohort", scanner="uih")
    site = copy_site(folder, folder.parent / "once")
    check_data(site, RUN, recipe_for(RUN))
    return folder.parent / "once"


@pytest.fixture
def site(prepared, tmp_path):
    return copy_site(prepared, tmp_path)


@pytest.fixture
def broken(site):
    """A site with a defect of the images, of the clinical table, and of their join."""
    for path in series_files(site, 1, MriRole.T2_FSE)[1]:
        path.unlink()
    clinical = rows_of(site.clinical)
    clinical[2]["albumin_g_l"] = "40000"
    clinical[4]["patient_id"] = "Wang Wu"
    write_rows(site.clinical, clinical)
    return site


def test_the_check_finds_what_a_run_would(broken):
    checked = check_data(broken, RUN, recipe_for(RUN))
    found = open_it(broken, RUN)
    assert isinstance(found, FusionSite)
    assert checked.prepared.problems == found.problems
    assert checked.prepared.excluded == found.excluded == 4
    assert [p.case for p in checked.data.patients] == [p.case for p in found.patients]


def test_the_private_report_follows_patients_through_images_and_clinic(broken):
    checked = check_data(broken, RUN, recipe_for(RUN))
    page = checked.private_report.read_text(encoding="utf-8")
    flow = page.split('<ol class="flow">')[1].split("</ol>")[0]
    assert re.findall(r"<strong>(\d+)</strong> ([\w ]+)", flow) == [
        ("8", "Rows of the manifest"),
        ("8", "Rows that can be read"),
        ("8", "Patients with one study"),
        ("7", "Patients with usable images"),
        ("1", "left out"),
        ("5", "Patients with a usable clinical row"),
        ("2", "left out"),
    ]
    table = page.split('<h2 id="problems">')[1].split("</table>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)[1:]]
    errors = [row[1:3] for row in rows if "error" in row[0]]
    assert errors == [
        ["clinical row 6", "patient_id"],
        ["case 1", "T2 FSE"],
        ["case 3", "albumin_g_l (clinical row 4)"],
        ["case 5", "patient_id"],
    ]
    assert "Wang" not in page


def test_previews_show_the_five_sequences_of_every_patient(broken):
    checked = check_data(broken, RUN, recipe_for(RUN))
    page = checked.private_report.read_text(encoding="utf-8")
    assert page.count('alt="case 2, ') == 5
    for words in ("T1 arterial", "T1 portal", "T1 delayed", "T2 FSE", "opposed phase"):
        assert f'alt="case 2, {words}"' in page


def test_the_shareable_report_counts_patients_with_both(broken):
    checked = check_data(broken, replace(RUN, held_out_fraction=0.0), recipe_for(RUN))
    counts = json.loads(checked.shareable_report.read_text(encoding="utf-8"))
    assert counts["leaves"]["patients"] == PATIENTS - 3
    assert counts["leaves"]["events"] is None  # fewer than five


def test_the_command_checks_the_study_that_it_is_told(site):
    options = ["--image-height", "32", "--image-width", "48", "--slices-per-patient", "2"]
    words = ["site", "check", str(site.work.parent / "site.toml"), "--task", "haic-mri"]
    result = CliRunner().invoke(hepafed.app, [*words, *options, "--folds", "3"])
    assert result.exit_code == 0, repr(result.exception)
    assert f"{PATIENTS} patients usable (3 with progressive disease (PD)), 0 excl" in result.stdout
    other = CliRunner().invoke(hepafed.app, [*words[:-1], "clinical-statistics"])
    assert isinstance(other.exception, SettingsError)
    assert other.exception.problems[0].fix == "Give --task clici-ct or --task haic-mri."


def test_scan_and_review_take_the_study_too(site):
    settings = str(site.work.parent / "site.toml")
    site.manifest.unlink()
    scan = CliRunner().invoke(hepafed.app, ["site", "scan", settings, "--task", "haic-mri"])
    assert f"{PATIENTS} studies, {6 * PATIENTS} series guessed, 0 open" in scan.stdout
    asked = ["site", "review", settings, "--task", "haic-mri", "--format", "json"]
    review = json.loads(CliRunner().invoke(hepafed.app, asked).stdout)["data"]
    assert review["open"] == 0
    assert {study["modality"] for study in review["studies"]} == {"MR"}
