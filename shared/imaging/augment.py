"""Draw the parameters of augmentation; ``shared.training.augmentation`` applies them.

Drawing is plain numpy, so that the same seed augments alike on every device; applying needs
bilinear resampling and blurring of whole batches, which torch does on the device that trains.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32


@dataclass(frozen=True)
class AugmentationRanges:
    """How far a training slice may be changed.

    Source: Liao 2024, section 2.4 names noise, blur, brightness, contrast and rotation by -20
    to 20 degrees; only the rotation has a printed range. Ours are what scanners of one hospital
    differ by: 8 HU of noise and 20 HU of offset in a window of 400 HU.

    Attributes:
        rotation_degrees: Largest rotation either way.
        blur_sigma_pixels: Largest standard deviation of the Gaussian blur.
        contrast: Largest relative change of the distance to mid-grey.
        brightness: Largest shift, as a share of the window.
        noise: Largest standard deviation of the added noise, as a share of the window.
    """

    rotation_degrees: float = 20.0
    blur_sigma_pixels: float = 1.0
    contrast: float = 0.1
    brightness: float = 0.05
    noise: float = 0.02


@dataclass(frozen=True)
class AugmentationDraw:
    """What happens to each slice of one batch; all phases of a slice share one draw.

    Sharing keeps the phases aligned and keeps their difference, the enhancement, which is what
    the network is to learn from. Only the noise differs from pixel to pixel and phase to phase.

    Attributes:
        rotation_degrees: Angle of each slice.
        blur_sigma_pixels: Standard deviation of each slice's blur; 0 leaves it sharp.
        contrast: Factor on the distance to mid-grey.
        brightness: Added afterwards.
        noise: Standard deviation of each slice's noise.
        noise_seed: Of the noise field.
    """

    rotation_degrees: Float32[np.ndarray, " batch"]
    blur_sigma_pixels: Float32[np.ndarray, " batch"]
    contrast: Float32[np.ndarray, " batch"]
    brightness: Float32[np.ndarray, " batch"]
    noise: Float32[np.ndarray, " batch"]
    noise_seed: int


def draw_augmentation(
    rng: np.random.Generator, batch: int, ranges: AugmentationRanges | None = None
) -> AugmentationDraw:
    """Draw the augmentation of one batch.

    Angle, contrast, brightness and noise are uniform over their ranges; half of the slices, by
    chance, are blurred.

    Args:
        rng: Advances by the same number of draws whatever the ranges are.
        batch: Number of slices.
        ranges: How far to go; the defaults when not given.

    Returns:
        One set of parameters per slice.
    """
    limits = ranges or AugmentationRanges()
    unit = rng.uniform(-1.0, 1.0, size=(5, batch)).astype(np.float32)
    return AugmentationDraw(
        rotation_degrees=unit[0] * np.float32(limits.rotation_degrees),
        # Below zero means sharp, so that half of the slices keep their resolution.
        blur_sigma_pixels=np.maximum(unit[1], 0) * np.float32(limits.blur_sigma_pixels),
        contrast=1 + unit[2] * np.float32(limits.contrast),
        brightness=unit[3] * np.float32(limits.brightness),
        noise=np.abs(unit[4]) * np.float32(limits.noise),
        noise_seed=int(rng.integers(2**63)),
    )


@dataclass(frozen=True)
class GeometryRanges:
    """How far a training slice may be moved.

    Source: Quan 2024, Methods (shift, rotation, flip, enlargement; no range is printed). Ours are
    what one patient looks like on another day: a tenth of a 400 mm field is the way that centring
    and breathing move a liver, nobody lies turned by more than about 15 degrees, and a fifth is
    the spread of body widths. The flip is left to right only, which occurs in nature (situs
    inversus) and keeps front and back: fluid settles towards the back of a patient who lies, and
    no spine is in front.

    Attributes:
        shift: Largest shift either way, as a share of the side it goes along.
        rotation_degrees: Largest rotation either way.
        enlargement: Largest enlargement; slices are never made smaller.
        flips: Whether half of the slices, by chance, are mirrored.
    """

    shift: float = 0.1
    rotation_degrees: float = 15.0
    enlargement: float = 1.2
    flips: bool = True


@dataclass(frozen=True)
class GeometryDraw:
    """How each slice of one batch is moved; all sequences of a slice share one draw.

    A slice is mirrored, enlarged and turned about its centre, then shifted.

    Attributes:
        shift_down: As a share of the height.
        shift_right: As a share of the width.
        rotation_degrees: Angle of each slice.
        enlargement: Factor, 1 or more.
        flipped: Whether left and right are exchanged.
    """

    shift_down: Float32[np.ndarray, " batch"]
    shift_right: Float32[np.ndarray, " batch"]
    rotation_degrees: Float32[np.ndarray, " batch"]
    enlargement: Float32[np.ndarray, " batch"]
    flipped: Bool[np.ndarray, " batch"]


def draw_geometry(
    rng: np.random.Generator, batch: int, ranges: GeometryRanges | None = None
) -> GeometryDraw:
    """Draw the movement of every slice of one batch, uniform over the ranges.

    Args:
        rng: Advances by the same number of draws whatever the ranges are.
        batch: Number of slices.
        ranges: How far to go; the defaults when not given.

    Returns:
        One set of parameters per slice.
    """
    limits = ranges or GeometryRanges()
    unit = rng.uniform(-1.0, 1.0, size=(5, batch)).astype(np.float32)
    return GeometryDraw(
        shift_down=unit[0] * np.float32(limits.shift),
        shift_right=unit[1] * np.float32(limits.shift),
        rotation_degrees=unit[2] * np.float32(limits.rotation_degrees),
        enlargement=1 + np.abs(unit[3]) * np.float32(limits.enlargement - 1),
        flipped=(unit[4] > 0) & limits.flips,
    )
