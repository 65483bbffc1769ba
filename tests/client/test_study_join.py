"""Which study belongs to which row of the manifest."""

from contextlib import closing
from dataclasses import replace

from ct_files import CtFiles, write_ct
from mr_files import LIVER, liver_study, write_study

from client.catalogue import CatalogueStore
from client.catalogue_update import update_catalogue
from client.image_roles import Modality
from client.image_settings import ImageSettings
from client.manifest import read_manifest
from client.study_join import join
from shared.errors import Level


def _manifest(folder, *lines):
    path = folder / "manifest.csv"
    path.write_text("\n".join(["patient_id,study_uid,response", *lines]), encoding="utf-8")
    return read_manifest(path)


def _catalogue(folder, *patients):
    for number, (patient_id, study_uid) in enumerate(patients):
        one = CtFiles(patient_id=patient_id, study_uid=study_uid, z_mm=(0.0, 5.0))
        write_ct(folder / "dicom" / f"s{number}", one)
    with closing(CatalogueStore(folder / "work")) as store:
        return update_catalogue(store, folder / "dicom", ImageSettings())


def test_rows_meet_their_study_by_patient_or_by_study_uid(tmp_path):
    catalogue = _catalogue(tmp_path, ("P1", "2.25.1"), ("P2", "2.25.2"), ("P2", "2.25.3"))
    manifest = _manifest(tmp_path, "P1,,CR", "P2,2.25.3,SD")
    pairs, problems = join(manifest, catalogue, Modality.CT)
    assert [(row.case, study.study_uid) for row, study in pairs] == [(1, "2.25.1"), (2, "2.25.3")]
    assert problems == ()


def test_everything_that_does_not_meet_is_a_problem(tmp_path):
    catalogue = _catalogue(
        *(tmp_path, ("P1", "2.25.1"), ("P1", "2.25.2"), ("P3", "2.25.3"), ("P9", "2.25.9"))
    )
    manifest = _manifest(tmp_path, "P1,,CR", "P2,,SD", "P4,2.25.3,SD", "P5,2.25.77,PD")
    pairs, problems = join(manifest, catalogue, Modality.CT)
    assert pairs == ()
    assert [problem.got for problem in problems] == [
        "2 studies of this patient",
        "no study with its patient_id in the DICOM folder",
        "a study that carries another PatientID",
        "no study with its study_uid in the DICOM folder",
        "1 study(ies) without a row in the manifest",
    ]
    assert problems[-1].level is Level.INFO


def test_a_study_with_images_of_two_patients_is_refused(tmp_path):
    catalogue = _catalogue(tmp_path, ("P1", "2.25.1"), ("P2", "2.25.1"))
    pairs, problems = join(_manifest(tmp_path, "P1,2.25.1,CR"), catalogue, Modality.CT)
    assert pairs == ()
    assert "2 different PatientIDs" in problems[0].got


def test_of_a_patients_ct_and_mri_the_runs_own_is_taken(tmp_path):
    write_ct(tmp_path / "dicom" / "ct", CtFiles(study_uid="2.25.1"))
    write_study(tmp_path / "dicom", liver_study(replace(LIVER, study_uid="2.25.2")))
    with closing(CatalogueStore(tmp_path / "work")) as store:
        catalogue = update_catalogue(store, tmp_path / "dicom", ImageSettings())
    manifest = _manifest(tmp_path, "P1,,CR")
    for modality, uid in ((Modality.CT, "2.25.1"), (Modality.MR, "2.25.2")):
        ((_, study),), problems = join(manifest, catalogue, modality)
        assert (study.study_uid, problems) == (uid, ())


def test_heights_in_the_manifest_are_of_a_study_that_it_must_name(tmp_path):
    write_ct(tmp_path / "dicom" / "ct", CtFiles(study_uid="2.25.1"))
    write_study(tmp_path / "dicom", liver_study(replace(LIVER, study_uid="2.25.2")))
    with closing(CatalogueStore(tmp_path / "work")) as store:
        catalogue = update_catalogue(store, tmp_path / "dicom", ImageSettings())
    path = tmp_path / "manifest.csv"
    path.write_text("patient_id,response,liver_lower_mm,liver_upper_mm\nP1,CR,0,10\n")
    pairs, (problem,) = join(read_manifest(path), catalogue, Modality.MR)
    assert pairs == ()
    assert problem.got == "2 studies of this patient"
