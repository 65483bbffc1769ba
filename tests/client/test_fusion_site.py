"""Patients with images and a clinical row, and everything that keeps others out."""

import json
from dataclasses import replace

import numpy as np
import pytest
from mask_files import write_nifti
from mri_sites import (
    PATIENTS,
    PREPARATION,
    RESPONSES,
    RUN,
    copy_site,
    open_it,
    rows_of,
    series_files,
    write_rows,
    write_site,
)

from client.fusion_site import open_fusion_site
from shared.cohort.analysis_columns import EVENT
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.cohort.fusion_columns import READERS
from shared.dicom.geometry import order_volume
from shared.dicom.scan import scan_files
from shared.dicom.series import group_series
from shared.errors import DataError, Level, ManifestError, SettingsError
from shared.tasks.liver_range import volume_affine
from shared.vocabulary import MriRole, Split
from simulations.synthetic.dicom_export import copy_as

_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI's axes from DICOM's."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = write_site(tmp_path_factory.mktemp("mri") / "cohort")
    open_it(copy_site(folder, folder.parent / "once"))
    return folder.parent / "once"


@pytest.fixture
def site(prepared, tmp_path):
    return copy_site(prepared, tmp_path)


def _change(path, number, **cells):
    rows = rows_of(path)
    rows[number - 1] |= cells
    write_rows(path, rows)


def _errors(found):
    return [problem for problem in found.problems if problem.level is Level.ERROR]


def _only_error(found):
    (problem,) = _errors(found)
    return problem


def test_every_patient_has_images_outcome_split_and_columns(site):
    found = open_it(site)
    assert [patient.case for patient in found.patients] == list(range(1, PATIENTS + 1))
    assert {patient.images.shape for patient in found.patients} == {(2, 5, 32, 48)}
    assert found.excluded == 0
    assert _errors(found) == []
    clinical = rows_of(site.clinical)
    assert [row["response"] for row in clinical] == list(RESPONSES)
    ages = [float(row["age_years"]) for row in clinical]
    assert found.columns["age_years"].tolist() == ages
    assert found.columns[EVENT].tolist() == [row["response"] == "PD" for row in clinical]
    assert found.columns[EVENT].tolist() == [patient.event for patient in found.patients]
    assert all(np.isnan(found.columns[name]).all() for name in READERS)


def test_rows_meet_by_identifier_in_whatever_order_the_clinical_table_has(site):
    straight = open_it(site)
    write_rows(site.clinical, rows_of(site.clinical)[::-1])
    turned = open_it(site)
    for name, values in straight.columns.items():
        assert np.array_equal(values, turned.columns[name], equal_nan=True)


def test_splits_are_those_of_the_manifest_where_it_assigns_them(site):
    rows = rows_of(site.manifest)
    held = {number for number, row in enumerate(rows, 1) if number % 2}
    for number, row in enumerate(rows, 1):
        row["split"] = "held_out" if number in held else "training"
    write_rows(site.manifest, rows)
    found = open_it(site)
    assert {p.case for p in found.patients if p.split is Split.HELD_OUT} == held


def test_images_without_a_clinical_row_leave_the_patient_out(site):
    rows = rows_of(site.clinical)
    write_rows(site.clinical, [row for number, row in enumerate(rows, 1) if number != 4])
    found = open_it(site)
    problem = _only_error(found)
    assert problem.where == "case 4, column patient_id"
    assert problem.got == "images without a row in the clinical table"
    assert "Add the patient there, or correct patient_id" in problem.fix
    assert [patient.case for patient in found.patients] == [1, 2, 3, 5, 6, 7, 8]
    assert {values.size for values in found.columns.values()} == {7}
    assert found.excluded == 1


def test_a_clinical_row_without_images_is_named_by_its_row_and_counted(site):
    rows = rows_of(site.clinical)
    write_rows(site.clinical, [*rows, {**rows[0], "patient_id": "Zhang San"}])
    found = open_it(site)
    problem = _only_error(found)
    assert problem.where == f"clinical row {PATIENTS + 2}, column patient_id"
    assert "the manifest has no row with this identifier" in problem.got
    assert "Zhang" not in problem.sentence()
    assert (len(found.patients), found.excluded) == (PATIENTS, 1)


def test_a_patient_twice_in_the_clinical_table_is_not_used(site):
    rows = rows_of(site.clinical)
    write_rows(site.clinical, [*rows, rows[1]])
    found = open_it(site)
    problem = _only_error(found)
    assert problem.where == "case 2, column patient_id"
    assert problem.got == f"2 rows of the clinical table (rows 3, {PATIENTS + 2})"
    assert problem.fix.startswith("Keep one of them")
    assert found.excluded == 1


