"""Find the liver's slices in an RT structure set, by its contours (DICOM PS3.3 C.8.8.5, C.8.8.6).

Only the height of the contours is needed, so they are never filled.
"""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset

from shared.dicom.elements import text, whole, words
from shared.dicom.geometry import VolumeGeometry
from shared.dicom.mask_slices import refuse_other_patient_space, touched_range_mm
from shared.dicom.parsing import open_dataset
from shared.dicom.segmentation import names_liver
from shared.errors import VolumeError

_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_WHAT = "The structure set"
_FEWEST_POINTS = 3  # less encloses nothing


def contoured_range_mm(path: Path, volume: VolumeGeometry) -> tuple[float, float]:
    """Read where the liver lies from contours drawn on a volume.

    Args:
        path: A DICOM RT structure set.
        volume: The volume on which it was drawn.

    Returns:
        Heights (DICOM z) of the lowest and highest slice with a contour of the liver.

    Raises:
        DicomError: If it cannot be parsed.
        VolumeError: If it is no structure set, names no liver or several, or does not fit the
            volume.
    """
    with open_dataset(path, None) as (dataset, _):
        if text(dataset, "SOPClassUID") != _STRUCTURE_SET:
            raise VolumeError(
                "Expected an RT structure set, got another object. Give the RTSTRUCT file."
            )
        structure = _liver_structure(dataset)
        frame = text(structure, "ReferencedFrameOfReferenceUID")
        refuse_other_patient_space(volume, frame, text(dataset, "StudyInstanceUID"), _WHAT)
        positions = _positions_mm(dataset, whole(structure, "ROINumber"), volume)
    return touched_range_mm(volume, positions, _WHAT)


def _liver_structure(dataset: FileDataset) -> Dataset:
    structures = list(dataset.get("StructureSetROISequence") or ())
    found = [one for one in structures if names_liver(text(one, "ROIName"))]
    if len(found) != 1:
        raise VolumeError(
            f"Expected one structure named liver, got {len(found) or 'none'} among "
            f"{len(structures)} structures. Name the structure 'Liver'."
        )
    structure: Dataset = found[0]
    return structure


def _positions_mm(
    dataset: FileDataset, structure: int | None, volume: VolumeGeometry
) -> list[float]:
    positions: list[float] = []
    for one in dataset.get("ROIContourSequence") or ():
        if whole(one, "ReferencedROINumber") != structure:
            continue
        for contour in one.get("ContourSequence") or ():
            values = np.array([float(word) for word in words(contour, "ContourData")])
            if len(values) < 3 * _FEWEST_POINTS or len(values) % 3:
                continue  # a point or a line marks no area
            along = values.reshape(-1, 3) @ volume.normal
            if not np.isfinite(along).all() or np.ptp(along) > volume.step_mm:
                raise VolumeError(
                    f"{_WHAT} has contours across the slices of the series. Give the one that was "
                    "drawn on this series."
                )
            positions.append(float(along.mean()))
    return positions
