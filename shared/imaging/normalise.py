"""Bring MR intensities, which have no unit, onto one scale per volume.

The default for federated work: it needs nothing from other patients or other sites.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

from shared.errors import PreparationError

CLIP_PERCENTILES = (0.5, 99.5)
"""Of the body: beyond are flow artefacts, metal and air inside."""

_BINS = 128
_COARSE_MM = 3.0
"""Largest side of the blocks on which a volume is measured: fine for organs."""
_AROUND = (1, 3, 3)
"""Pixels of a slice over which noise is averaged before air is told from tissue."""

_OVER_AIR = 2.2
"""Threshold over the air's level: the mean of 9 pixels of Rayleigh noise is 1.25 of its sigma with
a deviation of 0.22, so that 1 pixel in 10,000 passes 1.7 times the level; the rest is for noise
that is not even."""

_LEAST_TISSUE, _MOST_AIR = 0.05, 0.25
"""Bounds of the threshold as shares of bright tissue, for images without air or almost only noise:
suppressed fat has about 0.2."""

_MOSTLY_BLANK = 0.1
"""Share of the volume; corners alone are less, or leave air with noise to measure."""

_PEAK_BINS = 5
_SMALLEST_PEAK = 0.3
"""Of the largest; the air fills a good part of every axial field of view."""

_SMALLEST_BODY = 0.02
"""Share of the volume; less is no abdomen."""


def body_mask(
    values: Float32[np.ndarray, "slice height width"],
) -> Bool[np.ndarray, "slice height width"]:
    """Separate the body from the air around it.

    The threshold lies over the air's own level, not between dark and bright tissue: under fat
    suppression Otsu's threshold (IEEE SMC 1979;9:62) loses most of the body, and how much differs
    from patient to patient. The air's level is the lowest peak of the intensities that Otsu calls
    dark. The largest piece over the threshold is the body, with its holes filled.

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
    clipped = np.clip(values, np.float32(low), np.float32(high))
    smooth = ndimage.uniform_filter(clipped, _AROUND)
    bright = smooth > _air_threshold(clipped, smooth)
    cross = ndimage.generate_binary_structure(3, 1)
    cross[0] = cross[2] = False
    labels, count = ndimage.label(ndimage.binary_opening(bright, cross))
    if count == 0:
        raise PreparationError("No body is seen in the volume. Choose another series.")
    body = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    # Averaging spread the skin by a pixel.
    body = ndimage.binary_erosion(body, np.ones(_AROUND), border_value=1)
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    if filled.mean() < _SMALLEST_BODY:
        raise PreparationError(
            f"The body fills {100 * filled.mean():.1f} % of the volume, at least "
            f"{100 * _SMALLEST_BODY:.0f} % expected. Choose another series."
        )
    return filled


def _air_threshold(
    clipped: Float32[np.ndarray, "slice height width"],
    smooth: Float32[np.ndarray, "slice height width"],
) -> float:
    """Give the smoothed intensity above which there is tissue."""
    zero, dark_end = float(clipped.min()), _otsu(smooth)
    tissue = float(np.median(smooth[smooth > dark_end])) - zero
    # Scanners blank the corners of a corrected field of view; nothing there tells of noise.
    blank = ndimage.maximum_filter(clipped == zero, _AROUND)
    air = _lowest_peak(smooth[(smooth < dark_end) & ~blank], zero, dark_end) - zero
    if _OVER_AIR * air > _MOST_AIR * tissue and blank.mean() > _MOSTLY_BLANK:
        air = 0.0  # all air is blank, and what was found is suppressed fat
    return zero + float(np.clip(_OVER_AIR * air, _LEAST_TISSUE * tissue, _MOST_AIR * tissue))


def _lowest_peak(values: Float32[np.ndarray, " _"], low: float, high: float) -> float:
    if not values.size:
        return low
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    even = ndimage.uniform_filter1d(counts.astype(np.float64), _PEAK_BINS)
    tall = even >= _SMALLEST_PEAK * even.max()
    summit = np.append(even[:-1] >= even[1:], True)  # the last bin ends a rise
    return float(edges[int(np.flatnonzero(tall & summit)[0])])


def _otsu(values: Float32[np.ndarray, "slice height width"]) -> float:
    counts, edges = np.histogram(values, bins=_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(np.float64)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[int(np.nanargmax(between[:-1])) + 1])


@dataclass(frozen=True)
class IntensityScale:
    """What brings a volume's intensities onto the common scale.

    Attributes:
        low: Intensity below which values are clipped.
        high: Intensity above which values are clipped.
        mean: Of clipped intensities in the body.
        spread: Their standard deviation.
    """

    low: float
    high: float
    mean: float
    spread: float

    @property
    def lowest(self) -> float:
        """Give what air becomes: the smallest value on the common scale."""
        return (self.low - self.mean) / self.spread

    def apply(self, values: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
        """Clip and scale intensities of the volume; a new array."""
        scaled = np.clip(values, np.float32(self.low), np.float32(self.high))
        scaled -= np.float32(self.mean)
        scaled /= np.float32(self.spread)
        return np.asarray(scaled)


def measure_scale(
    values: Float32[np.ndarray, "slice height width"],
    body: Bool[np.ndarray, "slice height width"],
) -> IntensityScale:
    """Measure a volume's percentiles, mean and standard deviation in the body.

    Args:
        values: MR intensities of one volume.
        body: Where they are measured.

    Returns:
        The scale on which the clipped body has mean 0 and standard deviation 1.

    Raises:
        PreparationError: If the body is empty or has one intensity.
    """
    inside = values[body]
    low, high = np.percentile(inside, CLIP_PERCENTILES) if inside.size else (0.0, 0.0)
    clipped = np.clip(inside, np.float32(low), np.float32(high))
    spread = float(clipped.std()) if inside.size else 0.0
    if not spread > 0:
        raise PreparationError(
            "The body has one intensity throughout and cannot be normalised. Choose another series."
        )
    return IntensityScale(float(low), float(high), float(clipped.mean()), spread)


def volume_scale(
    values: Float32[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> IntensityScale:
    """Find the body and measure the scale of a whole volume.

    Both are done on means of whole blocks of pixels, so that a scanner's noise and matrix move
    the percentiles less, and the cost is that of an overview.

    Args:
        values: MR intensities of one volume as scanned.
        pixel_mm: Distance between rows and between columns.

    Returns:
        The scale.

    Raises:
        PreparationError: If no body is seen or it has one intensity.
    """
    coarse = _block_means(values, pixel_mm)
    return measure_scale(coarse, body_mask(coarse))


def _block_means(
    values: Float32[np.ndarray, "slice height width"], pixel_mm: tuple[float, float]
) -> Float32[np.ndarray, "slice _ _"]:
    down, right = (max(1, int(_COARSE_MM / mm)) for mm in pixel_mm)
    rows, columns = values.shape[1] // down, values.shape[2] // right
    if (down, right) == (1, 1) or not rows or not columns:
        return values
    blocks = values[:, : rows * down, : columns * right]
    return np.asarray(blocks.reshape(len(values), rows, down, columns, right).mean(axis=(2, 4)))


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
    return measure_scale(values, body).apply(values)
