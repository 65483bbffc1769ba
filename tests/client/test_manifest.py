"""The manifest as hospitals save it, and everything that can be wrong with it."""

import pytest

from client.manifest import read_manifest
from shared.errors import Level, ManifestError
from shared.vocabulary import CtPhase, RecistResponse, Split


def _read(folder, text, encoding="utf-8"):
    path = folder / "manifest.csv"
    path.write_bytes(text.encode(encoding))
    return read_manifest(path)


def test_a_complete_row_is_read(tmp_path):
    manifest = _read(
        tmp_path,
        "patient_id,study_uid,response,liver_lower_mm,liver_upper_mm,split,portal_series\n"
        "P1,1.2.3,PR,-100.5,50,held_out,4\n",
    )
    (row,) = manifest.rows
    assert (row.case, row.patient_id, row.study_uid) == (1, "P1", "1.2.3")
    assert row.response is RecistResponse.PARTIAL
    assert row.liver_range_mm == (-100.5, 50.0)
    assert row.split is Split.HELD_OUT
    assert row.series == {CtPhase.PORTAL: "4"}
    assert manifest.problems == ()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Patient ID;Response\nP1;pr\n", "utf-8-sig"),
        ("sep=;\r\npatient_id;RESPONSE\r\nP1;partial response\r\n", "utf-8"),
        ("PATIENT-ID\tresponse\nP1\tPR\n\n", "utf-8"),
        ("patient_id,response,备注\nP1,PR,好转\n", "gb18030"),
    ],
)
def test_what_spreadsheets_write_is_understood(tmp_path, text, encoding):
    (row,) = _read(tmp_path, text, encoding).rows
    assert row.patient_id == "P1"
    assert row.response is RecistResponse.PARTIAL


def test_a_decimal_comma_is_a_decimal(tmp_path):
    text = "patient_id;response;liver_lower_mm;liver_upper_mm\nP1;CR;12,5;99,5\n"
    assert _read(tmp_path, text).rows[0].liver_range_mm == (12.5, 99.5)


def test_further_columns_are_ignored_with_a_note(tmp_path):
    manifest = _read(tmp_path, "patient_id,response,remark\nP1,CR,400\n")
    assert len(manifest.rows) == 1
    assert [problem.level for problem in manifest.problems] == [Level.INFO]


def test_all_mistakes_are_reported_at_once_and_good_rows_are_kept(tmp_path):
    manifest = _read(
        tmp_path,
        "patient_id,response,liver_lower_mm,liver_upper_mm,split\n"
        "P1,CR,0,100,training\n"
        "P2,PRR,0,100,training\n"
        "P3,SD,low,100,training\n"
        "P4,SD,5,5,training\n"
        ",SD,0,100,trainin\n"
        "P6,SD,0,,\n",
    )
    assert [row.case for row in manifest.rows] == [1]
    assert manifest.row_count == 6
    assert [problem.where for problem in manifest.problems] == [
        "case 2, column response",
        "case 3, column liver_lower_mm",
        "case 4, column liver_upper_mm",
        "case 5, column patient_id",
        "case 5, column split",
        "case 6, column liver_upper_mm",
        "case 6, column split",
    ]
    fixes = {problem.where: problem.fix for problem in manifest.problems}
    assert fixes["case 2, column response"] == "Did you mean 'pr'?"
    assert fixes["case 5, column split"] == "Did you mean 'training'?"


def test_two_patients_with_one_id_are_both_left_out(tmp_path):
    manifest = _read(tmp_path, "patient_id,response\nP1,CR\nP1,PD\nP2,SD\n")
    assert [row.case for row in manifest.rows] == [3]
    assert [problem.where for problem in manifest.problems] == [
        "case 1, column patient_id",
        "case 2, column patient_id",
    ]


def test_a_name_in_the_wrong_cell_is_not_repeated(tmp_path):
    manifest = _read(tmp_path, "patient_id,response\nP1,Wang Xiaodong\n")
    (problem,) = manifest.problems
    assert "Wang" not in problem.sentence()
    assert "P1" not in problem.sentence()


def test_missing_columns_are_named_with_the_nearest_header(tmp_path):
    with pytest.raises(ManifestError) as caught:
        _read(tmp_path, "patientid,answer\nP1,CR\n")
    fixes = [problem.fix for problem in caught.value.problems]
    assert fixes == [
        "Rename the column 'patientid' to 'patient_id'.",
        "Add a column 'response'.",
    ]


def test_a_column_twice_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="column response twice"):
        _read(tmp_path, "patient_id,response,Response\nP1,CR,PD\n")


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_refused_with_how_to_begin(tmp_path, text):
    with pytest.raises(ManifestError, match="Begin it with: patient_id"):
        _read(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"PK\x03\x04\xff\xfe\x00\xff" * 9)
    with pytest.raises(ManifestError):
        read_manifest(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot be opened"):
        read_manifest(tmp_path / "manifest.csv")


def test_a_guessed_series_does_not_count_until_a_person_deletes_the_mark(tmp_path):
    manifest = _read(tmp_path, "patient_id,response,plain_series,portal_series\nP1,CR,?3,4\n")
    assert manifest.rows[0].series == {CtPhase.PORTAL: "4"}
    assert manifest.problems[0].got == "1 guessed series that nobody confirmed"


def test_clinical_variables_in_the_same_file_are_no_surprise(tmp_path):
    manifest = _read(tmp_path, "patient_id,response,AST_U_L,albumin_g_l\nP1,CR,42,39\n")
    assert len(manifest.rows) == 1
    assert manifest.problems == ()


def test_a_mask_is_found_beside_the_manifest_and_written_as_on_any_system(tmp_path):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "1.nii.gz").write_bytes(b"mask")
    rows = "P1,CR,masks/1.nii.gz\nP2,PR,masks\\1.nii.gz\nP3,SD,\n"
    manifest = _read(tmp_path, f"patient_id,response,liver_mask\n{rows}")
    found = (tmp_path / "masks" / "1.nii.gz").resolve()
    assert [row.liver_mask for row in manifest.rows] == [found, found, None]
    assert manifest.problems == ()


def test_a_mask_that_is_not_there_or_lies_elsewhere_costs_its_row_without_being_quoted(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "Wang.nii").write_bytes(b"mask")
    (folder / "link.nii").symlink_to(tmp_path / "Wang.nii")
    cells = ["Wang.nii", "../Wang.nii", str(tmp_path / "Wang.nii"), "link.nii", ".", "W" * 400]
    rows = "".join(f"P{n},CR,{cell}\n" for n, cell in enumerate(cells))
    manifest = _read(folder, f"patient_id,response,liver_mask\n{rows}")
    assert manifest.rows == ()
    assert [(p.where, p.got.split()[1]) for p in manifest.problems] == [
        (f"case {n}, column liver_mask", kind)
        for n, kind in enumerate(["file", "path", "path", "path", "file", "name"], 1)
    ]
    assert not any("Wa" in p.sentence() or "WW" in p.sentence() for p in manifest.problems)
