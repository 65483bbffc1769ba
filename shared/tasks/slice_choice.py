"""Choose the slices of a study: those of the liver that every image covers, spread evenly."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64

from shared.errors import PreparationError
from shared.imaging.resample import PlaneStack, take_slices
from shared.imaging.slices import slices_in_range, spread_evenly
from shared.tasks.liver_range import LiverRange

_SMALLEST_COVERAGE = 0.5
"""Share of the wanted slices that all images must cover; below it they show different organs."""


def slice_heights(grid: PlaneStack) -> Float64[np.ndarray, " slice"]:
    """Give the height in the patient (DICOM z) of every slice's centre, mm."""
    rows, columns = grid.shape
    middle = (rows - 1) / 2 * grid.pixel_mm[0] * grid.axes[0]
    middle = middle + (columns - 1) / 2 * grid.pixel_mm[1] * grid.axes[1]
    return np.asarray(grid.origins_mm[:, 2] + middle[2])


def range_ends_mm(
    liver_range: LiverRange | tuple[float, float] | None, notices: list[str]
) -> tuple[float, float] | None:
    """Give the ends of a liver range; a notice says whence it comes if nobody vouches for it."""
    if isinstance(liver_range, LiverRange):
        if not liver_range.vouched_for:
            notices.append(liver_range.sentence())
        return liver_range.lower_mm, liver_range.upper_mm
    return liver_range


def choose_slices(  # noqa: PLR0913  # two of them are words
    grid: PlaneStack,
    coverage: Sequence[Bool[np.ndarray, " slice"]],
    ends_mm: tuple[float, float] | None,
    count: int,
    notices: list[str],
    *,
    image: str,
    whole: bool = False,
) -> PlaneStack:
    """Choose slices of the target grid.

    Args:
        grid: The reference's slices, all of them.
        coverage: For every image of the study, which slices of the grid it covers.
        ends_mm: Heights between which the liver lies; None wants every slice.
        count: Evenly spaced slices to take; 0 takes all.
        notices: What was assumed or lost is added here.
        image: What an image is called, such as phase.
        whole: Whether the model reads the whole scan as published, so that no range is nothing
            to tell.

    Returns:
        The grid's chosen slices.

    Raises:
        PreparationError: If no slice lies in the range, or fewer than half of the wanted slices
            are covered by every image.
    """
    wanted = np.arange(len(grid.positions_mm))
    if ends_mm is not None:
        wanted = slices_in_range(slice_heights(grid), *ends_mm, grid.step_mm)
    elif not whole:
        notices.append(
            "No liver range is given, so every slice is used. "
            "Give liver_lower_mm and liver_upper_mm in the manifest."
        )
    usable = wanted[np.all(coverage, axis=0)[wanted]]
    if len(usable) < _SMALLEST_COVERAGE * len(wanted):
        raise PreparationError(
            f"Only {len(usable)} of {len(wanted)} slices of the liver are covered by every "
            f"{image}. Send series that cover the whole liver, or correct the liver range."
        )
    if len(usable) < len(wanted):
        notices.append(
            f"{len(wanted) - len(usable)} of {len(wanted)} slices are not covered by every {image} "
            "and were left out."
        )
    return take_slices(grid, spread_evenly(usable, count))