def test_a_patient_twice_in_the_manifest_is_not_used(site):
    rows = rows_of(site.manifest)
    write_rows(site.manifest, [*rows, rows[2]])
    found = open_it(site)
    assert [problem.where for problem in _errors(found)] == [
        "case 3, column patient_id",
        f"case {PATIENTS + 1}, column patient_id",
    ]
    assert found.excluded == 2


def test_a_value_in_another_unit_is_named_with_its_range_and_remedy(site):
    _change(site.clinical, 5, albumin_g_l="38000", ast_u_l="0.041")
    found = open_it(site)
    albumin, ast = sorted(_errors(found), key=lambda problem: problem.where)
    assert albumin.where == "case 5, column albumin_g_l (clinical row 6)"
    assert albumin.got == "38000"
    assert albumin.expected == "Albumin, g/L, from 10 to 65"
    assert albumin.fix.startswith("Check the unit (off by 10 or 1000?)")
    assert ast.where == "case 5, column ast_u_l (clinical row 6)"
    assert found.excluded == 1


def test_a_text_in_a_number_is_named_without_repeating_it(site):
    _change(site.clinical, 5, crp_mg_l="Li Xiaoming")
    problem = _only_error(open_it(site))
    assert problem.got == "another text"


def test_responses_that_disagree_leave_the_patient_out(site):
    _change(site.clinical, 1, response="PR")
    problem = _only_error(open_it(site))
    assert problem.where == "case 1, column response (clinical row 2)"
    assert problem.got == "'PR' there and 'SD' in the manifest"
    assert problem.expected == "the same response in both"


@pytest.mark.parametrize("table", ["manifest", "clinical"])
def test_a_patient_without_outcome_is_left_out(site, table):
    _change(getattr(site, table), 6, response="")
    problem = _only_error(open_it(site))
    assert problem.where.startswith("case 6, column response")
    assert problem.expected == "CR, PR, SD or PD"


def test_a_clinical_table_may_leave_the_response_to_the_manifest(site):
    rows = rows_of(site.clinical)
    for row in rows:
        del row["response"]
    write_rows(site.clinical, rows)
    found = open_it(site)
    assert found.excluded == 0
    assert found.columns[EVENT].tolist() == [patient.event for patient in found.patients]


def test_readers_calls_are_0_1_or_nothing(site):
    rows = rows_of(site.clinical)
    for row, call in zip(rows, ["1", "0", "", "NA", "1", "0", "1", "0"], strict=True):
        row["reader_1_call"] = call
    rows[7]["reader_2_call"] = "2"
    write_rows(site.clinical, rows)
    found = open_it(site)
    problem = _only_error(found)
    assert problem.where == "case 8, column reader_2_call (clinical row 9)"
    assert problem.expected == "1 (called progressive disease), 0 (did not), or nothing (not read)"
    calls = found.columns["reader_1_call"]
    assert np.array_equal(calls, [1, 0, np.nan, np.nan, 1, 0, 1], equal_nan=True)
    assert np.isnan(found.columns["reader_2_call"]).all()


def test_the_manifest_may_hold_the_clinical_columns_itself(site):
    apart = open_it(site)
    rows = [
        row | clinical | {"response": row["response"]}
        for row, clinical in zip(rows_of(site.manifest), rows_of(site.clinical), strict=True)
    ]
    rows[1]["response"] = "Progressive disease"  # the manifest takes words, too
    write_rows(site.manifest, rows)
    together = open_it(replace(site, clinical=None))
    assert _errors(together) == []
    for name, values in apart.columns.items():
        assert np.array_equal(values, together.columns[name], equal_nan=True)
    _change(site.manifest, 2, albumin_g_l="38000")
    problem = _only_error(open_it(replace(site, clinical=None)))
    assert problem.where == "case 2, column albumin_g_l"


def test_a_run_without_any_clinical_table_says_how_to_give_one(site):
    with pytest.raises(SettingsError, match=r"Add 'clinical = \"clinical.csv\"' under \[site\]"):
        open_it(replace(site, clinical=None))


def test_a_clinical_table_without_identifiers_cannot_be_joined(site):
    rows = rows_of(site.clinical)
    for row in rows:
        del row["patient_id"]
    write_rows(site.clinical, rows)
    with pytest.raises(ManifestError, match="to join images and clinic"):
        open_it(site)


