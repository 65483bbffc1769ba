"""Propose where the liver begins and ends, without a trained model.

The liver is the largest homogeneous soft-tissue organ on the patient's right. Its commonest HU is
found in the right half of the body; what has about that value and hangs together is the liver's
bulk. Only its thin ends are missed, so a proposal carries a margin and is shown to a person.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

_BODY_HU = -300.0
_SOFT_TISSUE_HU = (20.0, 220.0)
_HALF_WIDTH_HU = 22.0
"""Of the liver's values around their peak: noise and texture after smoothing."""

_SMOOTHING_MM = 3.6
_SKIN_MM = 15.0
"""Fat, ribs and muscle lie in the outer 15 mm and would compete with the liver."""

_OPENING_MM = 6.0
"""Cuts the bridges to stomach, kidney and muscle, which touch the liver."""

_BEYOND_MIDLINE = 0.08
"""Share of the body's width by which the left lobe reaches over the midline."""

_SMALLEST_AREA_CM2 = 12.0
_FEWEST_VOXELS = 500

MARGIN_MM = 25.0
"""Added at both ends. On two real scans with known masks the ends were missed by 8 to 26 mm and
no slice was proposed wrongly (CHAOS and 3D-IRCADb with large tumours)."""


@dataclass(frozen=True)
class LiverProposal:
    """Slices that show the liver's bulk.

    Attributes:
        first: Index of the lowest.
        last: Index of the highest.
        peak_hu: The liver's commonest value.
    """

    first: int
    last: int
    peak_hu: float


def propose_liver_slices(
    values_hu: Float32[np.ndarray, "slice height width"], pixel_mm: float
) -> LiverProposal | None:
    """Propose the slices that show the liver.

    Args:
        values_hu: Axial CT, feet to head, rows growing to the back and columns to the patient's
            left; pixels of about 3 mm serve best.
        pixel_mm: Pixel size.

    Returns:
        The slices, without margin, or None if nothing looks like a liver.
    """
    body = _body(values_hu)
    columns = np.flatnonzero(body.any(axis=(0, 1)))
    if len(columns) == 0:
        return None
    left, right = int(columns[0]), int(columns[-1])
    inner = _each_slice(ndimage.binary_erosion, body, _SKIN_MM / pixel_mm)
    inner[:, :, int((left + right) / 2 + _BEYOND_MIDLINE * (right - left)) :] = False
    sigma = _SMOOTHING_MM / pixel_mm
    smooth = ndimage.gaussian_filter(values_hu, (0.6, sigma, sigma))  # slices are thick already
    low, high = _SOFT_TISSUE_HU
    soft = inner & (smooth > low) & (smooth < high)
    if np.count_nonzero(soft) < _FEWEST_VOXELS:
        return None
    counts, edges = np.histogram(smooth[soft], bins=np.arange(low, high + 2.0, 2.0))
    peak = float(edges[int(ndimage.gaussian_filter1d(counts.astype(float), 1.5).argmax())] + 1.0)
    alike = soft & (np.abs(smooth - peak) < _HALF_WIDTH_HU)
    bulk = _largest(_each_slice(ndimage.binary_opening, alike, _OPENING_MM / pixel_mm))
    area_cm2 = bulk.sum(axis=(1, 2)) * pixel_mm**2 / 100
    shown = np.flatnonzero(area_cm2 > _SMALLEST_AREA_CM2)
    if len(shown) == 0:
        return None
    return LiverProposal(int(shown[0]), int(shown[-1]), peak)


def _body(
    values_hu: Float32[np.ndarray, "slice height width"],
) -> Bool[np.ndarray, "slice height width"]:
    return _largest(_each_slice(ndimage.binary_opening, values_hu > _BODY_HU, 1.0))


def _each_slice(
    operation: Callable[..., Bool[np.ndarray, "slice height width"]],
    mask: Bool[np.ndarray, "slice height width"],
    radius_pixels: float,
) -> Bool[np.ndarray, "slice height width"]:
    cross = ndimage.generate_binary_structure(3, 1)
    cross[0] = cross[2] = False
    return np.asarray(operation(mask, cross, iterations=max(1, round(radius_pixels))))


def _largest(
    mask: Bool[np.ndarray, "slice height width"],
) -> Bool[np.ndarray, "slice height width"]:
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)
