"""Read single elements of a dataset as plain values; one that cannot be decoded says nothing."""

import math
from functools import cache

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from shared.dicom.parsing import PARSE_ERRORS

_BINARY = frozenset(
    ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit")
) | {"PixelRepresentation"}


@cache
def tag_of(keyword: str) -> BaseTag:
    """Give the tag of a DICOM keyword."""
    return Tag(keyword)


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Give an element's values as texts, stripped, without empty ones."""
    raw: object = dataset.get_item(tag_of(keyword))
    if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
        quick = _quick_words(raw.value, keyword, raw.VR, little_endian=raw.is_little_endian)
        if quick is not None:
            return quick
    try:
        value = dataset.get(keyword)
    except PARSE_ERRORS:
        return ()
    if value is None:
        return ()
    many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return tuple(text for word in many if (text := str(word).strip()))


_BINARY_VRS = frozenset(("FD", "FL", "SL", "SS", "UL", "US", "SV", "UV", "AT"))


def _quick_words(
    value: bytes, keyword: str, vr: str | None, *, little_endian: bool
) -> tuple[str, ...] | None:
    """Decode what needs no character set: whole numbers and plain ASCII.

    pydicom's own conversion of thirty elements costs more than reading the file.
    """
    if keyword in _BINARY:
        if len(value) != 2:  # noqa: PLR2004  # an unsigned short
            return None
        return (str(int.from_bytes(value, "little" if little_endian else "big")),)
    if vr in _BINARY_VRS or keyword in _NUMBERS:
        return None
    if not value.isascii() or b"\x1b" in value:  # an escape announces another character set
        return None
    parts = value.decode("ascii").replace("\x00", "").split("\\")
    return tuple(word for part in parts if (word := part.strip()))


_NUMBERS = frozenset(
    (
        *("EffectiveEchoTime", "DiffusionBValue", "RFEchoTrainLength", "SegmentNumber"),
        *("TemporalPositionIndex", "FrameAcquisitionNumber", "ReferencedSegmentNumber"),
        "MaximumFractionalValue",
    )
)
"""Stored in binary, which implicit encodings do not say."""


def text(dataset: Dataset, keyword: str) -> str:
    """Give an element's values as one text; empty where there are none."""
    return " ".join(words(dataset, keyword)).replace("\x00", "").strip()


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Give exactly ``count`` finite numbers, or None."""
    try:
        values = tuple(float(word) for word in words(dataset, keyword))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """Give one finite number, or None."""
    values = numbers(dataset, keyword, 1)
    return None if values is None else values[0]


def whole(dataset: Dataset, keyword: str) -> int | None:
    """Give one whole number, or None."""
    value = number(dataset, keyword)
    return None if value is None else int(value)


def seconds_of_day(time: str) -> float | None:
    """Give the seconds of the day of a DICOM time, HHMMSS.frac; colons of old files pass."""
    digits = time.replace(":", "").split("+")[0].split("-")[0]
    try:
        hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), float(digits[4:] or 0)
    except ValueError:
        return None
    return hours * 3600.0 + minutes * 60.0 + seconds
