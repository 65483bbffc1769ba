"""Intensity landmarks shared by sites: MR histograms brought onto one average histogram.

Nyul, Udupa and Zhang, IEEE TMI 2000;19:143: percentiles of each volume are mapped onto their
average over a population, piecewise linearly. The average needs only sums, so sites can add them
without showing a single volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from shared.errors import PreparationError

PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
"""The ends and deciles, as in Nyul 2000, section III."""

SCALE = 100.0
"""The standard scale runs from 0 at the first percentile to this at the last."""


@dataclass(frozen=True)
class LandmarkSums:
    """What a site adds for one sequence; sums over sites stay such sums.

    Attributes:
        volumes: How many volumes were measured.
        sums: Of each landmark's place on the standard scale.
    """

    volumes: int
    sums: Float64[np.ndarray, " feature"]


def find_landmarks(
    values: Float32[np.ndarray, "slice height width"],
    body: Bool[np.ndarray, "slice height width"],
) -> Float64[np.ndarray, " feature"]:
    """Measure the percentiles of the body.

    Args:
        values: MR intensities of one volume.
        body: Where they are measured.

    Returns:
        One intensity per entry of ``PERCENTILES``, growing.

    Raises:
        PreparationError: If the body is empty or has one intensity.
    """
    inside = values[body]
    found = np.percentile(inside.astype(np.float64), PERCENTILES) if inside.size else np.zeros(2)
    if not found[-1] > found[0]:
        raise PreparationError(
            "The body has one intensity throughout and no landmarks. Choose another series."
        )
    return found


def landmark_sums(volumes: Sequence[Float64[np.ndarray, " feature"]]) -> LandmarkSums:
    """Add up the landmarks of a site's volumes on the standard scale.

    Args:
        volumes: Landmarks of each volume, one per patient.

    Returns:
        The sums; of no volumes they are 0.
    """
    sums = np.zeros(len(PERCENTILES))
    for found in volumes:
        sums += SCALE * (found - found[0]) / (found[-1] - found[0])
    return LandmarkSums(len(volumes), sums)


def merge_sums(parts: Sequence[LandmarkSums]) -> LandmarkSums:
    """Add the sums of sites; the order does not matter beyond rounding."""
    total = np.zeros(len(PERCENTILES))
    for part in parts:
        total += part.sums
    return LandmarkSums(sum(part.volumes for part in parts), total)


def average_landmarks(total: LandmarkSums) -> Float64[np.ndarray, " feature"]:
    """Give the standard histogram of all sites.

    Args:
        total: Sums over all sites.

    Returns:
        Landmarks on the standard scale, strictly growing from 0 to ``SCALE``.

    Raises:
        PreparationError: If there is no volume, or the sums are none of landmarks.
    """
    if total.volumes < 1:
        raise PreparationError("Expected landmarks of at least one volume, got none.")
    average = total.sums / total.volumes
    growing = bool((np.diff(average) > 0).all())
    ends = abs(average[0]) < 1e-6 and abs(average[-1] - SCALE) < 1e-6  # noqa: PLR2004  # rounding
    if not (np.isfinite(average).all() and growing and ends):
        raise PreparationError(
            f"Expected average landmarks growing from 0 to {SCALE:.0f}, got others. "
            "Check the sums that the sites sent."
        )
    return average


def apply_landmarks(
    values: Float32[np.ndarray, "slice height width"],
    found: Float64[np.ndarray, " feature"],
    standard: Float64[np.ndarray, " feature"],
) -> Float32[np.ndarray, "slice height width"]:
    """Map a volume's intensities so that its landmarks become the standard ones.

    Args:
        values: MR intensities of one volume.
        found: Its own landmarks.
        standard: Those of all sites.

    Returns:
        Intensities on the standard scale; beyond the ends the outermost slope goes on.
    """
    own, kept = np.unique(found, return_index=True)  # equal percentiles have no slope between
    target = standard[kept]
    slopes = np.diff(target) / np.diff(own)
    mapped = np.interp(values, own, target)
    mapped += np.where(values < own[0], (values - own[0]) * slopes[0], 0.0)
    mapped += np.where(values > own[-1], (values - own[-1]) * slopes[-1], 0.0)
    return np.asarray(mapped, dtype=np.float32)
