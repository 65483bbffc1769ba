"""One instance's header as a small frozen value; pydicom datasets go no further than this file."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from shared.dicom.elements import number, numbers, seconds_of_day, tag_of, text, whole, words
from shared.dicom.mr_parameters import MR_KEYWORDS, NOT_MR, MrParameters, read_mr_parameters
from shared.dicom.parsing import BoundedFile, open_dataset
from shared.dicom.plain_pixels import PLAIN_KEYWORDS, PlainPixels, find_plain_pixels
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
_TAGS = [tag_of(keyword) for keyword in (*_KEYWORDS, *MR_KEYWORDS, *PLAIN_KEYWORDS)]


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
        mr: How an MR image was acquired.
        frame: Which frame of the file this is, from 0; None where the file was not split.
        rescale: Slope and intercept of the frame; None for a file that was not split.
        has_pixels: Whether pixel data follow the header.
        damage: Why the pixels cannot be complete, as a sentence; empty if nothing is wrong.
        plain: Where the pixels lie, if they can be read without parsing the file again.
        seen: Size in bytes and time of change (ns) of the file that was read; None if none was.
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
    mr: MrParameters = NOT_MR
    frame: int | None = None
    rescale: tuple[float, float] | None = None
    plain: PlainPixels | None = None
    seen: tuple[int, int] | None = None


def read_header(path: Path) -> InstanceHeader:
    """Read the header of one DICOM file; the pixels stay on disk.

    Args:
        path: A file that looks like DICOM.

    Returns:
        The header, with ``damage`` filled where the pixels cannot be complete.

    Raises:
        DicomError: If it cannot be parsed or belongs to no study and series.
    """
    with open_dataset(path, _TAGS) as (dataset, file):
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
    rows, columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
    samples = whole(dataset, "SamplesPerPixel") or 1
    bits_allocated = whole(dataset, "BitsAllocated") or 0
    bits_stored = whole(dataset, "BitsStored") or bits_allocated
    frames = whole(dataset, "NumberOfFrames") or 1
    pixels_at = file.tell()
    has_pixels, left = _pixels_ahead(file, transfer_syntax, rows)
    left = left if samples == 1 else None  # colour is excluded later; its sampling varies
    expected = rows * columns * samples * frames * max(bits_allocated, 1) // 8
    high_bit = whole(dataset, "HighBit")
    modality = text(dataset, "Modality").upper()
    damage = _damage(rows, columns, expected, left) if has_pixels else ""
    plain = None
    if has_pixels and not damage:
        file.seek(pixels_at)
        plain = find_plain_pixels(dataset, file)
    return InstanceHeader(
        path=path,
        patient_id=text(dataset, "PatientID"),
        study_uid=text(dataset, "StudyInstanceUID"),
        series_uid=text(dataset, "SeriesInstanceUID"),
        sop_uid=text(dataset, "SOPInstanceUID"),
        sop_class=text(dataset, "SOPClassUID"),
        transfer_syntax=transfer_syntax,
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        modality=modality,
        manufacturer=text(dataset, "Manufacturer"),
        image_type=tuple(word.upper() for word in words(dataset, "ImageType")),
        description=text(dataset, "SeriesDescription"),
        protocol=text(dataset, "ProtocolName"),
        body_part=text(dataset, "BodyPartExamined").upper(),
        kernel="/".join(words(dataset, "ConvolutionKernel")),
        series_number=whole(dataset, "SeriesNumber"),
        instance_number=whole(dataset, "InstanceNumber"),
        acquisition_number=whole(dataset, "AcquisitionNumber"),
        temporal_position=whole(dataset, "TemporalPositionIdentifier"),
        echo_number=whole(dataset, "EchoNumbers"),
        echo_time_ms=number(dataset, "EchoTime"),
        acquired_s=_acquired(dataset),
        series_s=seconds_of_day(text(dataset, "SeriesTime")),
        bolus_start_s=seconds_of_day(text(dataset, "ContrastBolusStartTime")),
        bolus_agent=text(dataset, "ContrastBolusAgent"),
        burned_in=text(dataset, "BurnedInAnnotation").upper() == "YES",
        frames=frames,
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=bits_stored - 1 if high_bit is None else high_bit,
        signed=whole(dataset, "PixelRepresentation") == 1,
        photometric=text(dataset, "PhotometricInterpretation").upper(),
        position_mm=numbers(dataset, "ImagePositionPatient", 3),
        orientation=numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing_mm=numbers(dataset, "PixelSpacing", 2),
        slice_thickness_mm=number(dataset, "SliceThickness"),
        has_pixels=has_pixels,
        damage=damage,
        mr=read_mr_parameters(dataset) if modality == "MR" else NOT_MR,
        plain=plain,
        seen=(file.size, file.modified_ns),
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


def _acquired(dataset: FileDataset) -> float | None:
    time = seconds_of_day(text(dataset, "AcquisitionTime"))
    return seconds_of_day(text(dataset, "AcquisitionDateTime")[8:]) if time is None else time
