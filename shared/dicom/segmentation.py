"""Find the liver's slices in a DICOM segmentation (SEG), by geometry (PS3.3 C.8.20).

Frames are placed by their plane positions, not by the images they refer to: archives and
anonymisers renew UIDs, and a segmentation may leave empty slices out.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Integer
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array

from shared.dicom.codestream import codestream_size
from shared.dicom.elements import numbers, text, whole
from shared.dicom.geometry import VolumeGeometry
from shared.dicom.header import LARGEST_SIDE
from shared.dicom.mask_slices import refuse_other_patient_space, touched_range_mm
from shared.dicom.parsing import open_dataset
from shared.dicom.pixels import PLUGINS
from shared.errors import VolumeError

SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation and label map segmentation."""

LIVER_CODES = frozenset((("SRT", "T-62000"), ("SCT", "10200004"), ("FMA", "7197")))
"""Codes of the liver in SNOMED RT, SNOMED CT and the Foundational Model of Anatomy."""

LIVER_NAME = re.compile(r"\bliver\b|\bhepar\b|肝脏|全肝|^肝$", re.IGNORECASE)
PART_OF_LIVER = re.compile(
    r"lesion|tumou?r|vessel|vein|arter|cyst|\bmets?\b|metasta|segment(?!ation)|lobe|duct"
    r"|[gcp]tv|prv|\bring\b|病灶|肿瘤|血管|静脉|动脉|囊肿|段|叶",
    re.IGNORECASE,
)
"""Names with such a word mean a part of the liver, or a part of it spared in radiotherapy."""

_PARALLEL = 2e-3  # of direction cosines: 0.1 degree
_WHAT = "The segmentation"
_LARGEST_VOXELS = 2**31  # 2000 frames of 1024 x 1024


def names_liver(name: str) -> bool:
    """Tell whether a segment's or contour's name means the whole liver."""
    plain = name.replace("_", " ").strip()
    return bool(LIVER_NAME.search(plain)) and not PART_OF_LIVER.search(plain)


def segmented_range_mm(path: Path, volume: VolumeGeometry) -> tuple[float, float]:
    """Read where the liver lies from a segmentation of a volume.

    Args:
        path: A DICOM segmentation: binary, fractional (at least half counts) or label map.
        volume: The volume that was segmented.

    Returns:
        Heights (DICOM z) of the lowest and highest slice with liver.

    Raises:
        DicomError: If it cannot be parsed.
        VolumeError: If it is no segmentation, has no segment or several segments for the liver,
            or does not fit the volume.
    """
    with open_dataset(path, None) as (dataset, _):
        if text(dataset, "SOPClassUID") not in SEGMENTATION_CLASSES:
            raise VolumeError(
                "Expected a DICOM segmentation (SEG), got another object. Give the SEG file."
            )
        refuse_other_patient_space(
            volume, text(dataset, "FrameOfReferenceUID"), text(dataset, "StudyInstanceUID"), _WHAT
        )
        segment = _liver_segment(dataset)
        marked = _marked_frames(dataset, segment)
        positions = [
            _position_mm(dataset, index, volume.normal) for index in np.flatnonzero(marked).tolist()
        ]
    return touched_range_mm(volume, positions, _WHAT)


def _liver_segment(dataset: FileDataset) -> int:
    """Choose the liver by its code; by its name only where no code says liver."""
    segments = list(dataset.get("SegmentSequence") or ())
    coded = [one for one in segments if _codes(one) & LIVER_CODES]
    named = [one for one in segments if names_liver(text(one, "SegmentLabel"))]
    found = [one for one in coded if one in named] or coded or named
    if len(found) != 1:
        raise VolumeError(
            f"Expected one segment that is the liver, got {len(found) or 'none'} among "
            f"{len(segments)} segments. Name the segment 'Liver' or give it the liver's code."
        )
    return whole(found[0], "SegmentNumber") or 0


def _codes(segment: Dataset) -> set[tuple[str, str]]:
    return {
        (text(code, "CodingSchemeDesignator"), text(code, "CodeValue"))
        for code in segment.get("SegmentedPropertyTypeCodeSequence") or ()
    }


