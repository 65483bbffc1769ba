"""Which study belongs to which patient, and reading a folder only once."""

import json
import os
from dataclasses import replace

import pytest
from ct_files import CtFiles, write_ct

from client.catalogue import join, open_catalogue
from client.manifest import read_manifest
from shared.errors import DataError, Level


def _manifest(folder, *lines):
    path = folder / "manifest.csv"
    path.write_text("\n".join(["patient_id,study_uid,response", *lines]), encoding="utf-8")
    return read_manifest(path)


def _archive(folder, *patients):
    for number, (patient_id, study_uid) in enumerate(patients):
        one = CtFiles(patient_id=patient_id, study_uid=study_uid, z_mm=(0.0, 5.0))
        write_ct(folder / "dicom" / f"s{number}", one)
    return folder / "dicom"


def test_rows_meet_their_study_by_patient_or_by_study_uid(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"), ("P2", "2.25.2"), ("P2", "2.25.3"))
    manifest = _manifest(tmp_path, "P1,,CR", "P2,2.25.3,SD")
    pairs, problems = join(manifest, open_catalogue(dicom, tmp_path / "work"))
    assert [(row.case, study.study_uid) for row, study in pairs] == [(1, "2.25.1"), (2, "2.25.3")]
    assert problems == ()


def test_everything_that_does_not_meet_is_a_problem(tmp_path):
    dicom = _archive(
        *(tmp_path, ("P1", "2.25.1"), ("P1", "2.25.2"), ("P3", "2.25.3"), ("P9", "2.25.9"))
    )
    manifest = _manifest(tmp_path, "P1,,CR", "P2,,SD", "P4,2.25.3,SD", "P5,2.25.77,PD")
    pairs, problems = join(manifest, open_catalogue(dicom, tmp_path / "work"))
    assert pairs == ()
    assert [problem.got for problem in problems] == [
        "2 studies of this patient",
        "no study with its patient_id in the DICOM folder",
        "a study that carries another PatientID",
        "no study with its study_uid in the DICOM folder",
        "1 study(ies) without a row in the manifest",
    ]
    assert problems[-1].level is Level.INFO


def test_the_second_reading_gives_the_same_from_the_catalogue(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"), ("P2", "2.25.2"))
    first = open_catalogue(dicom, tmp_path / "work")
    note = tmp_path / "work" / "catalogue.json"
    document = json.loads(note.read_text())
    for entry in document["files"]:
        entry["series_number"] = 77  # seen again only if the file is not read again
    note.write_text(json.dumps(document))
    second = open_catalogue(dicom, tmp_path / "work")
    assert first.studies.keys() == second.studies.keys()
    assert {f.series_number for s in second.studies.values() for f in s.files} == {77}


def test_a_changed_file_is_read_again(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"))
    open_catalogue(dicom, tmp_path / "work")
    for path in write_ct(dicom / "s0", CtFiles(patient_id="P7", study_uid="2.25.7", z_mm=(0, 5))):
        os.utime(path, ns=(1, 1))
    catalogue = open_catalogue(dicom, tmp_path / "work")
    assert [study.patient_id for study in catalogue.studies.values()] == ["P7"]


@pytest.mark.parametrize("damage", ["", "{", '{"version": 99}', '{"version": 1, "files": [1]}'])
def test_a_damaged_catalogue_only_costs_time(tmp_path, damage):
    dicom = _archive(tmp_path, ("P1", "2.25.1"))
    open_catalogue(dicom, tmp_path / "work")
    (tmp_path / "work" / "catalogue.json").write_text(damage)
    assert set(open_catalogue(dicom, tmp_path / "work").studies) == {"2.25.1"}


def test_the_catalogue_is_readable_by_its_owner_only(tmp_path):
    open_catalogue(_archive(tmp_path, ("P1", "2.25.1")), tmp_path / "work")
    assert (tmp_path / "work" / "catalogue.json").stat().st_mode & 0o077 == 0


def test_files_that_cannot_be_used_are_counted_without_their_names(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"))
    (dicom / "Wang.txt").write_text("text")
    whole = next(iter((dicom / "s0").iterdir())).read_bytes()
    (dicom / "Li.dcm").write_bytes(whole[:200])
    catalogue = open_catalogue(dicom, tmp_path / "work")
    assert [problem.level for problem in catalogue.problems] == [Level.WARNING, Level.INFO]
    said = " ".join(problem.sentence() for problem in catalogue.problems)
    assert "Wang" not in said
    assert "Li.dcm" not in said


def test_studies_without_patient_id_take_the_name_of_their_folder(tmp_path):
    bare = CtFiles(patient_id="", z_mm=(0.0, 5.0))
    write_ct(tmp_path / "dicom" / "P5" / "portal", bare)
    write_ct(tmp_path / "dicom" / "P6" / "x", replace(bare, study_uid="2.25.6"))
    catalogue = open_catalogue(tmp_path / "dicom", tmp_path / "work")
    assert sorted(study.patient_id for study in catalogue.studies.values()) == ["P5", "P6"]


def test_series_are_found_by_number_or_uid(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"))
    (study,) = open_catalogue(dicom, tmp_path / "work").studies.values()
    assert study.series_uids("2") == study.series_uids("2.25.1.2") == ("2.25.1.2",)
    assert study.series_uids("9") == ()


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "dicom").mkdir()
    with pytest.raises(DataError, match="an empty folder"):
        open_catalogue(tmp_path / "dicom", tmp_path / "work")
    (tmp_path / "dicom" / "a.txt").write_text("text")
    with pytest.raises(DataError, match="1 files that are none"):
        open_catalogue(tmp_path / "dicom", tmp_path / "work")