def test_a_missing_sequence_is_named_and_no_image_is_made_up(site):
    for path in series_files(site, 3, MriRole.T1_PORTAL)[1]:
        path.unlink()
    found = open_it(site)
    problem = _only_error(found)
    assert problem.where == "case 3, T1 portal"
    assert problem.got.startswith("none (the study has")
    assert "t1_portal_series" in problem.fix
    assert 3 not in {patient.case for patient in found.patients}
    assert found.excluded == 1


def test_a_sequence_that_could_be_two_series_is_a_question_that_a_number_answers(site):
    series, files = series_files(site, 2, MriRole.T2_FSE)
    for path in files:
        copy = path.with_name(f"R{path.name}")
        copy_as(path, copy, series_suffix=".1", SeriesNumber=series.number + 40)
    found = open_it(site)
    problem = _only_error(found)
    assert problem.where == "case 2, T2 FSE"
    assert problem.got.startswith("2 candidates (series ")
    assert "column t2_fse_series" in problem.fix
    _change(site.manifest, 2, t2_fse_series=str(series.number))
    assert open_it(site).excluded == 0


def test_a_liver_range_in_numbers_or_from_a_mask_chooses_the_slices(site):
    whole = open_it(site)
    _, files = series_files(site, 1, MriRole.T1_ARTERIAL)
    (group,) = group_series(scan_files(files).instances)
    volume = order_volume(group)
    mask = np.zeros(volume.shape, bool)
    mask[3:5] = True
    write_nifti(
        site.manifest.parent / "liver.nii", mask.astype(np.uint8), _FROM_LPS @ volume_affine(volume)
    )
    _change(site.manifest, 1, liver_mask="liver.nii")
    every = replace(PREPARATION, slices_per_patient=0)
    run = replace(RUN, slices_per_patient=0)
    by_mask = open_fusion_site(site, run, every, PROGRESSIVE_DISEASE)
    assert len(by_mask.patients[0].images) == 2
    assert len(by_mask.patients[1].images) > 2
    low, high = volume.origins_mm[3:5, 2]
    _change(
        site.manifest, 1, liver_mask="", liver_lower_mm=f"{low:.2f}", liver_upper_mm=f"{high:.2f}"
    )
    by_heights = open_fusion_site(site, run, every, PROGRESSIVE_DISEASE)
    assert np.array_equal(by_mask.patients[0].images, by_heights.patients[0].images)
    assert not [p for p in whole.problems if "liver" in p.got]  # MRI is read whole without one


def test_folds_and_held_out_patients_of_one_outcome_are_a_warning_that_counts(site):
    rows = rows_of(site.manifest)
    events = [number for number, row in enumerate(rows) if row["response"] == "PD"]
    for number, row in enumerate(rows):
        row["split"] = "training" if number == events[0] or row["response"] != "PD" else "held_out"
    write_rows(site.manifest, rows)
    found = open_it(site)
    assert found.excluded == 0
    folds, held_out = [p for p in found.problems if p.level is Level.WARNING]
    assert folds.where == "development patients with progressive disease (PD)"
    assert folds.got == "1, so that 2 of 3 folds have none"
    assert "add 2 such patients or agree on fewer folds" in folds.fix
    assert "other sites fill the folds" in folds.fix
    assert held_out.where == "held-out patients"
    assert held_out.got == "only patients with progressive disease (PD)"


def test_a_site_of_one_outcome_is_refused_before_training(site):
    for path in (site.manifest, site.clinical):
        write_rows(path, [{**row, "response": "SD"} for row in rows_of(path)])
    with pytest.raises(DataError, match="all with disease control"):
        open_it(site)


def test_every_defect_at_once_stands_in_one_table_and_in_the_count(site):
    clinical = rows_of(site.clinical)
    clinical[0]["platelets_e9_l"] = "160000"
    clinical[1]["patient_id"] = "somebody"
    write_rows(site.clinical, [*clinical, clinical[2]])
    _change(site.manifest, 4, response="XX")
    for path in series_files(site, 5, MriRole.OPPOSED_PHASE)[1]:
        path.unlink()
    found = open_it(site, replace(RUN, held_out_fraction=0.0))
    assert [problem.where for problem in _errors(found)] == [
        "clinical row 3, column patient_id",
        "case 1, column platelets_e9_l (clinical row 2)",
        "case 2, column patient_id",
        "case 3, column patient_id",
        "case 4, column response",
        "case 5, Dual echo (opposed phase)",
    ]
    assert [patient.case for patient in found.patients] == [6, 7, 8]
    assert found.excluded == 6
    report = json.loads((site.work / "data_report.json").read_text(encoding="utf-8"))
    assert (report["usable_patients"], report["excluded_patients"]) == (3, 6)
    assert len(report["problems"]) == len(found.problems)
