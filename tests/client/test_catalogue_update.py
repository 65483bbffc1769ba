"""Reading a DICOM folder once, and going on where a scan was killed."""

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ct_files import CtFiles, write_ct

from client.catalogue import CatalogueStore
from client.catalogue_records import Status
from client.catalogue_update import update_catalogue
from client.image_settings import ImageSettings
from shared.errors import DataError, Level
from shared.vocabulary import CtPhase

PLAIN = ImageSettings()
ARTERIAL = CtFiles(description="arterial", acquired="100100")


def _update(folder, progress=None, images=PLAIN):
    with closing(CatalogueStore(folder / "work")) as store:
        return update_catalogue(store, folder / "dicom", images, progress)


def _series(folder):
    with closing(CatalogueStore(folder / "work")) as store:
        return store.series()


def _archive(folder, *patients):
    for number, (patient_id, study_uid) in enumerate(patients):
        one = CtFiles(patient_id=patient_id, study_uid=study_uid, z_mm=(0.0, 5.0))
        write_ct(folder / "dicom" / f"s{number}", one)
    return folder / "dicom"


def test_an_unchanged_file_is_not_opened_again(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"), ("P2", "2.25.2"))
    first = _update(tmp_path)
    for path in dicom.rglob("*"):
        if path.is_file():  # the same size and time, and nothing that could be read
            status = path.stat()
            path.write_bytes(bytes(status.st_size))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _update(tmp_path) == first


def test_a_changed_file_is_read_again_and_a_deleted_one_forgotten(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"), ("P2", "2.25.2"))
    _update(tmp_path)
    for path in write_ct(dicom / "s0", CtFiles(patient_id="P7", study_uid="2.25.7", z_mm=(0, 5))):
        os.utime(path, ns=(1, 1))
    for path in (dicom / "s1").iterdir():
        path.unlink()
    assert [study.patient_id for study in _update(tmp_path).studies.values()] == ["P7"]


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_scan_that_is_killed_goes_on_where_it_was(tmp_path):
    slices = tuple(float(z) for z in range(450))
    write_ct(tmp_path / "dicom", CtFiles(z_mm=slices))

    def killer(done, total):
        if done >= 400 and done < total:
            raise Killed

    with pytest.raises(Killed):
        _update(tmp_path, killer)
    with closing(CatalogueStore(tmp_path / "work")) as store:
        kept = store.files()
    assert len(kept) == 400
    for name in kept:  # those that were read need not be readable any more
        path = tmp_path / "dicom" / name
        status = path.stat()
        path.write_bytes(bytes(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (study,) = _update(tmp_path).studies.values()
    assert len(study.files) == 450


def test_roles_carry_evidence_and_defects_a_reason(tmp_path):
    dicom = tmp_path / "dicom"
    write_ct(dicom, replace(ARTERIAL, number=3))
    write_ct(dicom, CtFiles(number=4, description="", acquired="100200"))
    write_ct(dicom, CtFiles(number=5, description="portal", z_mm=(0, 5, 15, 20), acquired="100200"))
    write_ct(dicom, CtFiles(number=1, description="scout", z_mm=(0.0,)))
    _update(tmp_path)
    scout, arterial, silent, gap = _series(tmp_path)["2.25.1000"]
    assert (arterial.role, arterial.status, arterial.step_mm) == (
        *(CtPhase.ARTERIAL, Status.USABLE, 5.0),
    )
    assert "description names arterial" in arterial.evidence
    assert 0 < arterial.confidence < 1
    assert silent.status is Status.QUESTION
    assert "nothing in its header" in silent.reason
    assert gap.status is Status.QUARANTINED
    assert "missing" in gap.reason
    assert scout.status is Status.SET_ASIDE
    assert "localizer" in scout.reason


def test_roles_are_decided_anew_when_a_study_grows(tmp_path):
    write_ct(tmp_path / "dicom", ARTERIAL)
    _update(tmp_path)
    write_ct(tmp_path / "dicom", CtFiles(number=7, description="portal"))
    _update(tmp_path)
    assert [s.number for s in _series(tmp_path)["2.25.1000"]] == [2, 7]


def test_roles_are_decided_anew_with_the_sites_own_words(tmp_path):
    write_ct(tmp_path / "dicom", CtFiles(number=7, description="Portal 70s"))
    _update(tmp_path)
    with closing(CatalogueStore(tmp_path / "work")) as store:
        store.put_study_status([("2.25.1000", Status.USABLE, "")])
    words = ((CtPhase.ARTERIAL, ("PORTAL",)),)
    _update(tmp_path, images=ImageSettings(words=words))
    assert [s.role for s in _series(tmp_path)["2.25.1000"]] == [CtPhase.ARTERIAL]
    with closing(CatalogueStore(tmp_path / "work")) as store:
        assert store.study_states()["2.25.1000"] == (Status.UNCHECKED, "")
    _update(tmp_path)
    assert [s.role for s in _series(tmp_path)["2.25.1000"]] == [CtPhase.PORTAL]


def test_files_that_cannot_be_used_are_counted_without_their_names(tmp_path):
    dicom = _archive(tmp_path, ("P1", "2.25.1"))
    (dicom / "Wang.txt").write_text("text")
    whole = next(iter((dicom / "s0").iterdir())).read_bytes()
    (dicom / "Li.dcm").write_bytes(whole[:200])
    catalogue = _update(tmp_path)
    assert [problem.level for problem in catalogue.problems] == [Level.WARNING, Level.INFO]
    said = " ".join(problem.sentence() for problem in catalogue.problems)
    assert "Wang" not in said
    assert "Li.dcm" not in said


def test_studies_without_patient_id_take_the_name_of_their_folder(tmp_path):
    bare = CtFiles(patient_id="", z_mm=(0.0, 5.0))
    write_ct(tmp_path / "dicom" / "P5" / "portal", bare)
    write_ct(tmp_path / "dicom" / "P6" / "x", replace(bare, study_uid="2.25.6"))
    assert sorted(s.patient_id for s in _update(tmp_path).studies.values()) == ["P5", "P6"]


def test_folder_names_of_an_old_chinese_file_system_are_understood(tmp_path):
    folder = os.fsencode(tmp_path / "dicom") + b"/" + "王小东".encode("gb18030")
    write_ct(Path(os.fsdecode(folder)), CtFiles(patient_id="", z_mm=(0.0, 5.0)))
    first = _update(tmp_path)
    assert [study.patient_id for study in first.studies.values()] == ["王小东"]
    assert _update(tmp_path) == first


def test_series_are_found_by_number_or_uid(tmp_path):
    _archive(tmp_path, ("P1", "2.25.1"))
    (study,) = _update(tmp_path).studies.values()
    assert study.series_uids("2") == study.series_uids("2.25.1.2") == ("2.25.1.2",)
    assert study.series_uids("9") == ()


def test_a_folder_without_dicom_is_refused(tmp_path):
    (tmp_path / "dicom").mkdir()
    with pytest.raises(DataError, match="an empty folder"):
        _update(tmp_path)
    (tmp_path / "dicom" / "a.txt").write_text("text")
    with pytest.raises(DataError, match="1 files that are none"):
        _update(tmp_path)
