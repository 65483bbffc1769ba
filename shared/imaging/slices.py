"""Choose slices: those of a range, and evenly spaced ones among them."""

import numpy as np
from jaxtyping import Float, Int

from shared.errors import PreparationError


def slices_in_range(
    positions_mm: Float[np.ndarray, " slice"], lower_mm: float, upper_mm: float, step_mm: float
) -> Int[np.ndarray, " _"]:
    """Give the indices of slices whose centre lies in a range, up to half a step outside.

    Args:
        positions_mm: Slice positions, growing.
        lower_mm: One end of the range.
        upper_mm: The other end; the order of the two does not matter.
        step_mm: Distance of neighbouring slices.

    Returns:
        Indices, growing.

    Raises:
        PreparationError: If no slice lies in the range.
    """
    low, high = sorted((lower_mm, upper_mm))
    inside = (positions_mm >= low - step_mm / 2) & (positions_mm <= high + step_mm / 2)
    if not inside.any():
        raise PreparationError(
            f"The liver range {low:.0f} to {high:.0f} mm lies outside the scan, which covers "
            f"{positions_mm[0]:.0f} to {positions_mm[-1]:.0f} mm. "
            "Correct liver_lower_mm and liver_upper_mm in the manifest."
        )
    return np.flatnonzero(inside)


def spread_evenly(indices: Int[np.ndarray, " slice"], count: int) -> Int[np.ndarray, " _"]:
    """Choose evenly spaced entries, each the middle of an equal part of the range.

    Ends of the liver show little of it, so the middles of parts serve better than the end points.

    Args:
        indices: Candidates, growing.
        count: How many to take; 0, or at least as many as there are, takes all.

    Returns:
        Chosen entries, growing, without repeats.
    """
    if count <= 0 or count >= len(indices):
        return indices
    middles = (np.arange(count) + 0.5) * len(indices) / count
    return indices[np.floor(middles).astype(np.int64)]
