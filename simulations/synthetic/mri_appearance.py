"""What tissue looks like on MR: signal per image, chemical shift, bias field, Rician noise."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, UInt16
from scipy.ndimage import gaussian_filter1d

from simulations.synthetic.ct_appearance import Parenchyma
from simulations.synthetic.factors import ImageFactors
from simulations.synthetic.grid import Grid
from simulations.synthetic.mri_scanner import Coil, MrImage
from simulations.synthetic.tissue import LabelledVolume, Tissue

_SIGNAL: dict[Tissue, tuple[float, float, float, float, float]] = {
    Tissue.AIR: (2, 2, 2, 2, 2),
    Tissue.LUNG: (12, 14, 14, 10, 15),
    Tissue.FAT: (60, 62, 62, 90, 560),
    Tissue.MUSCLE: (170, 180, 180, 110, 300),
    Tissue.BONE: (40, 40, 40, 30, 60),
    Tissue.MARROW: (110, 120, 120, 140, 380),
    Tissue.LIVER: (260, 420, 400, 170, 430),
    Tissue.SPLEEN: (400, 430, 390, 290, 300),
    Tissue.KIDNEY_MEDULLA: (420, 560, 520, 360, 320),
    Tissue.KIDNEY_CORTEX: (600, 600, 540, 330, 330),
    Tissue.AORTA: (900, 640, 470, 60, 120),
    Tissue.VENA_CAVA: (230, 600, 460, 70, 120),
    Tissue.PORTAL_VEIN: (280, 700, 490, 75, 125),
    Tissue.HEPATIC_VEIN: (230, 640, 470, 80, 125),
    Tissue.GALL_BLADDER: (120, 120, 125, 760, 150),
    Tissue.STOMACH: (130, 130, 130, 480, 180),
    Tissue.GAS: (5, 5, 5, 5, 5),
    Tissue.BOWEL: (280, 360, 350, 300, 250),
    Tissue.SKIN: (120, 120, 120, 110, 200),
    Tissue.HEART: (520, 540, 460, 90, 160),
    Tissue.TUMOUR: (0, 0, 0, 0, 400),
    Tissue.NECROSIS: (90, 95, 100, 620, 310),
    Tissue.CAPSULE: (240, 400, 480, 120, 330),
    Tissue.THROMBUS: (230, 260, 250, 300, 280),
    Tissue.LIPIODOL: (200, 200, 200, 150, 260),
}
"""Signal in arbitrary units: fat-suppressed T1 arterial, portal, delayed; T2 FSE; in phase.

The tumour's values follow from the patient's factors and are filled in later. Departure: bright
bystanders (vessels, kidneys, fluid, fat) are milder and lesion contrast is stronger than in life,
so that a small network learns from some dozens of patients.
"""

_COLUMN = {
    MrImage.T1_ARTERIAL: 0,
    MrImage.T1_PORTAL: 1,
    MrImage.T1_DELAYED: 2,
    MrImage.T2_FSE: 3,
    MrImage.IN_PHASE: 4,
    MrImage.OPPOSED: 4,
}

_FAT_FRACTION = {Tissue.FAT: 0.92, Tissue.MARROW: 0.45}
"""Share of the in-phase signal that comes from fat; liver and tumour follow from the factors."""

_ARTERIAL = 220.0
"""Signal of a typical hypervascular lesion over the liver in the arterial phase."""

_PORTAL_WASHOUT, _DELAYED_WASHOUT = 165.0, 160.0
"""Signal that typical washout costs a lesion against the liver."""

_T2_BASE, _T2_WASHOUT = 200.0, 170.0
"""T2 signal of a lesion without washout, and what typical washout adds: less differentiated
lesions are brighter."""

_LESION_FAT, _LESION_FAT_WASHOUT = 0.42, 0.19
"""Fat fraction of a lesion without washout, and what typical washout takes: well-differentiated
lesions hold fat, so they darken when opposed."""


@dataclass(frozen=True)
class BiasField:
    """A smooth receive sensitivity: the exponential of a quadratic in millimetres.

    Attributes:
        coefficients: Of x, y, z, xy, x² - y² in units of the body's size; standard normal.
    """

    coefficients: tuple[float, float, float, float, float]

    def disturbed(self, amount: float, rng: np.random.Generator) -> "BiasField":
        """Give another acquisition's field: mostly the same coil, a little of its own."""
        keep = np.sqrt(1.0 - amount**2)
        a, b, c, d, e = (keep * own + amount * float(rng.normal()) for own in self.coefficients)
        return BiasField((a, b, c, d, e))

    def evaluate(self, grid: Grid, strength: float) -> Float32[np.ndarray, "slice height width"]:
        """Evaluate the factor, near 1, at voxel centres; millimetres of breath do not matter."""
        x, y, z = grid.x_mm / 170.0, grid.y_mm / 120.0, grid.z_mm / 110.0
        a, b, c, d, e = self.coefficients
        plane = a * x + b * y[:, None] + d * y[:, None] * x + 0.8 * e * (x**2 - y[:, None] ** 2)
        log_field = strength * (plane[None] + 0.6 * c * z[:, None, None])
        return np.exp(log_field).astype(np.float32)


@dataclass(frozen=True)
class Reception:
    """How one image is received.

    Attributes:
        image: Which of the six.
        coil: Strength of bias and noise, point spread.
        gain: Factor between signal and stored number.
        field: The bias field.
    """

    image: MrImage
    coil: Coil
    gain: float
    field: BiasField


