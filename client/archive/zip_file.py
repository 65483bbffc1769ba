"""Studies in a ZIP file, read entry by entry; a ZIP built to do harm is refused before it is read.

Names of entries serve only to tell entries apart: no path is ever made of them.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from client.archive.errors import ArchiveError, StudyError
from client.archive.folder import chunks_of
from client.archive.local_index import LocalIndex
from client.archive.study import Listing, Study, StudyFilter
from client.archive.study_folder import StudyFolder

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,  # zipfile's word for a password
    NotImplementedError,
    ValueError,
)
"""What reading a damaged or locked ZIP raises."""

_END = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 65_535
_LOCATOR_BYTES = 20
_LARGE_END_BYTES = 56
_SMALL_ENTRY_BYTES = 16 * 2**20  # below it an entry may be as empty as it likes


@dataclass(frozen=True)
class ZipLimits:
    """What a ZIP may be at most.

    Attributes:
        entries: Number of entries; a year of liver studies has fewer.
        index_bytes: Size of its table of contents, which is read into memory.
        total_bytes: Size of everything unpacked.
        entry_bytes: Size of one entry unpacked.
        ratio: Unpacked against packed size of a large entry; images reach 10, empty ones 100.
    """

    entries: int = 500_000
    index_bytes: int = 128 * 2**20
    total_bytes: int = 2**40
    entry_bytes: int = 2**31
    ratio: int = 200


class ZipArchive:
    """A ZIP file with studies."""

    def __init__(self, path: Path, limits: ZipLimits | None = None) -> None:
        self.path = path
        self.limits = limits or ZipLimits()
        self._index = LocalIndex()

    def check(self) -> None:
        """Refuse a file that is no ZIP, or one that is built to do harm."""
        with self._open():
            pass

    def list_studies(self, wanted: StudyFilter) -> Listing:
        """Read the start of every entry and sort the entries into studies."""
        self._index = LocalIndex()
        with self._open() as archive:
            for number, entry in enumerate(archive.infolist()):
                if not entry.is_dir():
                    self._add(archive, number, entry)
        return self._index.listing(wanted)

    def fetch(self, study: Study, folder: StudyFolder) -> int:
        """Unpack the entries of a study."""
        places = self._index.places.get(study.uid, [])
        with self._open() as archive:
            entries = archive.infolist()
            for place in places:
                if not folder.has("file", place):
                    number = int(place.rpartition("#")[2])
                    folder.store("file", place, _unpacked(archive, entries[number]))
        return len(places)

    def close(self) -> None:
        """Nothing is held open."""

    def _add(self, archive: zipfile.ZipFile, number: int, entry: zipfile.ZipInfo) -> None:
        try:
            with archive.open(entry) as source:
                self._index.add(f"{entry.filename}#{number}", source)
        except _DAMAGE:
            self._index.skip_unreadable()

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        """Open the ZIP after looking at what it claims."""
        try:
            entries, index_bytes = _claimed_index(self.path)
            if entries > self.limits.entries or index_bytes > self.limits.index_bytes:
                raise ArchiveError(
                    f"Expected a ZIP of at most {self.limits.entries} files, got {entries}. "
                    "Pack fewer studies into one ZIP."
                )
            archive = zipfile.ZipFile(self.path)
        except _DAMAGE:
            raise ArchiveError(
                "Expected a ZIP file that may be read, got none or a damaged one. "
                "Correct 'path' under [archive], or pack the studies again."
            ) from None  # the cause may name an entry
        with archive:
            self._refuse_harm(archive)
            yield archive

    def _refuse_harm(self, archive: zipfile.ZipFile) -> None:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        checks = (
            (unpacked > self.limits.total_bytes, "more unpacked bytes than a ZIP of studies has"),
            (packed > self.path.stat().st_size, "entries that overlap, as in a ZIP bomb"),
            (any(self._swells(entry) for entry in entries), "an entry that swells, as a bomb does"),
            (any(_escapes(entry) for entry in entries), "an entry with a path out of the ZIP"),
            (any(_is_link(entry) for entry in entries), "a link instead of a file"),
        )
        for harmful, what in checks:
            if harmful:
                raise ArchiveError(
                    f"Expected a ZIP with studies, got one with {what}. It is not unpacked. "
                    "Pack the studies again with an ordinary program."
                )

    def _swells(self, entry: zipfile.ZipInfo) -> bool:
        if entry.file_size > self.limits.entry_bytes:
            return True
        suspicious = entry.file_size > _SMALL_ENTRY_BYTES
        return suspicious and entry.file_size > self.limits.ratio * max(entry.compress_size, 1)


def _escapes(entry: zipfile.ZipInfo) -> bool:
    name = entry.orig_filename.replace("\\", "/")
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or name[1:2] == ":"


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(entry) as source:
            yield from chunks_of(source)
    except _DAMAGE:
        raise StudyError(
            "An entry of the ZIP is damaged or locked. Pack the studies again without a password."
        ) from None  # the cause may name an entry


def _claimed_index(path: Path) -> tuple[int, int]:
    """Give the number of entries and the size of the index that the end of a ZIP claims.

    ``zipfile`` reads the whole index into memory before it tells its size. Layout: PKWARE
    APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        tail_start = max(size - _END_BYTES - _LONGEST_COMMENT - _LOCATOR_BYTES, 0)
        file.seek(tail_start)
        tail = file.read()
        end = tail.rfind(_END)
        if end < 0:
            raise zipfile.BadZipFile
        entries, index_bytes = struct.unpack_from("<HI", tail, end + 10)
        if end >= _LOCATOR_BYTES and tail[end - _LOCATOR_BYTES :].startswith(b"PK\x06\x07"):
            file.seek(struct.unpack_from("<Q", tail, end - _LOCATOR_BYTES + 8)[0])
            entries, index_bytes = struct.unpack_from("<QQ", file.read(_LARGE_END_BYTES), 32)
    return entries, index_bytes
