"""Resample slices onto a target grid through a rigid motion, still in one interpolation.

The motion is composed into the coordinates at which the source is read. Where the target is
coarser than the source, each target voxel is the mean of several such readings, so that noise is
averaged instead of aliased.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy import ndimage

from shared.imaging.resample import PlaneStack
from shared.imaging.rigid import RigidMotion

_LARGEST_READINGS = 4  # along each axis; beyond, a finer mean changes nothing that a model sees
_HALF_PIXEL = 0.5 + 1e-6


def covered_moved(
    source: PlaneStack, target: PlaneStack, motion: RigidMotion
) -> Bool[np.ndarray, " slice"]:
    """Tell which target slices lie within the source after the motion.

    A slice counts where the middle half of its field of view does, up to half a source step
    beyond the ends.
    """
    quarter = [(side - 1) * mm / 4 for side, mm in zip(target.shape, target.pixel_mm, strict=True)]
    places = [
        down * quarter[0] * target.axes[0] + right * quarter[1] * target.axes[1]
        for down in (1, 3)
        for right in (1, 3)
    ]
    points = target.origins_mm[:, None, :] + np.array(places)[None]
    index = _indices(source, motion.move(points))[0]
    last = len(source.positions_mm) - 1
    return np.asarray(((index >= -_HALF_PIXEL) & (index <= last + _HALF_PIXEL)).all(axis=1))


def resample_moved(
    load: Callable[[int], Float32[np.ndarray, "height width"]],
    source: PlaneStack,
    target: PlaneStack,
    target_step_mm: float,
    motion: RigidMotion,
    outside: float,
) -> Float32[np.ndarray, "slice height width"]:
    """Resample slices onto a target grid through a motion.

    Args:
        load: Gives one source slice by its index; called once per slice.
        source: Where the source slices lie.
        target: The grid wanted.
        target_step_mm: Distance of neighbouring slices in the whole target.
        motion: From the target's space to the source's.
        outside: Value where the source has nothing.

    Returns:
        Values on the target grid.
    """
    volume = np.stack([load(index) for index in range(len(source.positions_mm))])
    readings = _readings(source, target, target_step_mm)
    result = np.zeros((len(target.positions_mm), *target.shape), dtype=np.float32)
    normal = np.cross(target.axes[1], target.axes[0])
    for row, origin in enumerate(target.origins_mm):
        plane = _plane(origin, target)
        for across, down, right in readings:
            aside = (
                across * target_step_mm * normal
                + down * target.pixel_mm[0] * target.axes[0]
                + right * target.pixel_mm[1] * target.axes[1]
            )
            coordinates = _indices(source, motion.move(plane + aside))
            result[row] += _read(volume, coordinates, outside)
    result /= np.float32(len(readings))
    return result


def _readings(
    source: PlaneStack, target: PlaneStack, target_step_mm: float
) -> list[tuple[float, float, float]]:
    """Give where within a target voxel the source is read, as shares of the voxel."""
    ratios = (
        target_step_mm / source.step_mm,
        target.pixel_mm[0] / source.pixel_mm[0],
        target.pixel_mm[1] / source.pixel_mm[1],
    )
    along = []
    for ratio in ratios:
        count = min(_LARGEST_READINGS, max(1, int(np.ceil(ratio - 0.01))))
        along.append(((np.arange(count) + 0.5) / count - 0.5).tolist())
    return [(a, b, c) for a in along[0] for b in along[1] for c in along[2]]


def _plane(
    origin: Float64[np.ndarray, "3"], target: PlaneStack
) -> Float64[np.ndarray, "height width 3"]:
    rows = np.arange(target.shape[0])[:, None, None] * target.pixel_mm[0] * target.axes[0]
    columns = np.arange(target.shape[1])[None, :, None] * target.pixel_mm[1] * target.axes[1]
    return np.asarray(origin + rows + columns)


def _indices(
    source: PlaneStack, points_mm: Float64[np.ndarray, "... 3"]
) -> Float64[np.ndarray, "3 ..."]:
    """Give slice, row and column, as fractions, of points; a tilt's shear is followed."""
    last = len(source.positions_mm) - 1
    step = (source.origins_mm[-1] - source.origins_mm[0]) / last
    normal = np.cross(source.axes[1], source.axes[0])
    away = points_mm - source.origins_mm[0]
    index = (away @ normal) / float(step @ normal)
    rest = away - index[..., None] * step
    row = rest @ source.axes[0] / source.pixel_mm[0]
    column = rest @ source.axes[1] / source.pixel_mm[1]
    return np.stack([index, row, column])


def _read(
    volume: Float32[np.ndarray, "_ _ _"],
    coordinates: Float64[np.ndarray, "3 height width"],
    outside: float,
) -> Float32[np.ndarray, "height width"]:
    inside = np.ones(coordinates.shape[1:], dtype=np.bool_)
    for axis, side in enumerate(volume.shape):
        along = coordinates[axis]
        inside &= (along >= -_HALF_PIXEL) & (along <= side - 1 + _HALF_PIXEL)
        # The outermost half pixel belongs to the outermost source pixel.
        np.clip(along, 0, side - 1, out=along)
    values = ndimage.map_coordinates(volume, coordinates, order=1, output=np.float32)
    return np.where(inside, values, np.float32(outside))
