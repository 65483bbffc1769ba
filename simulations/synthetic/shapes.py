"""Two shapes on a grid, each evaluated only inside its own box."""

import numpy as np
from jaxtyping import Bool, Float32

from simulations.synthetic.grid import Box, Grid, Point


def ellipsoid(
    grid: Grid, centre: Point, radii: Point, margin: float = 1.0
) -> tuple[Box, Float32[np.ndarray, "slice height width"]]:
    """Evaluate the squared normalised distance from an ellipsoid's centre.

    Args:
        grid: Where to evaluate.
        centre: Centre (x, y, z) in mm.
        radii: Semi-axes (x, y, z) in mm.
        margin: Size of the box in units of the radii; above 1 where a wobble may reach out.

    Returns:
        The index box, and in it the level: below 1 inside.
    """
    x0, y0, z0 = centre
    a, b, c = radii
    box = grid.box(
        (x0 - margin * a, y0 - margin * b, z0 - margin * c),
        (x0 + margin * a, y0 + margin * b, z0 + margin * c),
    )
    x, y, z = grid.axes(box)
    level = ((z - z0) / c) ** 2 + (((y - y0) / b) ** 2 + ((x - x0) / a) ** 2)
    return box, level.astype(np.float32)


def tube(
    grid: Grid, start: Point, end: Point, radius_mm: float
) -> tuple[Box, Bool[np.ndarray, "slice height width"]]:
    """Find the voxels within a radius of a straight segment (round ends).

    Args:
        grid: Where to look.
        start: One end (x, y, z) in mm.
        end: The other end.
        radius_mm: Radius of the tube.

    Returns:
        The index box, and in it which voxels are inside.
    """
    low = tuple(min(p, q) - radius_mm for p, q in zip(start, end, strict=True))
    high = tuple(max(p, q) + radius_mm for p, q in zip(start, end, strict=True))
    box = grid.box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    x, y, z = grid.axes(box)
    direction = np.subtract(end, start)
    length_squared = float(direction @ direction)
    dx, dy, dz = x - start[0], y - start[1], z - start[2]
    along = (dx * direction[0] + dy * direction[1] + dz * direction[2]) / length_squared
    along = np.clip(along, 0.0, 1.0)
    distance_squared = (
        (dx - along * direction[0]) ** 2
        + (dy - along * direction[1]) ** 2
        + (dz - along * direction[2]) ** 2
    )
    return box, distance_squared < radius_mm**2
