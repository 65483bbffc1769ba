"""Apply a drawn augmentation to a batch, on the device that trains.

Measured at 3x224x224, batch 20, one CPU core: see ``benchmarks/training_step.py``.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional

from shared.imaging.augment import AugmentationDraw, GeometryDraw

_BLUR_RADIUS_PIXELS = 3  # three standard deviations of the widest blur
_SHARP_SIGMA = 1e-3  # a kernel this narrow is exactly one pixel in float32
_MID_GREY = 0.5


def _column(values: Float32[np.ndarray, " batch"], like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like.device).reshape(-1, 1, 1, 1)


def _rotate(images: Tensor, degrees: Float32[np.ndarray, " batch"]) -> Tensor:
    height, width = images.shape[-2:]
    radians = torch.from_numpy(degrees).to(images.device) * (math.pi / 180)
    cosine, sine, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    # The grid runs from -1 to 1 on both axes, so a rotation of square pixels in a slice that is
    # not square needs the ratio of its sides.
    across = torch.stack([cosine, -sine * (height / width), zero], dim=1)
    down = torch.stack([sine * (width / height), cosine, zero], dim=1)
    grid = functional.affine_grid(
        torch.stack([across, down], dim=1), list(images.shape), align_corners=False
    )
    # Corners turned in from outside are the darkest value of the window, as air is.
    return functional.grid_sample(images, grid, align_corners=False)


def _blur(images: Tensor, sigma_pixels: Float32[np.ndarray, " batch"]) -> Tensor:
    blurred = np.flatnonzero(sigma_pixels > _SHARP_SIGMA)
    if not blurred.size:
        return images
    chosen = torch.from_numpy(blurred).to(images.device)
    sigma = torch.from_numpy(sigma_pixels[blurred]).to(images.device)
    offsets = torch.arange(-_BLUR_RADIUS_PIXELS, _BLUR_RADIUS_PIXELS + 1, device=images.device)
    kernels = torch.exp(-0.5 * (offsets[None, :] / sigma[:, None]) ** 2)
    kernels = kernels / kernels.sum(dim=1, keepdim=True)
    size = 2 * _BLUR_RADIUS_PIXELS + 1
    batch, phases, height, width = len(blurred), *images.shape[1:]
    kernels = kernels.repeat_interleave(phases, dim=0)
    # Every slice has its own kernel: one grouped convolution per axis, one group per image.
    stack = images[chosen].reshape(1, batch * phases, height, width)
    for shape, padding in (
        ((-1, 1, size, 1), (0, 0, _BLUR_RADIUS_PIXELS, _BLUR_RADIUS_PIXELS)),
        ((-1, 1, 1, size), (_BLUR_RADIUS_PIXELS, _BLUR_RADIUS_PIXELS, 0, 0)),
    ):
        padded = functional.pad(stack, padding, mode="replicate")
        stack = functional.conv2d(padded, kernels.reshape(shape), groups=batch * phases)
    return images.index_copy(0, chosen, stack.reshape(batch, phases, height, width))


def apply_augmentation(
    images: Float[Tensor, "batch phase height width"], draw: AugmentationDraw
) -> Float[Tensor, "batch phase height width"]:
    """Rotate, blur, change contrast and brightness, add noise, in this order.

    Source: Liao 2024, section 2.4 (the list; order and ranges are ours).

    Args:
        images: Values in [0, 1]; not changed.
        draw: One set of parameters per slice. The noise field comes from a generator on the
            images' device, so CPU and GPU add different noise for one seed.

    Returns:
        Changed slices, clipped to [0, 1], on the same device.
    """
    turned = _blur(_rotate(images, draw.rotation_degrees), draw.blur_sigma_pixels)
    contrast = _column(draw.contrast, images)
    shifted = (turned - _MID_GREY) * contrast + (_MID_GREY + _column(draw.brightness, images))
    source = torch.Generator(device=images.device).manual_seed(draw.noise_seed)
    noise = torch.randn(images.shape, generator=source, device=images.device)
    return (shifted + noise * _column(draw.noise, images)).clamp(0, 1)


def _moved_from(draw: GeometryDraw, height: int, width: int) -> Float32[np.ndarray, "batch 2 3"]:
    """Give, per slice, where each pixel comes from, in coordinates from -1 to 1 on both axes."""
    radians = np.deg2rad(draw.rotation_degrees, dtype=np.float32)
    cosine = np.cos(radians) / draw.enlargement
    sine = np.sin(radians) / draw.enlargement
    mirror = np.where(draw.flipped, np.float32(-1), np.float32(1))
    right, down = 2 * draw.shift_right, 2 * draw.shift_down  # an axis is 2 long
    # The ratio of the sides keeps the rotation one of square pixels (see _rotate).
    across, up = sine * np.float32(height / width), sine * np.float32(width / height)
    return np.stack(
        [
            np.stack([cosine, -across, across * down - cosine * right]) * mirror,
            np.stack([up, cosine, -up * right - cosine * down]),
        ]
    ).transpose(2, 0, 1)


def apply_geometry(
    images: Float[Tensor, "batch sequence height width"], draw: GeometryDraw
) -> Float[Tensor, "batch sequence height width"]:
    """Mirror, enlarge, turn and shift slices, in one bilinear resampling.

    Source: Quan 2024, Methods (the list; order and ranges are ours).

    Args:
        images: In any unit; not changed. What comes in from outside is the smallest value of its
            plane. Preparation clips air to that value, which differs from volume to volume and
            after normalisation is not 0.
        draw: One set of parameters per slice, shared by its sequences.

    Returns:
        Moved slices, on the same device.
    """
    moves = torch.from_numpy(_moved_from(draw, *images.shape[-2:])).to(images.device)
    grid = functional.affine_grid(moves, list(images.shape), align_corners=False)
    air = images.amin(dim=(2, 3), keepdim=True)
    # Outside is 0 for grid_sample, so the images are measured from air meanwhile.
    return functional.grid_sample(images - air, grid, align_corners=False) + air
