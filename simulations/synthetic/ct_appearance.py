"""What tissue looks like on CT: HU per phase, lesion contrast, texture, blur and noise."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16
from scipy.ndimage import gaussian_filter1d

from shared.vocabulary import CtPhase
from simulations.synthetic.factors import ImageFactors
from simulations.synthetic.scanner import Scanner
from simulations.synthetic.texture import Texture
from simulations.synthetic.tissue import LabelledVolume, Tissue

_HU: dict[Tissue, tuple[float, float, float]] = {
    Tissue.AIR: (-1000, -1000, -1000),
    Tissue.LUNG: (-850, -845, -840),
    Tissue.FAT: (-100, -100, -98),
    Tissue.MUSCLE: (55, 60, 65),
    Tissue.BONE: (620, 620, 620),
    Tissue.MARROW: (180, 190, 200),
    Tissue.LIVER: (58, 68, 112),
    Tissue.SPLEEN: (48, 122, 118),
    Tissue.KIDNEY_MEDULLA: (32, 90, 165),
    Tissue.KIDNEY_CORTEX: (34, 185, 185),
    Tissue.AORTA: (42, 300, 160),
    Tissue.VENA_CAVA: (42, 70, 145),
    Tissue.PORTAL_VEIN: (42, 80, 175),
    Tissue.HEPATIC_VEIN: (42, 66, 160),
    Tissue.GALL_BLADDER: (8, 8, 8),
    Tissue.STOMACH: (22, 24, 26),
    Tissue.GAS: (-800, -800, -800),
    Tissue.BOWEL: (30, 55, 72),
    Tissue.SKIN: (30, 35, 40),
    Tissue.HEART: (42, 210, 150),
    Tissue.TUMOUR: (46, 0, 0),
    Tissue.NECROSIS: (20, 22, 24),
    Tissue.CAPSULE: (46, 66, 135),
    Tissue.THROMBUS: (38, 52, 58),
    Tissue.LIPIODOL: (450, 450, 450),
}
"""Typical attenuation on plain, arterial (30 s) and portal (90 s) phase.

The tumour's enhanced values follow from the patient's factors and are filled in later.
"""

_COLUMN = {CtPhase.PLAIN: 0, CtPhase.ARTERIAL: 1, CtPhase.PORTAL: 2}

_ARTERIAL_HU = 85.0
"""Contrast of a typical hypervascular lesion over the liver in the arterial phase."""

_WASHOUT_HU = 50.0
"""Contrast of typical washout below the liver in the portal phase."""

_STEATOSIS_HU = 70.0
"""Liver attenuation lost from no fat to all fat; 0.3 costs 21 HU."""


@dataclass(frozen=True)
class Parenchyma:
    """The patient's textures, shared by all phases.

    Attributes:
        fine: A few millimetres: trabeculae, nodules, tumour grain.
        coarse: A centimetre: patches within a tumour.
    """

    fine: Texture
    coarse: Texture


def attenuation(
    factors: ImageFactors, phase: CtPhase, contrast_gain: float
) -> Float32[np.ndarray, " tissue"]:
    """Tabulate a patient's attenuation per tissue in one phase, in HU, indexed by `Tissue`.

    Lesion contrast is defined against a liver without fat, so steatosis does not change it in HU.

    Args:
        factors: The patient's image factors.
        phase: Plain, arterial or portal.
        contrast_gain: How strongly vessels and organs enhance; 1 is typical.
    """
    column = _COLUMN[phase]
    table = np.array([_HU[tissue] for tissue in Tissue], dtype=np.float32)
    values = table[:, 0] + contrast_gain * (table[:, column] - table[:, 0])
    liver = values[Tissue.LIVER]
    if phase is CtPhase.PLAIN:
        values[Tissue.TUMOUR] = _HU[Tissue.TUMOUR][0]
    elif phase is CtPhase.ARTERIAL:
        values[Tissue.TUMOUR] = liver + _ARTERIAL_HU * factors.arterial_enhancement
    else:
        values[Tissue.TUMOUR] = liver - _WASHOUT_HU * factors.portal_washout
    values[Tissue.LIVER] -= _STEATOSIS_HU * factors.steatosis
    return values


@dataclass(frozen=True)
class Exposure:
    """One acquisition: which phase, how well enhanced, on which scanner.

    Attributes:
        phase: Plain, arterial or portal.
        contrast_gain: How strongly vessels and organs enhance; 1 is typical.
        scanner: Resolution and noise.
    """

    phase: CtPhase
    contrast_gain: float
    scanner: Scanner


def render(
    seen: LabelledVolume,
    parenchyma: Parenchyma,
    factors: ImageFactors,
    exposure: Exposure,
    rng: np.random.Generator,
) -> Int16[np.ndarray, "slice height width"]:
    """Render one phase in HU.

    Args:
        seen: Tissue per voxel, as this phase saw the patient.
        parenchyma: The patient's textures, evaluated within the liver's box only.
        factors: The patient's image factors.
        exposure: The acquisition.
        rng: Source of the noise.

    Returns:
        Attenuation in [-1024, 3071] HU.
    """
    labels, grid, scanner = seen.labels, seen.grid, exposure.scanner
    image = attenuation(factors, exposure.phase, exposure.contrast_gain)[labels]
    _add_texture(image[seen.liver], seen, parenchyma, factors)
    step_y, step_x = (float(axis[1] - axis[0]) for axis in (grid.y_mm, grid.x_mm))
    image = _blur(image, scanner.blur_mm / step_y, scanner.blur_mm / step_x)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise = _blur(noise, scanner.grain_mm / step_y, scanner.grain_mm / step_x)
    noise *= scanner.noise_hu / float(noise.std())
    noise[labels == Tissue.AIR] *= 0.5  # less quantum noise where nothing attenuates
    return np.clip(np.rint(image + noise), -1024, 3071).astype(np.int16)


def _add_texture(
    image: Float32[np.ndarray, "slice height width"],
    seen: LabelledVolume,
    parenchyma: Parenchyma,
    factors: ImageFactors,
) -> None:
    """Make liver grainy, necrosis patchy and viable tumour heterogeneous, in place."""
    fine = parenchyma.fine.sample(seen.grid, seen.liver)
    coarse = parenchyma.coarse.sample(seen.grid, seen.liver)
    labels = seen.labels[seen.liver]
    tumour = labels == Tissue.TUMOUR
    image[tumour] += 26.0 * factors.heterogeneity * (coarse[tumour] + 0.6 * fine[tumour])
    necrosis = labels == Tissue.NECROSIS
    image[necrosis] += 8.0 * coarse[necrosis] + 4.0 * fine[necrosis]
    liver = labels == Tissue.LIVER
    image[liver] += (3.0 + 4.0 * factors.cirrhosis) * fine[liver]


def _blur(
    image: Float32[np.ndarray, "slice height width"], sigma_y: float, sigma_x: float
) -> Float32[np.ndarray, "slice height width"]:
    """Blur in the plane by a Gaussian given in voxels."""
    blurred = np.empty_like(image)
    gaussian_filter1d(image, sigma_x, axis=2, output=blurred, mode="nearest", truncate=3.0)
    gaussian_filter1d(blurred, sigma_y, axis=1, output=blurred, mode="nearest", truncate=3.0)
    return blurred