def draw_field(rng: np.random.Generator) -> BiasField:
    """Draw a patient's bias field."""
    a, b, c, d, e = (float(value) for value in rng.standard_normal(5))
    return BiasField((a, b, c, d, e))


def signal_table(factors: ImageFactors, image: MrImage) -> Float64[np.ndarray, " tissue"]:
    """Tabulate a patient's signal per tissue, indexed by `Tissue`, without gain and bias.

    In opposed phase the signal of water and fat is subtracted and may be below 0; its magnitude
    is what is stored (Dixon 1984).

    Args:
        factors: The patient's image factors.
        image: Which of the six.
    """
    values = np.array([_SIGNAL[tissue][_COLUMN[image]] for tissue in Tissue], dtype=np.float64)
    liver = values[Tissue.LIVER]
    washout = factors.portal_washout
    match image:
        case MrImage.T1_ARTERIAL:
            values[Tissue.TUMOUR] = liver + _ARTERIAL * factors.arterial_enhancement
        case MrImage.T1_PORTAL:
            values[Tissue.TUMOUR] = liver - _PORTAL_WASHOUT * washout
        case MrImage.T1_DELAYED:
            values[Tissue.TUMOUR] = liver - _DELAYED_WASHOUT * washout
        case MrImage.T2_FSE:
            values[Tissue.TUMOUR] = _T2_BASE + _T2_WASHOUT * washout
        case MrImage.OPPOSED:
            values *= 1.0 - 2.0 * _fat_fractions(factors)
        case MrImage.IN_PHASE:
            pass
    return values


def render_mr(
    seen: LabelledVolume,
    parenchyma: Parenchyma,
    factors: ImageFactors,
    reception: Reception,
    rng: np.random.Generator,
) -> UInt16[np.ndarray, "slice height width"]:
    """Render one image as the scanner stores it.

    Noise is added to the real and the imaginary part before the magnitude is taken, so it is
    Rician (Gudbjartsson and Patz 1995).

    Args:
        seen: Tissue per voxel, as this image saw the patient.
        parenchyma: The patient's textures, evaluated within the liver's box only.
        factors: The patient's image factors.
        reception: Gain, bias field and noise.
        rng: Source of the noise.

    Returns:
        Magnitudes in [0, 4095].
    """
    labels, grid, coil = seen.labels, seen.grid, reception.coil
    signal = signal_table(factors, reception.image).astype(np.float32)[labels]
    _add_texture(signal[seen.liver], seen, parenchyma, factors, reception.image)
    step_y, step_x = (float(axis[1] - axis[0]) for axis in (grid.y_mm, grid.x_mm))
    signal = _blur(signal, coil.blur_mm / step_y, coil.blur_mm / step_x)
    signal *= reception.field.evaluate(grid, coil.bias)
    real, imaginary = (
        coil.noise * rng.standard_normal(signal.shape, dtype=np.float32) for _ in range(2)
    )
    magnitude = reception.gain * np.hypot(signal + real, imaginary)
    stored: UInt16[np.ndarray, "slice height width"] = np.rint(np.clip(magnitude, 0, 4095)).astype(
        np.uint16
    )
    return stored


def _fat_fractions(factors: ImageFactors) -> Float64[np.ndarray, " tissue"]:
    fractions = np.array([_FAT_FRACTION.get(tissue, 0.0) for tissue in Tissue])
    fractions[Tissue.LIVER] = factors.steatosis
    lesion = _LESION_FAT - _LESION_FAT_WASHOUT * factors.portal_washout
    fractions[Tissue.TUMOUR] = np.clip(lesion, 0.0, 0.45)
    return fractions


def _add_texture(
    signal: Float32[np.ndarray, "slice height width"],
    seen: LabelledVolume,
    parenchyma: Parenchyma,
    factors: ImageFactors,
    image: MrImage,
) -> None:
    """Make liver grainy, necrosis patchy and viable tumour heterogeneous, in place."""
    fine = parenchyma.fine.sample(seen.grid, seen.liver)
    coarse = parenchyma.coarse.sample(seen.grid, seen.liver)
    labels = seen.labels[seen.liver]
    tumour = labels == Tissue.TUMOUR
    grain = 0.6 * fine[tumour] + coarse[tumour]
    # What is dark in the arterial phase is bright on T2: poorly perfused patches.
    sign = -1.0 if image is MrImage.T2_FSE else 1.0
    signal[tumour] += sign * 45.0 * factors.heterogeneity * grain
    necrosis = labels == Tissue.NECROSIS
    signal[necrosis] += 20.0 * coarse[necrosis] + 10.0 * fine[necrosis]
    liver = labels == Tissue.LIVER
    signal[liver] += (8.0 + 14.0 * factors.cirrhosis) * fine[liver]


def _blur(
    signal: Float32[np.ndarray, "slice height width"], sigma_y: float, sigma_x: float
) -> Float32[np.ndarray, "slice height width"]:
    """Blur in the plane by a Gaussian given in voxels, at least the width of a voxel's own.

    A voxel's own width mixes water and fat at borders, which draws the dark outline of organs in
    opposed phase.
    """
    blurred = np.empty_like(signal)
    for axis, sigma, source in ((2, sigma_x, signal), (1, sigma_y, blurred)):
        gaussian_filter1d(
            source, max(sigma, 0.45), axis=axis, output=blurred, mode="nearest", truncate=3.0
        )
    return blurred
