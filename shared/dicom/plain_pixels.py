"""Ordinary uncompressed images: their pixels are read by place, so that a file is parsed once.

Most uncompressed files are written alike: one grey frame of 16 bits at the end of the file. While
the header is read, everything that such pixels need is at hand, and parsing the file a second time
costs more than reading them. A file that differs in anything is not ordinary: it is parsed in full
when its pixels are wanted, and meets every check there.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from shared.dicom.elements import tag_of
from shared.dicom.parsing import BoundedFile, unreadable
from shared.errors import DicomError

PLAIN_KEYWORDS = (
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "PlanarConfiguration"),
    "ExtendedOffsetTable",
)
"""Elements that ``find_plain_pixels`` needs beyond those of every header."""

_BITS, _BYTES = 16, 2
_GREY = (b"MONOCHROME1 ", b"MONOCHROME2 ")  # padded to an even length (PS3.5 6.2)
_ONE = (None, b"1 ")
_DECIMAL = re.compile(rb" *[-+]?[0-9]{1,12}(\.[0-9]{0,12})?([eE][-+]?[0-9]{1,3})? *")
_PIXEL_TAG, _FILLING_TAG = b"\xe0\x7f\x10\x00", b"\xfc\xff\xfc\xff"
"""PixelData, and DataSetTrailingPadding, with which old scanners fill the last block."""

_LENGTH_BYTES = 4


@dataclass(frozen=True)
class PlainPixels:
    """Where an ordinary file keeps its pixels, and how they scale.

    Attributes:
        start: Byte at which the first pixel begins.
        rescale: Slope and intercept; None where the file gives none.
        padding: Lowest and highest stored value that lie outside the reconstruction, if declared.
    """

    start: int
    rescale: tuple[float | None, float | None]
    padding: tuple[int, int] | None


class _UnusualError(ValueError):
    """A file is not ordinary."""


def find_plain_pixels(dataset: FileDataset, file: BoundedFile) -> PlainPixels | None:
    """Find the pixels of an ordinary file.

    Args:
        dataset: Its header, with ``PLAIN_KEYWORDS`` among the elements kept.
        file: The file, standing at the element of its pixels.

    Returns:
        Their place, or None for a file that is not ordinary.
    """
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    implicit = syntax == ImplicitVRLittleEndian
    if not implicit and syntax != ExplicitVRLittleEndian:
        return None
    if dataset.original_encoding != (implicit, True):
        return None
    if "ModalityLUTSequence" in dataset or "ExtendedOffsetTable" in dataset:
        return None
    try:
        size, signed = _matrix(dataset)
        rescale = _decimal(dataset, "RescaleSlope"), _decimal(dataset, "RescaleIntercept")
        modality = _bytes(dataset, "Modality", "CS")
        if None in rescale and modality != b"MR":  # which has no unit; a CT without is refused
            return None
        padding = _padding(dataset, signed=signed)
        return PlainPixels(_start(file, size, implicit=implicit), rescale, padding)
    except _UnusualError:
        return None


def read_plain_pixels(
    path: Path, start: int, shape: tuple[int, int], *, signed: bool
) -> Integer[np.ndarray, "height width"]:
    """Read the pixels of an ordinary file.

    Args:
        path: The file, unchanged since its header was read.
        start: Byte at which they begin.
        shape: Rows and columns.
        signed: Whether they are signed.

    Returns:
        Stored values; bits above those stored are as in the file.

    Raises:
        DicomError: If the file is gone or shorter.
    """
    pixels = np.empty(shape, dtype="<i2" if signed else "<u2")
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            count = file.readinto(pixels.data.cast("B"))
    except OSError as error:
        raise unreadable(error) from error
    if count != pixels.nbytes:
        raise DicomError("it changed since the folder was scanned. Scan again.")
    return pixels


def _matrix(dataset: FileDataset) -> tuple[int, bool]:
    """Give the bytes of one grey frame of 16 bits, and whether they are signed."""
    photometric = _bytes(dataset, "PhotometricInterpretation", "CS")
    frames = _bytes(dataset, "NumberOfFrames", "IS")
    sizes = [_short(dataset, keyword) for keyword in ("Rows", "Columns")]
    bits = [_short(dataset, keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit")]
    _whole(_bytes(dataset, "PlanarConfiguration", "US") or bytes(_BYTES), signed=False)
    samples, signed = _short(dataset, "SamplesPerPixel"), _short(dataset, "PixelRepresentation")
    ordinary = (
        photometric in _GREY
        and frames in _ONE
        and samples == 1
        and bits[0] == _BITS
        and 1 <= bits[1] <= _BITS
        and bits[2] == bits[1] - 1
        and signed in (0, 1)
    )
    if not ordinary:
        raise _UnusualError
    return sizes[0] * sizes[1] * _BYTES, signed == 1


def _padding(dataset: FileDataset, *, signed: bool) -> tuple[int, int] | None:
    """Give the declared padding; an implicit file does not say that it is signed as pixels are."""
    ends = []
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        raw = _raw(dataset, keyword, "US", "SS")
        if raw is not None:
            ends.append(_whole(raw.value, signed=signed if raw.VR is None else raw.VR == "SS"))
        elif not ends:
            return None
    return min(ends), max(ends)


def _short(dataset: FileDataset, keyword: str) -> int:
    return _whole(_bytes(dataset, keyword, "US"), signed=False)


def _whole(value: bytes | None, *, signed: bool) -> int:
    if value is None or len(value) != _BYTES:
        raise _UnusualError
    return int.from_bytes(value, "little", signed=signed)


def _decimal(dataset: FileDataset, keyword: str) -> float | None:
    value = _bytes(dataset, keyword, "DS")
    if value is None:
        return None
    if not _DECIMAL.fullmatch(value):
        raise _UnusualError
    return float(value)


def _bytes(dataset: FileDataset, keyword: str, kind: str) -> bytes | None:
    raw = _raw(dataset, keyword, kind)
    return None if raw is None else raw.value


def _raw(dataset: FileDataset, keyword: str, *kinds: str) -> RawDataElement | None:
    """Give an element as it stands in the file; implicit files do not name its kind."""
    found: object = dataset.get_item(tag_of(keyword))
    if found is None:
        return None
    if not isinstance(found, RawDataElement) or found.VR not in (*kinds, None):
        raise _UnusualError
    if found.value is None:
        raise _UnusualError
    return found


def _start(file: BoundedFile, size: int, *, implicit: bool) -> int:
    """Demand one element of the right length that ends the file, and give its value's place."""
    if _length(file, _PIXEL_TAG, b"OW", implicit=implicit) != size:
        raise _UnusualError
    start = file.tell()
    if start + size != file.size:
        file.seek(start + size)
        rest = _length(file, _FILLING_TAG, b"OB", implicit=implicit)
        if file.tell() + rest != file.size:
            raise _UnusualError
    return start


def _length(file: BoundedFile, tag: bytes, kind: bytes, *, implicit: bool) -> int:
    """Read the head of an element (PS3.5 7.1.2, implicit 7.1.3) and give its value's length."""
    expected = tag if implicit else tag + kind + bytes(2)
    head = file.read(len(expected) + _LENGTH_BYTES)
    if not head.startswith(expected):
        raise _UnusualError
    return int.from_bytes(head[len(expected) :], "little")
