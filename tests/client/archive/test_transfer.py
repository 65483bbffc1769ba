"""Fetching many studies: what fails is named by number and pseudonym, and stops no other."""

import os
import threading
from pathlib import Path

import pytest

from client.archive.folder import FolderArchive
from client.archive.study import Study, StudyFilter
from client.archive.study_folder import StudyFolder
from client.archive.transfer import TransferLimits, fetch_studies, study_folder
from shared.dicom.pseudonym import study_pseudonym


@pytest.fixture
def export(tmp_path: Path, image) -> Path:
    root = tmp_path / "export"
    root.mkdir()
    for patient in (1, 2, 3):
        (root / f"{patient}").write_bytes(image(patient, 1))
    return root


def test_folders_are_named_by_pseudonyms_that_do_not_change(export: Path, tmp_path, key) -> None:
    archive = FolderArchive(export)
    studies = archive.list_studies(StudyFilter()).studies
    fetch_studies(archive, studies, tmp_path / "in", key)
    names = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert names == sorted(study_pseudonym(key, study.uid) for study in studies)


def test_a_place_that_cannot_be_written_fails_that_study_only(export: Path, tmp_path, key) -> None:
    archive = FolderArchive(export)
    studies = archive.list_studies(StudyFilter()).studies
    destination = tmp_path / "in"
    destination.mkdir()
    (destination / study_pseudonym(key, studies[1].uid)).write_text("a file in the way")
    report = fetch_studies(archive, studies, destination, key)
    assert report.fetched == 2
    assert [f.where for f in report.failures] == [
        f"study 2 of 3 ({study_pseudonym(key, studies[1].uid)})"
    ]
    assert "the disk refused to write" in report.failures[0].got
    assert str(tmp_path) not in report.failures[0].sentence()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said(export: Path, tmp_path, key, monkeypatch) -> None:
    archive = FolderArchive(export)
    studies = archive.list_studies(StudyFilter()).studies[:1]
    monkeypatch.setattr(
        "tempfile.mkstemp", lambda **_: (os.open("/dev/full", os.O_RDWR), str(tmp_path / "x"))
    )
    report = fetch_studies(archive, studies, tmp_path / "in", key)
    assert "No space left on device" in report.failures[0].got


def test_a_damaged_study_on_disk_is_brought_in_again(export: Path, tmp_path, key, image) -> None:
    archive = FolderArchive(export)
    studies = archive.list_studies(StudyFilter()).studies
    fetch_studies(archive, studies, tmp_path / "in", key)
    folder = study_folder(tmp_path / "in", key, studies[0])
    next(folder.path.glob("*.dcm")).unlink()
    report = fetch_studies(archive, studies, tmp_path / "in", key)
    assert (report.fetched, report.already_complete) == (1, 2)
    assert next(folder.path.glob("*.dcm")).read_bytes() == image(1, 1)


def test_progress_counts_every_study_once_whatever_came_of_it(export: Path, tmp_path, key) -> None:
    archive = FolderArchive(export)
    studies = archive.list_studies(StudyFilter()).studies
    destination = tmp_path / "in"
    destination.mkdir()
    (destination / study_pseudonym(key, studies[0].uid)).write_text("a file in the way")
    told: list[tuple[int, int]] = []
    report = fetch_studies(
        archive, studies, destination, key, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert (report.fetched, len(report.failures)) == (2, 1)


class Held(FolderArchive):
    """An archive that gives one study at once and the next ones when it is let go."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked, self.let_go = 0, threading.Event()

    def fetch(self, study: Study, folder: StudyFolder) -> int:
        self.asked += 1
        if self.asked > 1:
            self.let_go.wait(10)
        return super().fetch(study, folder)


def test_whoever_stops_a_transfer_does_not_wait_for_the_queue(export: Path, tmp_path, key) -> None:
    archive = Held(export)
    studies = archive.list_studies(StudyFilter()).studies

    def stop(_done: int, _total: int) -> None:
        threading.Timer(0.3, archive.let_go.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_studies(
            archive, studies, tmp_path / "in", key, TransferLimits(parallel=1), progress=stop
        )
    kept = sum(study_folder(tmp_path / "in", key, study).is_complete(1) for study in studies)
    assert kept == 2  # the one before and the one under way


def test_nothing_to_fetch_is_no_failure(export: Path, tmp_path, key) -> None:
    report = fetch_studies(FolderArchive(export), [], tmp_path / "in", key)
    assert (report.fetched, report.already_complete, report.failures) == (0, 0, ())
