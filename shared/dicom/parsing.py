"""Guarded reading with pydicom: no lying length allocates, no odd value warns, no error escapes.

pydicom trusts lengths and values in a file; hospitals' files deserve less trust. A length larger
than the file would make Python allocate it before noticing, a deflated file can grow a
thousandfold, and a damaged element may raise almost anything.
"""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom import config, dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from shared.errors import DicomError

PARSE_ERRORS = (
    BytesLengthException,
    InvalidDicomError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom and its decoders raise on damaged input, seen on mutated files."""

LARGEST_FILE_BYTES = 512 * 2**20
"""A single-frame CT or MR image is far below; a larger file is not one."""

LARGEST_INFLATED_BYTES = 128 * 2**20
"""Parsing holds a deflated file three times, so this stays well below a gigabyte."""

_FEW_BYTES = 2**12
_WHOLE_FILE_BYTES = 16 * 2**20
"""Up to here, a file whose pixels are wanted is read at once, which parses a quarter faster."""

_PREAMBLE = 128
_LARGEST_META_BYTES = 2**14  # fifty times what it usually is
_PIECE_BYTES = 2**20
_LONG_FORMS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UC", b"UN", b"UR", b"UT")
"""Value representations with a length of four bytes (PS3.5 7.1.2)."""


class BoundedFile:
    """A file whose ``read`` never asks for more than the file holds.

    ``file.read(n)`` allocates ``n`` bytes first, so a length field of 4 GB would cost 4 GB.
    """

    def __init__(self, raw: BinaryIO) -> None:
        """Wrap an open file."""
        state = os.fstat(raw.fileno())
        self._raw = raw
        self.size, self.modified_ns = state.st_size, state.st_mtime_ns
        self.seek = raw.seek
        self.tell = raw.tell

    def read(self, count: int = -1) -> bytes:
        """Read up to ``count`` bytes, or the rest."""
        if 0 <= count <= _FEW_BYTES:  # most reads by far, and none that could cost memory
            return self._raw.read(count)
        left = max(self.size - self._raw.tell(), 0)
        return self._raw.read(left if count < 0 else min(count, left))


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom's value validation and warnings while a hospital's file is read.

    Values are checked here, where they are used; texts about them could carry patient data.
    """
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = before


def looks_like_dicom(path: Path) -> bool:
    """Tell by its first bytes whether a file is DICOM, with or without the 128-byte preamble.

    Args:
        path: Any file.

    Returns:
        True where the magic word stands after the preamble, or where the file starts with a
        plausible element of group 2 or 8.

    Raises:
        DicomError: If the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_PREAMBLE + 4)
    except OSError as error:
        raise DicomError("The file cannot be opened. Check its access rights.") from error
    return head[_PREAMBLE:] == b"DICM" or _starts_with_element(head)


def _starts_with_element(head: bytes) -> bool:
    if len(head) < 12:  # noqa: PLR2004  # the shortest element with a value
        return False
    for order in ("<", ">"):
        group, element = struct.unpack(order + "HH", head[:4])
        if group in (2, 8) and element in (0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0016, 0x0018):
            explicit = head[4:6].isalpha() and head[4:6].isupper()
            (length,) = struct.unpack(order + "I", head[4:8])
            return explicit or length <= 256  # noqa: PLR2004  # implicit VR: a short text or number
    return False


@contextmanager
def open_dataset(
    path: Path, tags: list[BaseTag] | None
) -> Iterator[tuple[FileDataset, BoundedFile]]:
    """Open a DICOM file with every guard on.

    Args:
        path: The file.
        tags: Elements to keep of a header-only reading; None reads everything with pixels.

    Yields:
        The dataset and the file, which a header-only reading leaves before the pixels.

    Raises:
        DicomError: If it is larger than any image, inflates beyond measure, or cannot be parsed.
    """
    with quiet_pydicom():
        try:
            with path.open("rb") as raw:
                file = BoundedFile(raw)
                if file.size > LARGEST_FILE_BYTES:
                    raise DicomError(
                        f"The file has {file.size / 2**20:.0f} MB, more than any single image. "
                        "Export the series as single-frame images."
                    )
                _refuse_inflation(file)
                at_once = tags is None and file.size <= _WHOLE_FILE_BYTES
                yield (
                    dcmread(
                        BytesIO(file.read()) if at_once else file,
                        stop_before_pixels=tags is not None,
                        specific_tags=tags,
                        force=True,
                    ),
                    file,
                )
        except PARSE_ERRORS as error:
            raise unreadable(error) from error


def unreadable(error: Exception) -> DicomError:
    """Put what reading a file raised into a sentence that quotes nothing of it."""
    return DicomError(
        f"The file cannot be read or decoded as DICOM ({type(error).__name__}). Export it again."
    )


def _refuse_inflation(file: BoundedFile) -> None:
    """Inflate a deflated file piece by piece, keeping nothing, until it ends or is too large."""
    syntax, start = _transfer_syntax(file.read(_FEW_BYTES))
    if start > _FEW_BYTES:
        file.seek(0)
        syntax, start = _transfer_syntax(file.read(_LARGEST_META_BYTES))
        if start > _LARGEST_META_BYTES:
            raise DicomError("The file's meta information never ends. Export it again.")
    if syntax == DeflatedExplicitVRLittleEndian.encode():
        file.seek(start)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        total = 0
        while piece := inflater.unconsumed_tail or file.read(_PIECE_BYTES):
            total += len(inflater.decompress(piece, _PIECE_BYTES))
            if total > LARGEST_INFLATED_BYTES:
                raise DicomError("The deflated file grows beyond any image. Export it again.")
    file.seek(0)


def _transfer_syntax(head: bytes) -> tuple[bytes, int]:
    """Walk the meta group as pydicom does (PS3.10 7.1); give the syntax and where it ends."""
    at = _PREAMBLE + 4 if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" else 0
    syntax = b""
    while head[at : at + 2] == b"\2\0":
        element = head[at + 2 : at + 4]
        if head[at + 4 : at + 6] in _LONG_FORMS:
            begin, length = at + 12, int.from_bytes(head[at + 8 : at + 12], "little")
        else:
            begin, length = at + 8, int.from_bytes(head[at + 6 : at + 8], "little")
        at = begin + length
        if element == b"\x10\0":
            syntax = head[begin:at].rstrip(b"\0 ")
    return syntax, at
