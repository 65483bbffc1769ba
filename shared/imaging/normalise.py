"""Bring MR intensities, which have no unit, onto one scale per volume.

The default for federated work: it needs nothing from other patients or other sites.
"""

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

from shared.errors import PreparationError

CLIP_PERCENTILES = (0.5, 99.5)
"""Of the body: beyond are flow artefacts, metal and air inside."""

_BINS = 128
_SMALLEST_BODY = 0.02
"""Share of the volume; less is no abdomen."""


def body_mask(
    values: Float32[np.ndarray, "slice height width"],
) -> Bool[np.ndarray, "slice height width"]:
    """Separate the body from the air around it.

    Otsu's threshold (IEEE SMC 1979;9:62) on clipped intensities, the largest piece, holes filled.

    Args:
        values: MR intensities of one volume.

    Returns:
        True inside the body.

    Raises:
        PreparationError: If no body is seen.
    """
    low, high = np.percentile(values, CLIP_PERCENTILES)
    if not high > low:
        raise PreparationError("The volume has one intensity throughout. Choose another series.")
    bright = values > _otsu(np.clip(values, np.float32(low), np.float32(high)))
    cross = ndimage.generate_binary_structure(3, 1)
    cross[0] = cross[2] = False
    labels, count = ndimage.label(ndimage.binary_opening(bright, cross))
    if count == 0:
        raise PreparationError("No body is seen in the volume. Choose another series.")
    body = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    if filled.mean() < _SMALLEST_BODY:
        raise PreparationError(
            f"The body fills {100 * filled.mean():.1f} % of the volume, at least "
            f"{100 * _SMALLEST_BODY:.0f} % expected. Choose another series."
        )
    return filled


def _otsu(values: Float32[np.ndarray, "slice height width"]) -> float:
    counts, edges = np.histogram(values, bins=_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(np.float64)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[int(np.nanargmax(between[:-1])) + 1])


def normalise_robust(
    values: Float32[np.ndarray, "slice height width"],
    body: Bool[np.ndarray, "slice height width"],
) -> Float32[np.ndarray, "slice height width"]:
    """Clip at the body's percentiles and scale it to mean 0 and standard deviation 1.

    Args:
        values: MR intensities of one volume.
        body: Where they are measured.

    Returns:
        A new array; air gets what its clipped intensity gives.

    Raises:
        PreparationError: If the body is empty or has one intensity.
    """
    inside = values[body]
    low, high = np.percentile(inside, CLIP_PERCENTILES) if inside.size else (0.0, 0.0)
    clipped = np.clip(values, np.float32(low), np.float32(high))
    spread = float(clipped[body].std()) if inside.size else 0.0
    if not spread > 0:
        raise PreparationError(
            "The body has one intensity throughout and cannot be normalised. Choose another series."
        )
    return np.asarray((clipped - np.float32(clipped[body].mean())) / np.float32(spread))
