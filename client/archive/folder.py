"""Studies in a folder tree, as a CD or an export leaves them."""

import os
from collections.abc import Iterator
from pathlib import Path

from client.archive.errors import ArchiveError, StudyError
from client.archive.local_index import LocalIndex
from client.archive.study import Listing, Study, StudyFilter
from client.archive.study_folder import StudyFolder
from shared.dicom.instance_identity import ByteSource

CHUNK_BYTES = 2**20


class FolderArchive:
    """A folder tree; links are not followed, so that nothing outside it is read.

    Attributes:
        root: The top of the tree.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._index = LocalIndex()

    def check(self) -> None:
        """Refuse a folder that is not there or may not be read."""
        if not self.root.is_dir() or not os.access(self.root, os.R_OK | os.X_OK):
            raise ArchiveError(
                "Expected a folder that may be read, got none. Correct 'path' under [archive]."
            )

    def list_studies(self, wanted: StudyFilter) -> Listing:
        """Read the start of every file and sort the files into studies."""
        self.check()
        self._index = LocalIndex()
        for folder, subfolders, names in os.walk(self.root):
            subfolders.sort()
            for name in sorted(names):
                self._add(Path(folder) / name)
        return self._index.listing(wanted)

    def fetch(self, study: Study, folder: StudyFolder) -> int:
        """Copy the files of a study."""
        places = self._index.places.get(study.uid, [])
        for place in places:
            if folder.has("file", place):
                continue
            try:
                source = (self.root / place).open("rb")
            except OSError:
                raise StudyError(
                    "A file of the study is gone or may no longer be read. List the folder again."
                ) from None  # the cause names the file, which may hold a patient's name
            with source:
                folder.store("file", place, chunks_of(source))
        return len(places)

    def close(self) -> None:
        """Nothing is held open."""

    def _add(self, path: Path) -> None:
        if path.is_symlink() or not path.is_file():
            return
        try:
            with path.open("rb") as source:
                self._index.add(path.relative_to(self.root).as_posix(), source)
        except OSError:
            self._index.skip_unreadable()


def chunks_of(source: ByteSource) -> Iterator[bytes]:
    """Read an open file piece by piece."""
    while chunk := source.read(CHUNK_BYTES):
        yield chunk
