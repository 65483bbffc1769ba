"""A folder tree as an archive."""

import os
import traceback
from datetime import date
from pathlib import Path

import pytest

from client.archive.errors import ArchiveError, StudyError
from client.archive.folder import FolderArchive
from client.archive.study import StudyFilter
from client.archive.transfer import fetch_studies, study_folder
from shared.errors import Level

REAL = Path(__file__).parents[4] / "shared" / "dicom"


@pytest.fixture
def export(tmp_path: Path, image) -> Path:
    """Two patients, names in paths, and things that are no images."""
    root = tmp_path / "export"
    for patient in (1, 2):
        for number in (1, 2, 3):
            folder = root / f"王小东 Wang {patient}" / f"{number}"
            folder.mkdir(parents=True)
            (folder / "IM 0001").write_bytes(image(patient, number))
    (root / "readme.txt").write_text("a letter about 王小东")
    (root / "empty.dcm").write_bytes(b"")
    return root


def test_studies_are_found_by_what_stands_in_the_files(export: Path) -> None:
    listing = FolderArchive(export).list_studies(StudyFilter())
    assert [(s.patient_id, s.instances, s.day) for s in listing.studies] == [
        ("CASE1", 3, date(2021, 3, 1)),
        ("CASE2", 3, date(2021, 3, 2)),
    ]
    assert {s.patient_name for s in listing.studies} == {"Wang^XiaoDong=王^小东"}
    assert [(p.got, p.level) for p in listing.problems] == [
        ("2 files not DICOM or damaged at the start", Level.INFO)
    ]


def test_every_file_is_copied_as_it_is_and_no_name_becomes_part_of_a_path(
    export: Path, tmp_path: Path, image, key, caplog, capfd
) -> None:
    archive = FolderArchive(export)
    with caplog.at_level("DEBUG"):
        listing = archive.list_studies(StudyFilter())
        report = fetch_studies(archive, listing.studies, tmp_path / "in", key)
    copies = sorted(path.read_bytes() for path in (tmp_path / "in").rglob("*.dcm"))
    assert copies == sorted(image(p, n) for p in (1, 2) for n in (1, 2, 3))
    assert report.fetched == 2
    out, err = capfd.readouterr()
    paths = [str(path.relative_to(tmp_path)) for path in (tmp_path / "in").rglob("*")]
    said = " ".join([caplog.text, out, err, repr(listing), repr(report), repr(key), *paths])
    assert [w for w in ("王", "Wang", "CASE", "1.2.826", "20210301") if w in said] == []


def test_the_filter_keeps_days_and_modalities(export: Path) -> None:
    archive = FolderArchive(export)
    late = archive.list_studies(StudyFilter(first=date(2021, 3, 2)))
    early = archive.list_studies(StudyFilter(last=date(2021, 3, 1), modalities=("CT", "MR")))
    other = archive.list_studies(StudyFilter(modalities=("MR",)))
    assert [s.patient_id for s in late.studies] == ["CASE2"]
    assert [s.patient_id for s in early.studies] == ["CASE1"]
    assert other.studies == ()


def test_a_study_with_two_patients_is_left_out_and_counted(tmp_path: Path, image) -> None:
    (tmp_path / "a").write_bytes(image(1, 1))
    (tmp_path / "b").write_bytes(image(1, 2, PatientID="SOMEBODY ELSE"))
    (tmp_path / "c").write_bytes(image(2, 1))
    listing = FolderArchive(tmp_path).list_studies(StudyFilter())
    assert [s.patient_id for s in listing.studies] == ["CASE2"]
    assert listing.problems[0].got == "1 studies with files of more than one patient"


def test_files_without_a_study_number_are_grouped_by_their_folder(tmp_path: Path, image) -> None:
    for number in (1, 2):
        for name in ("Zhang", "Wang"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{number}").write_bytes(image(1, number, StudyInstanceUID=""))
    listing = FolderArchive(tmp_path).list_studies(StudyFilter())
    assert [s.instances for s in listing.studies] == [2, 2]
    assert listing.problems[0].got == "4 files without a study number"
    assert "Zhang" not in repr(listing)


def test_links_are_not_followed(tmp_path: Path, image) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "image").write_bytes(image(2, 1))
    root = tmp_path / "root"
    root.mkdir()
    (root / "image").write_bytes(image(1, 1))
    (root / "link").symlink_to(outside / "image")
    (root / "folder").symlink_to(outside)
    listing = FolderArchive(root).list_studies(StudyFilter())
    assert [s.patient_id for s in listing.studies] == ["CASE1"]


def test_a_file_that_vanished_fails_its_study_only(export: Path, tmp_path: Path, key) -> None:
    archive = FolderArchive(export)
    studies = archive.list_studies(StudyFilter()).studies
    next(export.glob("*1/2/*")).unlink()
    report = fetch_studies(archive, studies, tmp_path / "in", key)
    assert report.fetched == 1
    assert report.failures[0].where.startswith("study 1 of 2 (study-")
    assert "gone" in report.failures[0].got


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_a_file_that_may_not_be_read_is_counted(export: Path) -> None:
    next(export.glob("*1/2/*")).chmod(0)
    listing = FolderArchive(export).list_studies(StudyFilter())
    assert any("1 files not readable" in problem.got for problem in listing.problems)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="'path'"):
        FolderArchive(tmp_path / "nothing").list_studies(StudyFilter())


@pytest.mark.skipif(not REAL.is_dir(), reason="the real series are not beside the repository")
def test_real_series_of_many_makers_are_listed_and_fetched(tmp_path: Path, key) -> None:
    archive = FolderArchive(REAL)
    listing = archive.list_studies(StudyFilter())
    files = [path for path in REAL.rglob("*") if path.is_file() and path.suffix != ".md"]
    assert sum(study.instances or 0 for study in listing.studies) == len(files)
    assert any("without a study number" in problem.got for problem in listing.problems)
    small = [study for study in listing.studies if (study.instances or 0) < 6]
    assert fetch_studies(archive, small, tmp_path, key).fetched == len(small) > 5


def test_an_error_with_its_traceback_names_no_file_and_no_patient(export: Path, tmp_path, key):
    archive = FolderArchive(export)
    study = archive.list_studies(StudyFilter()).studies[0]
    next(export.glob("*1/2/*")).unlink()
    with pytest.raises(StudyError) as error:
        archive.fetch(study, study_folder(tmp_path / "in", key, study))
    said = "".join(traceback.format_exception(error.value))
    assert [word for word in ("王", "Wang", "CASE", "IM 0001") if word in said] == []