def _groups(dataset: FileDataset, index: int, keyword: str) -> Dataset:
    own = dataset.PerFrameFunctionalGroupsSequence[index].get(keyword)
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or ())
    items = own or (shared[0].get(keyword) if shared else None)
    return items[0] if items else Dataset()


def _marked_frames(dataset: FileDataset, segment: int) -> Bool[np.ndarray, " slice"]:
    """Tell which frames mark any pixel of the segment."""
    count = whole(dataset, "NumberOfFrames") or 0
    rows, columns = whole(dataset, "Rows") or 0, whole(dataset, "Columns") or 0
    sound = 0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE
    described = len(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    if not sound or count != described or not 0 < count * rows * columns <= _LARGEST_VOXELS:
        raise VolumeError(
            f"{_WHAT} announces {count} frames of {rows} x {columns} pixels and describes "
            f"{described}. Export it again."
        )
    labelled = text(dataset, "SegmentationType").upper() == "LABELMAP"
    threshold = 1
    if text(dataset, "SegmentationType").upper() == "FRACTIONAL":
        threshold = max(1, ((whole(dataset, "MaximumFractionalValue") or 255) + 1) // 2)
    marked = np.zeros(count, dtype=np.bool_)
    for index, values in _frames(dataset, count, rows * columns):
        if labelled:
            marked[index] = bool((values == segment).any())
        elif _segment_of(dataset, index) == segment:
            marked[index] = bool((values >= threshold).any())
    return marked


def _segment_of(dataset: FileDataset, index: int) -> int | None:
    return whole(
        _groups(dataset, index, "SegmentIdentificationSequence"), "ReferencedSegmentNumber"
    )


def _frames(
    dataset: FileDataset, count: int, pixels: int
) -> Iterator[tuple[int, Integer[np.ndarray, "..."]]]:
    """Give every frame's values; packed bits run on over the borders of frames (PS3.5 8.1.1)."""
    if whole(dataset, "BitsAllocated") == 1:
        packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)
        if len(packed) * 8 < count * pixels:
            raise VolumeError(f"{_WHAT} is cut short. Export it again.")
        for index in range(count):
            first, last = index * pixels // 8, -(-(index + 1) * pixels // 8)
            bits = np.unpackbits(packed[first:last], bitorder="little")
            start = index * pixels - first * 8
            yield index, bits[start : start + pixels]
    else:
        for index in range(count):
            yield index, _byte_frame(dataset, index, count)


def _byte_frame(dataset: FileDataset, index: int, count: int) -> Integer[np.ndarray, "..."]:
    """Decode a frame of whole bytes, after a look at what its codestream claims."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return np.asarray(pixel_array(dataset, index=index))
    if syntax not in PLUGINS:
        raise VolumeError(
            f"{_WHAT} is compressed in a form that segmentations do not use. Export it again."
        )
    frame = get_frame(dataset.PixelData, index, number_of_frames=count)
    claimed = codestream_size(frame)
    if claimed not in (None, (whole(dataset, "Rows"), whole(dataset, "Columns"))):
        raise VolumeError(f"{_WHAT} has a compressed frame of another size. Export it again.")
    return np.asarray(pixel_array(dataset, index=index, decoding_plugin=PLUGINS[syntax]))


def _position_mm(dataset: FileDataset, index: int, normal: Float64[np.ndarray, "3"]) -> float:
    place = numbers(_groups(dataset, index, "PlanePositionSequence"), "ImagePositionPatient", 3)
    turned = numbers(
        _groups(dataset, index, "PlaneOrientationSequence"), "ImageOrientationPatient", 6
    )
    if place is None or turned is None:
        raise VolumeError(f"{_WHAT} does not place its frames in the patient. Export it again.")
    across = np.cross(turned[:3], turned[3:])
    if 1 - abs(float(across @ normal)) > _PARALLEL:
        raise VolumeError(
            f"{_WHAT} is not parallel to the slices of the series. Give the one that was drawn on "
            "this series."
        )
    return float(np.asarray(place) @ normal)
