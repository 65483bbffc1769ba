"""Where the liver lies in a study, and on whose word: a mask, a model, a heuristic or a person."""

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from shared.dicom.contours import contoured_range_mm
from shared.dicom.geometry import VolumeGeometry
from shared.dicom.mask_slices import slice_heights_mm
from shared.dicom.segmentation import segmented_range_mm
from shared.errors import PreparationError
from shared.imaging.liver_proposal import MARGIN_MM, propose_liver_slices
from shared.imaging.nifti import NiftiVolume, parse_nifti
from shared.tasks.volume_grid import coarse_view

_COARSE_MM = 3.0
"""Pixel for the proposal: a fifth of the smallest structure that it opens or erodes."""

_GRID_TOLERANCE = 0.25
"""Voxels by which a mask's grid may miss the series' grid at any corner; rounding is far below."""

_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI counts to the right and front where DICOM counts to the left and back."""


class LiverSource(StrEnum):
    """Who or what said where the liver lies."""

    MANIFEST = "the manifest"
    SEGMENTATION = "a DICOM segmentation"
    CONTOURS = "an RT structure set"
    NIFTI = "a NIfTI mask"
    TOTAL_SEGMENTATOR = "TotalSegmentator"
    PROPOSAL = "a heuristic proposal"
    PERSON = "a person who looked at the images"


@dataclass(frozen=True)
class LiverRange:
    """Where the liver lies.

    Attributes:
        lower_mm: Height in the patient (DICOM z) of its lowest slice.
        upper_mm: Height of its highest slice, not below the lowest.
        source: Who or what said so.
        confirmed_by: Who looked at it, as the site signs its entries; empty if nobody did.
    """

    lower_mm: float
    upper_mm: float
    source: LiverSource
    confirmed_by: str = ""

    def __post_init__(self) -> None:
        """Refuse ends that are no heights or stand on their heads."""
        finite = math.isfinite(self.lower_mm) and math.isfinite(self.upper_mm)
        if not finite or self.lower_mm > self.upper_mm:
            raise PreparationError(
                "Expected a liver range from a lower to an upper height in millimetres, got "
                f"{self.lower_mm:g} to {self.upper_mm:g}. Correct the two ends."
            )

    @property
    def vouched_for(self) -> bool:
        """Say whether a person gave it or looked at it."""
        by_hand = self.source in (LiverSource.MANIFEST, LiverSource.PERSON)
        return by_hand or bool(self.confirmed_by)

    def sentence(self) -> str:
        """Say where the range comes from, without naming who confirmed it."""
        seen = "confirmed by a person" if self.confirmed_by else "not confirmed by a person"
        return f"The liver range comes from {self.source}, {seen}."


def confirm_range(found: LiverRange, person: str) -> LiverRange:
    """Sign a range.

    Args:
        found: The range that a person looked at.
        person: How the site signs its entries; not empty.

    Returns:
        The signed range.

    Raises:
        PreparationError: If nobody signs.
    """
    if not person.strip():
        raise PreparationError("Expected the name of who confirms the range, got nothing.")
    return replace(found, confirmed_by=person.strip())


def range_from_segmentation(path: Path, volume: VolumeGeometry) -> LiverRange:
    """Take the range from a DICOM segmentation; errors as ``segmented_range_mm``."""
    return LiverRange(*segmented_range_mm(path, volume), LiverSource.SEGMENTATION)


def range_from_contours(path: Path, volume: VolumeGeometry) -> LiverRange:
    """Take the range from an RT structure set; errors as ``contoured_range_mm``."""
    return LiverRange(*contoured_range_mm(path, volume), LiverSource.CONTOURS)


def range_from_nifti(
    path: Path,
    volume: VolumeGeometry,
    labels: AbstractSet[int] | None = None,
    source: LiverSource = LiverSource.NIFTI,
) -> LiverRange:
    """Take the range from a NIfTI mask drawn on the volume's own grid.

    Args:
        path: A .nii or .nii.gz file.
        volume: The volume that was segmented.
        labels: Values that mean liver; None takes every value above 0.5.
        source: What made the mask.

    Returns:
        The range.

    Raises:
        PreparationError: If the file is no NIfTI volume, its grid is not the volume's, or it
            marks nothing.
    """
    try:
        mask = parse_nifti(path.read_bytes())
    except OSError as error:
        raise PreparationError("The mask cannot be opened. Check the file's rights.") from error
    inside = mask.values > 0.5 if labels is None else np.isin(mask.values, sorted(labels))  # noqa: PLR2004  # between background and a label
    axis, reverse = _slice_axis(mask, volume)
    marked = inside.any(axis=tuple({0, 1, 2} - {axis}))
    if not marked.any():
        raise PreparationError("The mask marks no liver. Check that it was saved with the liver.")
    heights = slice_heights_mm(volume)[:: -1 if reverse else 1][marked]
    return LiverRange(float(heights.min()), float(heights.max()), source)


def volume_affine(volume: VolumeGeometry) -> Float64[np.ndarray, "4 4"]:
    """Give the affine from slice, row, column to the patient's millimetres (DICOM's LPS)."""
    affine = np.eye(4)
    steps = len(volume.origins_mm) - 1
    affine[:3, 0] = (volume.origins_mm[-1] - volume.origins_mm[0]) / steps
    affine[:3, 1] = volume.axes[0] * volume.pixel_spacing_mm[0]
    affine[:3, 2] = volume.axes[1] * volume.pixel_spacing_mm[1]
    affine[:3, 3] = volume.origins_mm[0]
    return affine


def _slice_axis(mask: NiftiVolume, volume: VolumeGeometry) -> tuple[int, bool]:
    """Find the mask's axis that counts the volume's slices, and whether it counts down."""
    turn = np.linalg.inv(volume_affine(volume)) @ _FROM_LPS @ mask.affine
    signs = np.rint(turn[:3, :3])
    permuted = np.array_equal(np.abs(signs).sum(axis=0), [1, 1, 1]) and np.array_equal(
        np.abs(signs).sum(axis=1), [1, 1, 1]
    )
    if permuted:
        order = np.abs(signs).argmax(axis=1)
        sides = np.array(mask.values.shape)[order]
        exact = np.where(signs.sum(axis=1) > 0, 0.0, sides - 1.0)
        corner = np.array(mask.values.shape) - 1.0
        missed = max(
            float(np.abs(turn[:3, 3] - exact).max()),
            float(np.abs((turn[:3, :3] - signs) @ corner + turn[:3, 3] - exact).max()),
        )
        if tuple(sides.tolist()) == volume.shape and missed <= _GRID_TOLERANCE:
            return int(order[0]), bool(signs[0].sum() < 0)
    raise PreparationError(
        f"The mask's grid ({' x '.join(map(str, mask.values.shape))} voxels) is not that of the "
        f"series ({' x '.join(map(str, volume.shape))}): it was drawn on another series, or "
        "resampled. Give the mask in the grid of the series on which it was drawn."
    )


def propose_range(volume: VolumeGeometry, margin_mm: float = MARGIN_MM) -> LiverRange:
    """Propose a range from the pixels of a CT volume, for a person to confirm.

    Args:
        volume: An axial CT volume of any phase.
        margin_mm: Added at both ends, within the volume.

    Returns:
        The proposal, unconfirmed.

    Raises:
        VolumeError: If an image cannot be decoded.
        PreparationError: If nothing looks like a liver.
    """
    values, stack = coarse_view(volume, _COARSE_MM)
    found = propose_liver_slices(values, float(np.mean(stack.pixel_mm)))
    if found is None:
        raise PreparationError(
            "No liver was found in the series. Look at the images and give the range by hand."
        )
    heights = slice_heights_mm(volume)
    shown = heights[found.first : found.last + 1]
    return LiverRange(
        lower_mm=float(max(shown.min() - margin_mm, heights.min())),
        upper_mm=float(min(shown.max() + margin_mm, heights.max())),
        source=LiverSource.PROPOSAL,
    )
