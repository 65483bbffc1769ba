"""Guarded reading with pydicom: no lying length allocates, no odd value warns, no error escapes.

pydicom trusts lengths and values in a file; hospitals' files deserve less trust. A length larger
than the file would make Python allocate it before noticing, a deflated file can grow a
thousandfold, and a damaged element may raise almost anything.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
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

_PREAMBLE = 128


class BoundedFile:
    """A file whose ``read`` never asks for more than the file holds.

    ``file.read(n)`` allocates ``n`` bytes first, so a length field of 4 GB would cost 4 GB.
    """

    def __init__(self, raw: BinaryIO, size: int) -> None:
        """Wrap an open file of ``size`` bytes."""
        self._raw = raw
        self.size = size
        self.seek = raw.seek
        self.tell = raw.tell

    def read(self, count: int = -1) -> bytes:
        """Read up to ``count`` bytes, or the rest."""
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
            size = path.stat().st_size
            if size > LARGEST_FILE_BYTES:
                raise DicomError(
                    f"The file has {size / 2**20:.0f} MB, more than any single image. "
                    "Export the series as single-frame images."
                )
            with path.open("rb") as raw:
                file = BoundedFile(raw, size)
                _refuse_inflation(file)
                yield (
                    dcmread(
                        file,
                        stop_before_pixels=tags is not None,
                        specific_tags=tags,
                        force=True,
                    ),
                    file,
                )
        except PARSE_ERRORS as error:
            raise DicomError(
                f"The file cannot be read or decoded as DICOM ({type(error).__name__}). "
                "Export it again."
            ) from error


def _refuse_inflation(file: BoundedFile) -> None:
    head = file.read(4096)
    file.seek(0)
    if DeflatedExplicitVRLittleEndian.encode() + b"\x00" not in head:
        return
    meta_length = struct.unpack("<I", head[140:144])[0] if head[132:136] == b"\2\0\0\0" else 0
    file.seek(144 + meta_length)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(file.read(), LARGEST_FILE_BYTES // 4)
    file.seek(0)
    if inflater.unconsumed_tail and len(inflated) >= LARGEST_FILE_BYTES // 4:
        raise DicomError("The deflated file grows beyond any image. Export it again.")
