"""Walk a folder and read the header of every DICOM file; a bad file never stops the walk."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.dicom.header import InstanceHeader
from shared.dicom.multiframe import read_frames
from shared.dicom.parsing import looks_like_dicom
from shared.errors import DicomError

_INDEX_CLASS = "1.2.840.10008.1.3.10"  # a DICOMDIR lists files and is no image itself


@dataclass(frozen=True)
class RejectedFile:
    """A file that starts like DICOM and cannot be used.

    Attributes:
        number: Position in the sorted walk, from 1; names the file without its path.
        path: Where it lies; for the local catalogue only, never for a message.
        reason: What is wrong, as a sentence.
    """

    number: int
    path: Path
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a walk found.

    Attributes:
        instances: Headers, in the order of the walk; a multi-frame file gives one per frame.
        rejected: Files that start like DICOM and cannot be used.
        other_files: How many files are not DICOM at all (texts, pictures, archives).
    """

    instances: tuple[InstanceHeader, ...]
    rejected: tuple[RejectedFile, ...]
    other_files: int


def scan_folder(folder: Path) -> Scan:
    """Read the headers of all DICOM files below a folder.

    Args:
        folder: Root of the walk; files are recognised by content, names do not matter.

    Returns:
        Headers and what was left out, with reasons.

    Raises:
        DicomError: If the folder cannot be read or holds no DICOM file at all.
    """
    if not folder.is_dir():
        raise DicomError("Expected a folder of DICOM files, got no such folder. Check the path.")
    scan = scan_files(walk(folder))
    if not scan.instances and not scan.rejected:
        found = f"{scan.other_files} other files" if scan.other_files else "an empty folder"
        raise DicomError(
            f"Expected DICOM files, got {found}. Point to the folder that holds the studies."
        )
    return scan


def walk(folder: Path) -> Iterator[Path]:
    """Give every regular file below a folder in a stable order, without following links."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def scan_files(paths: Iterable[Path]) -> Scan:
    """Read the headers of the given files.

    Args:
        paths: Any files.

    Returns:
        Headers and what was left out, with reasons.
    """
    instances: list[InstanceHeader] = []
    rejected: list[RejectedFile] = []
    others = 0
    for number, path in enumerate(paths, 1):
        try:
            headers = read_frames(path) if looks_like_dicom(path) else ()
        except DicomError as error:
            if not _is_index(path):
                rejected.append(RejectedFile(number, path, error.message))
            continue
        instances += headers
        others += not headers
    return Scan(tuple(instances), tuple(rejected), others)


def _is_index(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _INDEX_CLASS.encode() in file.read(1024)
    except OSError:
        return False
