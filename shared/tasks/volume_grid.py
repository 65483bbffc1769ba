"""Turn a volume's geometry into slices with rows growing to the back and columns to the left."""

import numpy as np
from jaxtyping import Float32

from shared.dicom.coarse import coarse_geometry, coarse_volume
from shared.dicom.geometry import VolumeGeometry
from shared.errors import PreparationError
from shared.imaging.resample import PlaneStack


def stack_of(geometry: VolumeGeometry) -> PlaneStack:
    """Describe where a volume's slices lie.

    Args:
        geometry: An axial volume.

    Returns:
        Its slices, flipped where needed; ``flips`` says how to flip the pixels.

    Raises:
        PreparationError: If the slices are turned by 90° in their plane.
    """
    down, right = geometry.axes
    if abs(down[1]) < abs(down[0]) or abs(right[0]) < abs(right[1]):
        raise PreparationError(
            "The slices are turned by 90° in their plane. Send the original axial series."
        )
    height, width = (
        (n - 1) * mm for n, mm in zip(geometry.shape[1:], geometry.pixel_spacing_mm, strict=True)
    )
    origins = geometry.origins_mm
    signs = flips(geometry)
    if signs[0] < 0:
        origins = origins + height * down
    if signs[1] < 0:
        origins = origins + width * right
    return PlaneStack(
        origins_mm=origins,
        axes=geometry.axes * np.array(signs, dtype=np.float64)[:, None],
        positions_mm=geometry.positions_mm,
        pixel_mm=geometry.pixel_spacing_mm,
        shape=geometry.shape[1:],
    )


def flips(geometry: VolumeGeometry) -> tuple[int, int]:
    """Give the steps (1 or -1) with which to read rows and columns."""
    return (1 if geometry.axes[0, 1] > 0 else -1), (1 if geometry.axes[1, 0] > 0 else -1)


def coarse_view(
    geometry: VolumeGeometry, pixel_mm: float
) -> tuple[Float32[np.ndarray, "slice height width"], PlaneStack]:
    """Decode a volume at low resolution.

    Args:
        geometry: An axial volume.
        pixel_mm: Largest wanted pixel.

    Returns:
        Block means with rows growing to the back and columns to the left, and where they lie.

    Raises:
        VolumeError: If an image cannot be decoded.
        PreparationError: If the slices are turned by 90° in their plane.
    """
    values = coarse_volume(geometry, pixel_mm)
    down, right = flips(geometry)
    return (
        np.ascontiguousarray(values[:, ::down, ::right]),
        stack_of(coarse_geometry(geometry, pixel_mm)),
    )
