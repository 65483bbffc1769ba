"""Bring parallel slices of any spacing onto one target grid, in a single linear interpolation.

Along each axis a target value is a weighted mean of source values with the triangle kernel. Where
the target is coarser the triangle widens to the target's spacing, so that noise is averaged
instead of aliased; where it is finer this is linear interpolation. The weights are separable, so
a slice costs two sparse products. A gantry tilt needs nothing else: source and target slices are
parallel, and every slice carries its own origin.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int
from scipy.sparse import csr_array

from shared.errors import PreparationError

PARALLEL_TOLERANCE = 2e-3
"""Of direction cosines: 0.1 degree, a quarter of a millimetre over a slice's half width."""


@dataclass(frozen=True)
class PlaneStack:
    """Where parallel slices lie, in the patient's millimetres.

    Attributes:
        origins_mm: Centre of each slice's first pixel.
        axes: Unit vectors down a column and along a row.
        positions_mm: Position of each slice along the normal, growing.
        pixel_mm: Distance between rows and between columns.
        shape: Rows and columns.
    """

    origins_mm: Float64[np.ndarray, "slice 3"]
    axes: Float64[np.ndarray, "2 3"]
    positions_mm: Float64[np.ndarray, " slice"]
    pixel_mm: tuple[float, float]
    shape: tuple[int, int]

    @property
    def step_mm(self) -> float:
        """Give the mean distance of neighbouring slices."""
        return float((self.positions_mm[-1] - self.positions_mm[0]) / (len(self.positions_mm) - 1))


def square_target(reference: PlaneStack, size: int) -> PlaneStack:
    """Lay a square grid over the reference's field of view, at its own slice positions.

    Args:
        reference: The slices that give positions and field of view.
        size: Height and width of the target, pixels.

    Returns:
        The target: the longer side of the field of view fills it, the shorter is centred.
    """
    rows, columns = reference.shape
    height_mm, width_mm = rows * reference.pixel_mm[0], columns * reference.pixel_mm[1]
    pixel_mm = max(height_mm, width_mm) / size
    # From the centre of the first source pixel to the centre of the first target pixel.
    down = (height_mm - reference.pixel_mm[0]) / 2 - (size - 1) * pixel_mm / 2
    right = (width_mm - reference.pixel_mm[1]) / 2 - (size - 1) * pixel_mm / 2
    shift = down * reference.axes[0] + right * reference.axes[1]
    return PlaneStack(
        origins_mm=reference.origins_mm + shift,
        axes=reference.axes,
        positions_mm=reference.positions_mm,
        pixel_mm=(pixel_mm, pixel_mm),
        shape=(size, size),
    )


def take_slices(stack: PlaneStack, indices: Int[np.ndarray, " slice"]) -> PlaneStack:
    """Keep some slices of a stack."""
    return PlaneStack(
        origins_mm=stack.origins_mm[indices],
        axes=stack.axes,
        positions_mm=stack.positions_mm[indices],
        pixel_mm=stack.pixel_mm,
        shape=stack.shape,
    )


def covered(source: PlaneStack, target: PlaneStack) -> Bool[np.ndarray, " slice"]:
    """Tell which target slices lie within the source, up to half a source step beyond its ends."""
    half = source.step_mm / 2
    low, high = source.positions_mm[0] - half, source.positions_mm[-1] + half
    return np.asarray((target.positions_mm >= low) & (target.positions_mm <= high))


def slice_weights(
    source: PlaneStack, target: PlaneStack, target_step_mm: float
) -> Float64[np.ndarray, "slice _"]:
    """Weigh source slices for every target slice.

    Args:
        source: The slices that were scanned.
        target: The slices wanted; they may be a choice of more, hence the step.
        target_step_mm: Distance of neighbouring slices in the whole target.

    Returns:
        Rows sum to 1 for covered target slices and to 0 for the others.
    """
    reach = max(source.step_mm, target_step_mm)
    ends = source.positions_mm[0], source.positions_mm[-1]
    # Half a step beyond the ends still is inside the outermost slice.
    wanted = np.clip(target.positions_mm, *ends)
    distance = np.abs(wanted[:, None] - source.positions_mm[None, :])
    weights = np.clip(1.0 - distance / reach, 0.0, None)
    weights[weights < 1e-9] = 0.0  # noqa: PLR2004  # rounding, not a neighbour
    weights[~covered(source, target)] = 0.0
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))


