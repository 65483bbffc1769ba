"""What differs between patients and shows in their images."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import betaincinv, ndtr

_VITALITY_LOADING = 0.95
"""Correlation of each enhancement factor with the lesion's vitality.

Hypovascular lesions are the necrotic ones that wash out, so the three go together.
"""


@dataclass(frozen=True)
class ImageFactors:
    """The causes of a patient's images.

    The first eight drive the outcome (`simulations.synthetic.outcome`); the others are nuisance.

    Attributes:
        necrotic_fraction: Share of each lesion's volume that is necrotic, in [0, 0.7].
        arterial_enhancement: Arterial hyperenhancement; 1 is typical, 0 is iso to the liver,
            below 0 is darker than the liver.
        portal_washout: Portal washout; 1 is typical, 0 is iso to the liver.
        heterogeneity: Amplitude of the texture within viable tumour, in [0, 1].
        thrombus: Whether tumour thrombus fills the portal vein's right branch.
        lesion_count: Number of lesions, from 2 to 4; their heights cover the liver.
        largest_mm: Diameter of the largest lesion.
        lipiodol: Whether lipiodol of an earlier embolisation lies in the largest lesion.
        steatosis: Fat fraction of the liver, in [0, 0.3].
        cirrhosis: Nodularity of the liver's surface and parenchyma, in [0, 1].
        capsule: Whether lesions have an enhancing capsule.
        body_scale: Linear size of the body; 1 is the mean.
        fat_mm: Thickness of subcutaneous fat.
    """

    necrotic_fraction: float
    arterial_enhancement: float
    portal_washout: float
    heterogeneity: float
    thrombus: bool
    lesion_count: int
    largest_mm: float
    lipiodol: bool
    steatosis: float
    cirrhosis: float
    capsule: bool
    body_scale: float
    fat_mm: float


def draw_factors(rng: np.random.Generator) -> ImageFactors:
    """Draw one patient of the population."""
    vitality, *own = rng.standard_normal(4)
    necrosis, enhancement, washout = (
        sign * _VITALITY_LOADING * vitality + np.sqrt(1.0 - _VITALITY_LOADING**2) * noise
        for sign, noise in zip((-1.0, 1.0, -1.0), own, strict=True)
    )
    body_scale = float(np.clip(rng.normal(1.0, 0.06), 0.86, 1.14))
    return ImageFactors(
        necrotic_fraction=float(0.7 * betaincinv(1.1, 1.9, ndtr(necrosis))),
        arterial_enhancement=float(np.clip(0.9 + 0.75 * enhancement, -0.7, 2.5)),
        portal_washout=float(np.clip(1.0 + 0.7 * washout, -0.3, 2.2)),
        heterogeneity=float(rng.beta(2.0, 2.0)),
        thrombus=bool(rng.random() < 0.3),  # noqa: PLR2004 - a prevalence, used once
        lesion_count=int(rng.choice([2, 3, 4], p=[0.3, 0.4, 0.3])),
        largest_mm=float(body_scale * np.clip(rng.normal(84.0, 10.0), 64.0, 104.0)),
        lipiodol=bool(rng.random() < 0.2),  # noqa: PLR2004 - a prevalence, used once
        steatosis=float(0.3 * rng.beta(1.0, 3.0)),
        cirrhosis=float(rng.random()),
        capsule=bool(rng.random() < 0.5),  # noqa: PLR2004 - a fair coin
        body_scale=body_scale,
        fat_mm=float(rng.uniform(6.0, 22.0)),
    )


def outcome_vector(factors: ImageFactors) -> Float64[np.ndarray, " feature"]:
    """Standardise the eight factors that drive the outcome, roughly to mean 0 and SD 1.

    The constants are the population's means and standard deviations, to two digits.
    """
    raw = np.array(
        [
            factors.necrotic_fraction,
            factors.arterial_enhancement,
            factors.portal_washout,
            factors.heterogeneity,
            factors.thrombus,
            factors.lesion_count,
            factors.largest_mm,
            factors.lipiodol,
        ],
        dtype=np.float64,
    )
    mean = np.array([0.26, 0.9, 1.0, 0.5, 0.3, 3.0, 84.0, 0.2])
    deviation = np.array([0.17, 0.75, 0.7, 0.22, 0.46, 0.77, 11.0, 0.4])
    return np.asarray((raw - mean) / deviation)
