"""A ZIP as an archive, and ZIPs built to do harm."""

import struct
import zipfile
from pathlib import Path

import pytest

from client.archive.errors import ArchiveError
from client.archive.study import StudyFilter
from client.archive.transfer import fetch_studies
from client.archive.zip_file import ZipArchive, ZipLimits


def packed(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_studies_of_a_zip_are_listed_and_unpacked(tmp_path: Path, image, key) -> None:
    entries = {f"王小东/{p}/{n}.dcm": image(p, n) for p in (1, 2) for n in (1, 2)}
    path = packed(tmp_path / "export.zip", {**entries, "letter.txt": b"hello"})
    archive = ZipArchive(path)
    archive.check()
    listing = archive.list_studies(StudyFilter())
    report = fetch_studies(archive, listing.studies, tmp_path / "in", key)
    assert [(s.patient_id, s.instances) for s in listing.studies] == [("CASE1", 2), ("CASE2", 2)]
    assert listing.problems[0].got == "1 files not DICOM or damaged at the start"
    assert report.fetched == 2
    unpacked = sorted(file.read_bytes() for file in (tmp_path / "in").rglob("*.dcm"))
    assert unpacked == sorted(entries.values())
    assert "王" not in " ".join(str(file) for file in (tmp_path / "in").rglob("*"))


def test_two_entries_of_one_name_are_both_unpacked(tmp_path: Path, image, key) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("image", image(1, 1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("image", image(1, 2))
    source = ZipArchive(tmp_path / "a.zip")
    studies = source.list_studies(StudyFilter()).studies
    assert fetch_studies(source, studies, tmp_path / "in", key).fetched == 1
    assert len(list((tmp_path / "in").rglob("*.dcm"))) == 2


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/../../b", "/etc/passwd", "C:/windows/a", "..\\..\\a"]
)
def test_a_path_out_of_the_zip_is_refused(tmp_path: Path, image, name: str) -> None:
    path = packed(tmp_path / "a.zip", {"good": image(1, 1), name: image(2, 1)})
    with pytest.raises(ArchiveError, match="path out of the ZIP") as error:
        ZipArchive(path).list_studies(StudyFilter())
    assert name not in str(error.value)


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="a link"):
        ZipArchive(tmp_path / "a.zip").check()


def test_an_entry_that_swells_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"bomb": bytes(32 * 2**20)})
    with pytest.raises(ArchiveError, match="swells"):
        ZipArchive(path).check()


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (ZipLimits(entries=2), "at most 2 files, got 3"),
        (ZipLimits(index_bytes=40), "Pack fewer"),
        (ZipLimits(total_bytes=1000), "more unpacked bytes"),
        (ZipLimits(entry_bytes=1000), "swells"),
    ],
)
def test_every_limit_is_kept(tmp_path: Path, image, limits: ZipLimits, word: str) -> None:
    path = packed(tmp_path / "a.zip", {str(n): image(1, n) for n in range(3)})
    with pytest.raises(ArchiveError, match=word):
        ZipArchive(path, limits).check()


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path, image) -> None:
    content = image(1, 1)
    path = packed(tmp_path / "a.zip", {"a": content})
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start:end]
    many = 50
    index = b"".join(entry.replace(b"a", b"%c" % (65 + n), 1) for n in range(many))
    tail = bytearray(data[end:])
    struct.pack_into("<HHII", tail, 8, many, many, len(index), start)
    path.write_bytes(data[:start] + index + bytes(tail))
    with pytest.raises(ArchiveError, match="overlap"):
        ZipArchive(path).check()


def test_a_claimed_index_of_four_gigabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 2**32 - 2, 0, 0)
    path = tmp_path / "a.zip"
    path.write_bytes(end)
    with pytest.raises(ArchiveError, match="Pack fewer"):
        ZipArchive(path).check()


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06", b"no zip at all" * 100])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        ZipArchive(tmp_path / "a.zip").check()


def test_a_damaged_entry_fails_its_study_only(tmp_path: Path, image, key) -> None:
    path = packed(tmp_path / "a.zip", {"1": image(1, 1), "2": image(2, 1)})
    source = ZipArchive(path)
    studies = source.list_studies(StudyFilter()).studies
    data = bytearray(path.read_bytes())
    middle = data.index(b"PK\x03\x04", 10) // 2
    data[middle : middle + 50] = bytes(50)
    path.write_bytes(data)
    report = fetch_studies(source, studies, tmp_path / "in", key)
    assert report.fetched == 1
    assert [failure.where[:12] for failure in report.failures] == ["study 1 of 2"]
    assert not list((tmp_path / "in").rglob("*.part"))
