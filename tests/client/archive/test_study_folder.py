"""A study's folder never shows half of anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.archive.errors import StudyError
from client.archive.study_folder import MARKER, StudyFolder


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path / "study", lambda text: text.encode().hex())


def test_what_is_stored_is_there_and_counted_by_series(folder: StudyFolder) -> None:
    folder.store("s1", "a", [b"one", b"two"])
    folder.store("s1", "b", [b"three"])
    folder.store("s2", "a", [b"four"])
    assert (folder.count(), folder.count("s1"), folder.count("s2")) == (3, 2, 1)
    assert folder.has("s1", "a")
    assert not folder.has("s2", "b")
    assert sorted(p.read_bytes() for p in folder.path.glob("*.dcm")) == [
        *(b"four", b"onetwo", b"three")
    ]


def test_an_interrupted_instance_leaves_nothing(folder: StudyFolder) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        folder.store("s", "a", broken())
    assert list(folder.path.iterdir()) == []


def test_an_instance_that_is_refused_never_appears(folder: StudyFolder) -> None:
    def refuse(source) -> None:
        assert source.read(4) == b"data"
        raise StudyError("not this one")

    with pytest.raises(StudyError):
        folder.store("s", "a", [b"data"], refuse)
    assert list(folder.path.iterdir()) == []


def test_a_study_is_complete_only_with_its_marker(folder: StudyFolder) -> None:
    folder.store("s", "a", [b"data"])
    assert not folder.is_complete(1)
    folder.mark_complete()
    assert folder.is_complete(1)
    assert folder.is_complete(None)
    assert not folder.is_complete(2)  # the archive has more by now


@pytest.mark.parametrize("damage", ["lost", "shorter", "added", "marker"])
def test_a_study_that_changed_after_its_marker_is_not_complete(
    folder: StudyFolder, damage: str
) -> None:
    for name in "abc":
        folder.store("s", name, [b"data"])
    folder.mark_complete()
    path = next(folder.path.glob("*.dcm"))
    if damage == "lost":
        path.unlink()
    elif damage == "shorter":
        path.write_bytes(b"dat")
    elif damage == "added":
        folder.store("s", "d", [b"data"])
    else:
        (folder.path / MARKER).write_text("{")
    assert not folder.is_complete(None)


def test_an_empty_folder_is_never_complete(folder: StudyFolder) -> None:
    folder.mark_complete()
    assert not folder.is_complete(None)


def test_what_an_interrupted_transfer_left_is_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "x.part").write_bytes(b"half")
    StudyFolder(folder, str)
    assert list(folder.iterdir()) == []


def test_folder_and_files_are_for_their_owner_only(folder: StudyFolder) -> None:
    folder.store("s", "a", [b"data"])
    modes = {path.stat().st_mode & 0o077 for path in (folder.path, *folder.path.iterdir())}
    assert modes == {0}
