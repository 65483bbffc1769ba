"""Say which slices of a volume a mask touches, by position in the patient and not by number."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from shared.dicom.geometry import VolumeGeometry
from shared.errors import VolumeError


def slice_heights_mm(volume: VolumeGeometry) -> Float64[np.ndarray, " slice"]:
    """Give the height (DICOM z) of every slice's centre."""
    rows, columns = volume.shape[1:]
    down_mm, right_mm = volume.pixel_spacing_mm
    centre = (rows - 1) / 2 * down_mm * volume.axes[0] + (columns - 1) / 2 * right_mm * volume.axes[
        1
    ]
    return np.asarray(volume.origins_mm[:, 2] + centre[2])


def touched_range_mm(
    volume: VolumeGeometry, positions_mm: Sequence[float], what: str
) -> tuple[float, float]:
    """Give the heights between which a mask touches the volume's slices.

    Args:
        volume: The volume that was segmented.
        positions_mm: Where the mask's planes lie along the volume's normal.
        what: The mask in words, as the subject of a message.

    Returns:
        Heights of the lowest and the highest slice with a plane of the mask within half a step.

    Raises:
        VolumeError: If the mask is empty or touches no slice.
    """
    if not positions_mm:
        raise VolumeError(f"{what} marks no liver. Check that the liver was segmented and saved.")
    distance = np.abs(np.asarray(positions_mm)[:, None] - volume.positions_mm[None, :])
    # A micrometre: planes half way between two slices touch both.
    touched = (distance <= volume.step_mm / 2 + 1e-3).any(axis=0)
    if not touched.any():
        raise VolumeError(
            f"{what} lies at {min(positions_mm):.0f} to {max(positions_mm):.0f} mm and the series "
            f"at {volume.positions_mm[0]:.0f} to {volume.positions_mm[-1]:.0f} mm, so it belongs "
            "to another series. Give the one that was drawn on this series."
        )
    heights = slice_heights_mm(volume)[touched]
    return float(heights.min()), float(heights.max())


def refuse_other_patient_space(
    volume: VolumeGeometry, frame_of_reference: str, study_uid: str, what: str
) -> None:
    """Refuse a mask whose coordinates are not those of the volume.

    Args:
        volume: The volume that was segmented.
        frame_of_reference: Of the mask; empty if it names none.
        study_uid: Of the mask; decides where one of the two names no frame of reference.
        what: The mask in words, as the subject of a message.

    Raises:
        VolumeError: If they differ.
    """
    head = volume.instances[0]
    if frame_of_reference and head.frame_of_reference:
        same = frame_of_reference == head.frame_of_reference
    else:
        same = study_uid == head.study_uid
    if not same:
        raise VolumeError(
            f"{what} was drawn in another frame of reference, so its positions do not fit the "
            "series. Give the one that was drawn on this series."
        )
