"""Split an enhanced multi-frame CT or MR object into frames that read like single images.

An enhanced object keeps what places and scales each frame in functional groups, either shared or
per frame (DICOM PS3.3 C.7.6.16). Each frame becomes a header of its own, so that grouping,
exclusion and geometry treat it as a single-frame file, and its pixels are read alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from shared.dicom.elements import number, numbers, seconds_of_day, tag_of, text, whole, words
from shared.dicom.header import InstanceHeader, read_header
from shared.dicom.mr_parameters import MrParameters
from shared.dicom.parsing import BoundedFile, open_dataset
from shared.errors import DicomError

ENHANCED_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2.1", "2.2", "4.1", "4.4")
)
"""Enhanced CT, legacy converted enhanced CT, enhanced MR, legacy converted enhanced MR."""

_GROUPS = [tag_of("SharedFunctionalGroupsSequence"), tag_of("PerFrameFunctionalGroupsSequence")]

_PIXEL_TAGS = [
    tag_of(keyword)
    for keyword in (
        *("Modality", "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
        *("HighBit", "PixelRepresentation", "PhotometricInterpretation", "NumberOfFrames"),
        *("PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence"),
        *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    )
]


def read_frames(path: Path) -> tuple[InstanceHeader, ...]:
    """Read the headers of a file's images.

    Args:
        path: A file that looks like DICOM.

    Returns:
        One header per frame of an enhanced CT or MR object whose functional groups place its
        frames; else the one header of the file.

    Raises:
        DicomError: As ``read_header``.
    """
    header = read_header(path)
    if header.sop_class not in ENHANCED_CLASSES or not header.has_pixels:
        return (header,)
    with open_dataset(path, _GROUPS) as (dataset, _):
        shared = _items(dataset, "SharedFunctionalGroupsSequence")
        per_frame = _items(dataset, "PerFrameFunctionalGroupsSequence")
        if not per_frame:
            return (header,)
        if len(per_frame) != header.frames:
            told = f"it holds {header.frames} frames and describes {len(per_frame)}"
            return (replace(header, damage=header.damage or told),)
        common = shared[0] if shared else Dataset()
        return tuple(
            _frame_header(header, index, common, own) for index, own in enumerate(per_frame)
        )


def _items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    return list(dataset.get(keyword) or ())


def _frame_header(
    header: InstanceHeader, index: int, common: Dataset, own: Dataset
) -> InstanceHeader:
    def group(keyword: str) -> Dataset:
        items = _items(own, keyword) or _items(common, keyword)
        return items[0] if items else Dataset()

    content, measures = group("FrameContentSequence"), group("PixelMeasuresSequence")
    kind = (
        group("MRImageFrameTypeSequence")
        if header.modality == "MR"
        else group("CTImageFrameTypeSequence")
    )
    echo_ms = number(group("MREchoSequence"), "EffectiveEchoTime")
    acquired = seconds_of_day(
        (text(content, "FrameAcquisitionDateTime") or text(content, "FrameReferenceDateTime"))[8:]
    )
    usage = group("ContrastBolusUsageSequence")
    agent = text(usage, "ContrastBolusAgentAdministered").upper() == "YES"
    acquisition = whole(content, "FrameAcquisitionNumber")
    return replace(
        header,
        frame=index,
        rescale=_rescale(group("PixelValueTransformationSequence")),
        instance_number=index + 1,
        image_type=tuple(word.upper() for word in words(kind, "FrameType")) or header.image_type,
        kernel="/".join(words(group("CTReconstructionSequence"), "ConvolutionKernel")),
        acquisition_number=header.acquisition_number if acquisition is None else acquisition,
        temporal_position=whole(content, "TemporalPositionIndex"),
        echo_time_ms=header.echo_time_ms if echo_ms is None else echo_ms,
        acquired_s=header.acquired_s if acquired is None else acquired,
        bolus_agent=header.bolus_agent or ("administered" if agent else ""),
        position_mm=numbers(group("PlanePositionSequence"), "ImagePositionPatient", 3),
        orientation=numbers(group("PlaneOrientationSequence"), "ImageOrientationPatient", 6),
        pixel_spacing_mm=numbers(measures, "PixelSpacing", 2),
        slice_thickness_mm=number(measures, "SliceThickness"),
        mr=_timing(header.mr, group("MRTimingAndRelatedParametersSequence")),
    )


def _timing(known: MrParameters, timing: Dataset) -> MrParameters:
    repetition, flip = number(timing, "RepetitionTime"), number(timing, "FlipAngle")
    train = whole(timing, "RFEchoTrainLength")
    return replace(
        known,
        repetition_ms=known.repetition_ms if repetition is None else repetition,
        flip_degrees=known.flip_degrees if flip is None else flip,
        echo_train=known.echo_train if train is None else train,
    )


def _rescale(transformation: Dataset) -> tuple[float, float] | None:
    slope = number(transformation, "RescaleSlope")
    intercept = number(transformation, "RescaleIntercept")
    return None if slope is None or intercept is None else (slope, intercept)


@contextmanager
def open_image(instance: InstanceHeader) -> Iterator[FileDataset]:
    """Open the dataset that decodes to one image, be it a file or a frame of one.

    Args:
        instance: Header of the image.

    Yields:
        A dataset with one frame; of a multi-frame file only that frame's bytes are read.

    Raises:
        DicomError: If the file cannot be parsed or the frame is not there.
    """
    if instance.frame is None:
        with open_dataset(instance.path, None) as (dataset, _):
            yield dataset
        return
    deflated = instance.transfer_syntax == DeflatedExplicitVRLittleEndian
    with open_dataset(instance.path, None if deflated else _PIXEL_TAGS) as (dataset, file):
        if int(dataset.get("NumberOfFrames") or 1) != instance.frames:
            raise DicomError("it changed since the folder was scanned. Scan again.")
        if deflated:
            size = _frame_bytes(instance)
            start = instance.frame * size
            pixels = bytes(dataset.PixelData[start : start + size])
        else:
            pixels = _frame_pixels(instance, dataset, file)
        dataset.NumberOfFrames = 1
        dataset.PixelData = pixels
        compressed = UID(instance.transfer_syntax).is_encapsulated
        dataset["PixelData"].VR = "OB" if compressed or instance.bits_allocated <= 8 else "OW"  # noqa: PLR2004  # a byte
        yield dataset


def _frame_bytes(instance: InstanceHeader) -> int:
    return instance.rows * instance.columns * instance.samples * instance.bits_allocated // 8


def _frame_pixels(instance: InstanceHeader, dataset: FileDataset, file: BoundedFile) -> bytes:
    """Read one frame from a file that stands at its pixel data (PS3.5 7.1.2, 7.1.3, A.4)."""
    syntax, frame = UID(instance.transfer_syntax), instance.frame or 0
    file.seek(file.tell() + (8 if syntax == ImplicitVRLittleEndian else 12))
    if syntax.is_encapsulated:
        tables = None
        if "ExtendedOffsetTable" in dataset:
            tables = dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
        found = get_frame(file, frame, extended_offsets=tables, number_of_frames=instance.frames)
        return bytes(encapsulate([found]))
    size = _frame_bytes(instance)
    file.seek(file.tell() + frame * size)
    pixels = file.read(size)
    if len(pixels) != size:
        raise DicomError(f"{size} bytes of pixels announced, {len(pixels)} there. Send it again.")
    if syntax == ExplicitVRBigEndian:
        raise DicomError("it is a multi-frame object in the retired big endian form. Convert it.")
    return pixels
