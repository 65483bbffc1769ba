"""A volume at low resolution, for what needs an overview and not every pixel."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from shared.dicom.geometry import VolumeGeometry
from shared.dicom.pixels import load_slice


def block_size(volume: VolumeGeometry, pixel_mm: float) -> tuple[int, int]:
    """Give how many rows and columns make one coarse pixel of at most ``pixel_mm``."""
    down_mm, right_mm = volume.pixel_spacing_mm
    return max(1, int(pixel_mm / down_mm)), max(1, int(pixel_mm / right_mm))


def coarse_geometry(volume: VolumeGeometry, pixel_mm: float) -> VolumeGeometry:
    """Say where the pixels of ``coarse_volume`` lie; the slices stay where they are."""
    blocks, fine_mm = block_size(volume, pixel_mm), volume.pixel_spacing_mm
    shift = sum(
        (block - 1) / 2 * mm * axis
        for block, mm, axis in zip(blocks, fine_mm, volume.axes, strict=True)
    )
    return replace(
        volume,
        origins_mm=volume.origins_mm + shift,
        pixel_spacing_mm=(blocks[0] * fine_mm[0], blocks[1] * fine_mm[1]),
        shape=(volume.shape[0], volume.shape[1] // blocks[0], volume.shape[2] // blocks[1]),
    )


def coarse_volume(
    volume: VolumeGeometry, pixel_mm: float
) -> Float32[np.ndarray, "slice height width"]:
    """Decode a volume slice by slice and average blocks of pixels.

    Args:
        volume: The volume; only one of its slices is in memory at full resolution.
        pixel_mm: Largest wanted pixel; blocks are whole numbers of pixels.

    Returns:
        Block means, in the volume's own order of slices, rows and columns; an incomplete last
        block is left out.

    Raises:
        VolumeError: If an image cannot be decoded.
    """
    down, right = block_size(volume, pixel_mm)
    rows, columns = volume.shape[1] // down, volume.shape[2] // right
    result = np.empty((volume.shape[0], rows, columns), dtype=np.float32)
    for index in range(volume.shape[0]):
        pixels = load_slice(volume.instances, index)[: rows * down, : columns * right]
        result[index] = pixels.reshape(rows, down, columns, right).mean(axis=(1, 3))
    return result
