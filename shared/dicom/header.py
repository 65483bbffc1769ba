"""One instance's header as a small frozen value; pydicom datasets go no further than this file."""

import math
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from shared.dicom.parsing import PARSE_ERRORS, BoundedFile, open_dataset
from shared.errors import DicomError

LARGEST_SIDE = 4096
"""Pixels; CT and MR images have at most 2048. A larger claim is a damaged header."""

_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}

_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"),
    *("FrameOfReferenceUID", "Modality", "Manufacturer", "ImageType", "SeriesDescription"),
    *("ProtocolName", "BodyPartExamined", "SeriesNumber", "InstanceNumber", "AcquisitionNumber"),
    *("TemporalPositionIdentifier", "EchoNumbers", "EchoTime", "AcquisitionDateTime"),
    *("AcquisitionTime", "SeriesTime", "ContrastBolusStartTime", "ContrastBolusAgent"),
    *("BurnedInAnnotation", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PhotometricInterpretation", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PixelSpacing", "SliceThickness", "ConvolutionKernel"),
)
_BINARY = frozenset(
    ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit")
) | {"PixelRepresentation"}
_TAG_OF = {keyword: Tag(keyword) for keyword in _KEYWORDS}


@dataclass(frozen=True)
class InstanceHeader:
    """What the reader needs to know of one image before it decodes it.

    Texts are empty and numbers None where the file says nothing.

    Attributes:
        path: Where the file lies; never part of a message.
        patient_id: The hospital's patient identifier; never leaves the site.
        position_mm: Centre of the first pixel in patient coordinates (x left, y back, z head).
        orientation: Direction cosines along a row, then down a column.
        pixel_spacing_mm: Distance between rows, then between columns.
        slice_thickness_mm: Only shown; the distance of slices comes from positions.
        acquired_s: Time of day of the acquisition, seconds.
        bolus_start_s: Time of day of the contrast injection, seconds.
        has_pixels: Whether pixel data follow the header.
        damage: Why the pixels cannot be complete, as a sentence; empty if nothing is wrong.
    """

    path: Path
    patient_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    frame_of_reference: str
    modality: str
    manufacturer: str
    image_type: tuple[str, ...]
    description: str
    protocol: str
    body_part: str
    kernel: str
    series_number: int | None
    instance_number: int | None
    acquisition_number: int | None
    temporal_position: int | None
    echo_number: int | None
    echo_time_ms: float | None
    acquired_s: float | None
    series_s: float | None
    bolus_start_s: float | None
    bolus_agent: str
    burned_in: bool
    frames: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    slice_thickness_mm: float | None
    has_pixels: bool
    damage: str


def read_header(path: Path) -> InstanceHeader:
    """Read the header of one DICOM file; the pixels stay on disk.

    Args:
        path: A file that looks like DICOM.

    Returns:
        The header, with ``damage`` filled where the pixels cannot be complete.

    Raises:
        DicomError: If it cannot be parsed or belongs to no study and series.
    """
    with open_dataset(path, list(_TAG_OF.values())) as (dataset, file):
        header = _header(path, dataset, file)
    if header.study_uid and header.series_uid:
        return header
    if not header.has_pixels or not header.modality:
        raise DicomError(
            "The file has no StudyInstanceUID or SeriesInstanceUID and is no CT or MR image, so it "
            "belongs to no series. Export the study again from the archive."
        )
    return _with_stand_in_uids(header)


def _with_stand_in_uids(header: InstanceHeader) -> InstanceHeader:
    """Give an image that an anonymiser robbed of its UIDs those of its folder.

    A folder then is a study, and a series is what shares folder, series number and description.
    """
    folder = str(header.path.parent.resolve())
    series = f"{folder}|{header.series_number}|{header.description}"
    return replace(
        header,
        study_uid=header.study_uid or f"folder-{sha256(folder.encode()).hexdigest()[:16]}",
        series_uid=header.series_uid or f"series-{sha256(series.encode()).hexdigest()[:16]}",
    )


