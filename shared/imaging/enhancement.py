"""Check a claimed contrast phase against the pixels, without a trained model.

The liver is the largest homogeneous soft-tissue region on the patient's right; its commonest HU
tells plain (about 50) from portal (about 100) and needs no segmentation.
"""

import numpy as np
from jaxtyping import Float32
from scipy import ndimage

_BODY_HU = -300.0
_SOFT_TISSUE_HU = (0.0, 250.0)
_SKIN_MM = 15.0
"""Fat, ribs and muscle lie in the outer 15 mm and would compete with the liver."""

_SMOOTHING_MM = 4.0
_FEWEST_PIXELS = 200
LARGEST_PLAIN_LIVER_HU = 88.0
"""Above, a liver is enhanced; plain livers have 40 to 70 HU, iron overload rarely up to 85."""

SMALLEST_PORTAL_LIVER_HU = 62.0
"""Below, a liver is not in the portal phase; fatty enhanced livers still reach about 70 HU."""


def liver_peak_hu(
    slices_hu: Float32[np.ndarray, "slice height width"], pixel_mm: float
) -> float | None:
    """Find the commonest soft-tissue value of the right half of the body.

    Args:
        slices_hu: Axial slices of the liver's range; columns grow towards the patient's left.
        pixel_mm: Pixel size.

    Returns:
        The peak, HU, or None if too little soft tissue is seen.
    """
    values: list[Float32[np.ndarray, " feature"]] = []
    for plane in slices_hu:
        smooth = ndimage.uniform_filter(plane, max(1, round(_SMOOTHING_MM / pixel_mm)))
        body = ndimage.binary_opening(smooth > _BODY_HU, iterations=2)
        columns = np.flatnonzero(body.any(axis=0))
        if len(columns) == 0:
            continue
        body[:, int(columns.mean()) :] = False
        core = ndimage.binary_erosion(body, iterations=max(1, round(_SKIN_MM / pixel_mm)))
        values.append(smooth[core])
    pooled = np.concatenate(values) if values else np.empty(0, dtype=np.float32)
    low, high = _SOFT_TISSUE_HU
    pooled = pooled[(pooled > low) & (pooled < high)]
    if len(pooled) < _FEWEST_PIXELS:
        return None
    counts, edges = np.histogram(pooled, bins=np.arange(low, high + 2.0, 2.0))
    smooth_counts = ndimage.gaussian_filter1d(counts.astype(np.float64), 2.0)
    return float(edges[int(smooth_counts.argmax())] + 1.0)