def resample(
    load: Callable[[int], Float32[np.ndarray, "height width"]],
    source: PlaneStack,
    target: PlaneStack,
    target_step_mm: float,
    outside: float,
) -> Float32[np.ndarray, "slice height width"]:
    """Resample parallel slices onto a target grid.

    Args:
        load: Gives one source slice by its index; called once per slice that is needed.
        source: Where the source slices lie.
        target: The grid wanted.
        target_step_mm: Distance of neighbouring slices in the whole target.
        outside: Value where the source has nothing.

    Returns:
        Values on the target grid.

    Raises:
        PreparationError: If source and target are not parallel.
    """
    if np.abs(source.axes - target.axes).max() > PARALLEL_TOLERANCE:
        raise PreparationError(
            "The phases were not scanned in parallel slices (different gantry tilt or patient "
            "position). Choose reconstructions with the same tilt."
        )
    weights = slice_weights(source, target, target_step_mm)
    result = np.zeros((len(weights), *target.shape), dtype=np.float32)
    plans: dict[tuple[float, float], _InPlane] = {}
    for index in np.flatnonzero(weights.any(axis=0)):
        pixels = load(int(index))
        planes: dict[tuple[float, float], Float32[np.ndarray, "height width"]] = {}
        for row in np.flatnonzero(weights[:, index]):
            shift = (source.origins_mm[index] - target.origins_mm[row]) @ source.axes.T
            key = (round(float(shift[0]), 3), round(float(shift[1]), 3))  # micrometres
            if key not in plans:
                plans[key] = _plan(source, target, key, outside)
            if key not in planes:
                planes[key] = plans[key].apply(pixels)
            weight = np.float32(weights[row, index])
            result[row] += planes[key] if weight == 1 else weight * planes[key]
    result[~weights.any(axis=1)] = outside
    return result


@dataclass(frozen=True)
class _InPlane:
    rows: csr_array
    columns: csr_array
    background: Float32[np.ndarray, "width height"]
    """What is added where weights reach beyond the field of view and so sum to less than 1."""

    def apply(self, pixels: Float32[np.ndarray, "_ _"]) -> Float32[np.ndarray, "height width"]:
        # Rows first: then only the smaller product is transposed.
        down = np.asarray(self.rows @ pixels)
        plane = np.asarray(self.columns @ np.ascontiguousarray(down.T), dtype=np.float32)
        plane += self.background
        return plane.T


def _plan(
    source: PlaneStack, target: PlaneStack, shift_mm: tuple[float, float], outside: float
) -> _InPlane:
    rows = _axis_weights(
        source.shape[0], source.pixel_mm[0], target.shape[0], target.pixel_mm[0], shift_mm[0]
    )
    columns = _axis_weights(
        source.shape[1], source.pixel_mm[1], target.shape[1], target.pixel_mm[1], shift_mm[1]
    )
    inside = np.outer(columns.sum(axis=1), rows.sum(axis=1)).astype(np.float32)
    return _InPlane(rows, columns, np.float32(outside) * (1.0 - inside))


def _axis_weights(
    source_count: int, source_mm: float, target_count: int, target_mm: float, shift_mm: float
) -> csr_array:
    """Weigh the source pixels of one axis for every target pixel.

    Weights are normalised over an endless source; what falls outside is simply missing, and the
    outermost half pixel belongs to the outermost source pixel.
    """
    reach = max(source_mm, target_mm) / source_mm  # in source pixels
    centres = (np.arange(target_count) * target_mm - shift_mm) / source_mm
    first = np.floor(centres - reach).astype(np.int64) + 1
    span = np.arange(int(np.ceil(2 * reach)) + 1)
    candidates = first[:, None] + span[None, :]
    weights = np.clip(1.0 - np.abs(candidates - centres[:, None]) / reach, 0.0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    edge = (centres[:, None] >= -0.5) & (centres[:, None] <= source_count - 0.5)  # noqa: PLR2004
    kept = np.clip(candidates, 0, source_count - 1)
    weights[~(((candidates >= 0) & (candidates < source_count)) | edge)] = 0.0
    rows = np.broadcast_to(np.arange(target_count)[:, None], candidates.shape)
    matrix = csr_array(
        (weights.ravel().astype(np.float32), (rows.ravel(), kept.ravel())),
        shape=(target_count, source_count),
    )
    matrix.sum_duplicates()
    return matrix