def _header(path: Path, dataset: FileDataset, file: BoundedFile) -> InstanceHeader:
    meta = getattr(dataset, "file_meta", None)
    transfer_syntax = str(meta.get("TransferSyntaxUID", "")) if meta is not None else ""
    rows, columns = _whole(dataset, "Rows") or 0, _whole(dataset, "Columns") or 0
    samples = _whole(dataset, "SamplesPerPixel") or 1
    bits_allocated = _whole(dataset, "BitsAllocated") or 0
    bits_stored = _whole(dataset, "BitsStored") or bits_allocated
    frames = _whole(dataset, "NumberOfFrames") or 1
    has_pixels, left = _pixels_ahead(file, transfer_syntax, rows)
    left = left if samples == 1 else None  # colour is excluded later; its sampling varies
    expected = rows * columns * samples * frames * max(bits_allocated, 1) // 8
    high_bit = _whole(dataset, "HighBit")
    return InstanceHeader(
        path=path,
        patient_id=_text(dataset, "PatientID"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        sop_uid=_text(dataset, "SOPInstanceUID"),
        sop_class=_text(dataset, "SOPClassUID"),
        transfer_syntax=transfer_syntax,
        frame_of_reference=_text(dataset, "FrameOfReferenceUID"),
        modality=_text(dataset, "Modality").upper(),
        manufacturer=_text(dataset, "Manufacturer"),
        image_type=tuple(word.upper() for word in _words(dataset, "ImageType")),
        description=_text(dataset, "SeriesDescription"),
        protocol=_text(dataset, "ProtocolName"),
        body_part=_text(dataset, "BodyPartExamined").upper(),
        kernel="/".join(_words(dataset, "ConvolutionKernel")),
        series_number=_whole(dataset, "SeriesNumber"),
        instance_number=_whole(dataset, "InstanceNumber"),
        acquisition_number=_whole(dataset, "AcquisitionNumber"),
        temporal_position=_whole(dataset, "TemporalPositionIdentifier"),
        echo_number=_whole(dataset, "EchoNumbers"),
        echo_time_ms=_number(dataset, "EchoTime"),
        acquired_s=_acquired(dataset),
        series_s=_seconds(_text(dataset, "SeriesTime")),
        bolus_start_s=_seconds(_text(dataset, "ContrastBolusStartTime")),
        bolus_agent=_text(dataset, "ContrastBolusAgent"),
        burned_in=_text(dataset, "BurnedInAnnotation").upper() == "YES",
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=bits_stored - 1 if high_bit is None else high_bit,
        signed=_whole(dataset, "PixelRepresentation") == 1,
        photometric=_text(dataset, "PhotometricInterpretation").upper(),
        position_mm=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing_mm=_numbers(dataset, "PixelSpacing", 2),
        slice_thickness_mm=_number(dataset, "SliceThickness"),
        has_pixels=has_pixels,
        damage=_damage(rows, columns, expected, left) if has_pixels else "",
    )


def _pixels_ahead(file: BoundedFile, transfer_syntax: str, rows: int) -> tuple[bool, int | None]:
    """Tell whether pixels follow, and for native ones how many bytes are left for them."""
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        return rows > 0, None
    left = file.size - file.tell()
    has_pixels = file.read(2) in (b"\xe0\x7f", b"\x7f\xe0")
    return has_pixels, left if transfer_syntax in _NATIVE or not transfer_syntax else None


def _damage(rows: int, columns: int, expected: int, left: int | None) -> str:
    if not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE):
        return (
            f"it claims {rows} x {columns} pixels, which no CT or MR image has "
            f"(at most {LARGEST_SIDE} a side)"
        )
    if left is not None and left < expected:
        return f"it is cut short: {expected} bytes of pixels announced, {left} there"
    return ""


def _words(dataset: FileDataset, keyword: str) -> tuple[str, ...]:
    """Give an element's values as texts; one that cannot be decoded says nothing."""
    raw: object = dataset.get_item(_TAG_OF[keyword])
    if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
        quick = _quick_words(raw.value, keyword, little_endian=raw.is_little_endian)
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


def _quick_words(value: bytes, keyword: str, *, little_endian: bool) -> tuple[str, ...] | None:
    """Decode what needs no character set: whole numbers and plain ASCII.

    pydicom's own conversion of thirty elements costs more than reading the file.
    """
    if keyword in _BINARY:
        if len(value) != 2:  # noqa: PLR2004  # an unsigned short
            return None
        return (str(int.from_bytes(value, "little" if little_endian else "big")),)
    if not value.isascii() or b"\x1b" in value:  # an escape announces another character set
        return None
    words = value.decode("ascii").replace("\x00", "").split("\\")
    return tuple(text for word in words if (text := word.strip()))


def _text(dataset: FileDataset, keyword: str) -> str:
    return " ".join(_words(dataset, keyword)).replace("\x00", "").strip()


def _numbers(dataset: FileDataset, keyword: str, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(word) for word in _words(dataset, keyword))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def _number(dataset: FileDataset, keyword: str) -> float | None:
    values = _numbers(dataset, keyword, 1)
    return None if values is None else values[0]


def _whole(dataset: FileDataset, keyword: str) -> int | None:
    value = _number(dataset, keyword)
    return None if value is None else int(value)


def _acquired(dataset: FileDataset) -> float | None:
    time = _seconds(_text(dataset, "AcquisitionTime"))
    return _seconds(_text(dataset, "AcquisitionDateTime")[8:]) if time is None else time


def _seconds(time: str) -> float | None:
    """Give the seconds of the day of a DICOM time, HHMMSS.frac; colons of old files pass."""
    digits = time.replace(":", "").split("+")[0].split("-")[0]
    try:
        hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), float(digits[4:] or 0)
    except ValueError:
        return None
    return hours * 3600.0 + minutes * 60.0 + seconds
