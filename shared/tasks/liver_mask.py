"""Take the liver's range from whatever mask a hospital has of a study, or propose one."""

from collections.abc import Callable, Sequence
from pathlib import Path

from shared.dicom.exclusion import ct_exclusion_reason
from shared.dicom.geometry import VolumeGeometry, order_volume
from shared.dicom.header import InstanceHeader, read_header
from shared.dicom.parsing import looks_like_dicom
from shared.dicom.series import group_series
from shared.errors import DicomError, HepafedError, PreparationError, VolumeError
from shared.tasks.liver_range import (
    LiverRange,
    range_from_contours,
    range_from_nifti,
    range_from_segmentation,
)

_READERS: dict[str, Callable[[Path, VolumeGeometry], LiverRange]] = {
    "SEG": range_from_segmentation,
    "RTSTRUCT": range_from_contours,
}


def liver_volumes(instances: Sequence[InstanceHeader]) -> tuple[VolumeGeometry, ...]:
    """Give the regular axial CT volumes of a study, on which a mask could have been drawn.

    Args:
        instances: Headers of one study.

    Returns:
        The volumes, by series number; irregular series are passed over.
    """
    volumes: list[VolumeGeometry] = []
    for series in group_series(instances):
        if ct_exclusion_reason(series) is None:
            try:
                volumes.append(order_volume(series))
            except VolumeError:
                continue  # the preparation says what is wrong with it
    return tuple(volumes)


def read_liver_range(mask: Path, volumes: Sequence[VolumeGeometry]) -> LiverRange:
    """Read the liver's range from a mask, on the first volume that it fits.

    Args:
        mask: A DICOM segmentation, an RT structure set or a NIfTI-1 mask, told by content.
        volumes: The study's volumes, as from ``liver_volumes``.

    Returns:
        The range, unconfirmed.

    Raises:
        PreparationError: If the study has no volume, or the mask is none of these.
        DicomError: If the mask cannot be read.
        HepafedError: Why the mask fits no volume, as said of the first.
    """
    if not volumes:
        raise PreparationError(
            "The study has no regular axial CT series for the mask. Correct the study first."
        )
    reader = _READERS[_kind(mask)] if looks_like_dicom(mask) else range_from_nifti
    refusals: list[HepafedError] = []
    for volume in volumes:
        try:
            return reader(mask, volume)
        except (VolumeError, PreparationError) as error:
            refusals.append(error)
    raise refusals[0]


def _kind(mask: Path) -> str:
    modality = read_header(mask).modality
    if modality not in _READERS:
        raise DicomError(
            f"Expected a segmentation (SEG) or contours (RTSTRUCT), got a DICOM object of modality "
            f"{modality if modality.isalpha() else 'unknown'}. Give the mask's file."
        )
    return modality
