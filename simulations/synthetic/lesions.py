"""Lesions and what they do to the liver: necrosis, capsule, lipiodol, portal thrombus."""

from dataclasses import dataclass

import numpy as np

from simulations.synthetic.anatomy import Body, liver_level
from simulations.synthetic.factors import ImageFactors
from simulations.synthetic.grid import Grid, Point
from simulations.synthetic.shapes import ellipsoid, tube
from simulations.synthetic.tissue import Labels, Tissue

_REPLACEABLE = (Tissue.LIVER, Tissue.HEPATIC_VEIN, Tissue.PORTAL_VEIN)
_WOBBLE_MARGIN = 1.15
"""The wobble lowers the level by at most 0.24, so the surface reaches at most 1.12 radii out."""

_TRIES = 60
_DEEP = 0.35
"""Liver level (1 at the surface) below which most of a large lesion is inside the liver."""

_VISIBLE_NECROSIS = 0.03
"""Below this share the core would be smaller than a voxel."""


@dataclass(frozen=True)
class Lesion:
    """One lesion: a wobbly ellipsoid.

    Attributes:
        centre_mm: Centre (x, y, z) in anatomy millimetres.
        radii_mm: Semi-axes (x, y, z).
        phases: Six angles in radians that shape the surface and the necrotic core.
    """

    centre_mm: Point
    radii_mm: Point
    phases: tuple[float, ...]


def draw_lesions(factors: ImageFactors, body: Body, rng: np.random.Generator) -> tuple[Lesion, ...]:
    """Place the lesions in the liver, the largest first, each at a height of its own.

    Heights are stratified so that most slices of the liver show a lesion: a slice without one
    tells nothing about the outcome.
    """
    lowest, highest = -58.0 * body.scale, 66.0 * body.scale
    band = (highest - lowest) / factors.lesion_count
    placed: list[Lesion] = []
    for number, level in enumerate(rng.permutation(factors.lesion_count)):
        radius = 0.5 * factors.largest_mm * (1.0 if number == 0 else rng.uniform(0.55, 0.78))
        floor = lowest + float(level) * band
        centre = _free_place(placed, radius, body, (floor, floor + band), rng)
        a, b, c = (float(radius * factor) for factor in rng.uniform(0.88, 1.12, 3))
        phases = tuple(float(angle) for angle in rng.uniform(0.0, 2.0 * np.pi, 6))
        placed.append(Lesion(centre_mm=centre, radii_mm=(a, b, c), phases=phases))
    return tuple(placed)


def _free_place(
    placed: list[Lesion],
    radius: float,
    body: Body,
    heights: tuple[float, float],
    rng: np.random.Generator,
) -> Point:
    """Try places at some heights; keep one deep in the liver and clear of the other lesions."""
    k = body.scale
    corners = np.array([(-115 * k, -55 * k, heights[0]), (0.0, 40 * k, heights[1])])
    candidates = rng.uniform(corners[0], corners[1], (_TRIES, 3))
    depth = liver_level(body, *candidates.T.astype(np.float32))
    crowding = np.zeros(_TRIES)
    for other in placed:
        gap = np.linalg.norm(candidates - np.array(other.centre_mm), axis=1)
        crowding += np.maximum(radius + max(other.radii_mm) - gap, 0.0)
    cost = crowding / radius + 4.0 * np.maximum(depth - _DEEP, 0.0)
    x, y, z = candidates[int(np.argmin(cost))]
    return float(x), float(y), float(z)


def paint_lesions(
    labels: Labels,
    lesions: tuple[Lesion, ...],
    factors: ImageFactors,
    body: Body,
    grid: Grid,
) -> None:
    """Paint thrombus and lesions into the liver of a labelled body, in place."""
    if factors.thrombus:
        _paint_thrombus(labels, body, grid)
    for number, lesion in enumerate(lesions):
        _paint_lesion(labels, lesion, factors, grid, treated=factors.lipiodol and number == 0)


def _paint_lesion(
    labels: Labels, lesion: Lesion, factors: ImageFactors, grid: Grid, *, treated: bool
) -> None:
    box, level = ellipsoid(grid, lesion.centre_mm, lesion.radii_mm, margin=_WOBBLE_MARGIN)
    view = labels[box]
    if view.size == 0:
        return
    x, y, z = grid.axes(box)
    x, y, z = (axis - at for axis, at in zip((x, y, z), lesion.centre_mm, strict=True))
    phase = lesion.phases
    surface = level + 0.15 * np.sin(x / 11 + phase[0]) * np.cos(y / 10 + phase[1])
    surface += 0.09 * np.sin(z / 9 + phase[2])
    inside = (surface < 1) & np.isin(view, _REPLACEABLE)
    view[inside] = Tissue.TUMOUR
    if factors.capsule:
        view[inside & (surface > 0.86)] = Tissue.CAPSULE  # noqa: PLR2004 - rim of 7 % of radius
    if factors.necrotic_fraction > _VISIBLE_NECROSIS:
        # The level is a squared radius: a core with a share v of the volume ends at v^(2/3).
        core = level + 0.2 * np.sin(x / 8 + phase[3]) * np.sin(y / 7 + phase[4])
        view[inside & (core < factors.necrotic_fraction ** (2.0 / 3.0))] = Tissue.NECROSIS
    if treated:
        spots = np.sin(x / 4 + phase[5]) * np.sin(y / 5) * np.sin(z / 6 + phase[2])
        view[inside & (np.abs(level - 0.6) < 0.1) & (spots > 0.3)] = Tissue.LIPIODOL  # noqa: PLR2004 - few spots in a shell


def _paint_thrombus(labels: Labels, body: Body, grid: Grid) -> None:
    """Fill the right portal branch and widen it, as tumour thrombus does."""
    k = body.scale
    box, inside = tube(grid, (-30 * k, 3 * k, 20 * k), (-92 * k, 13 * k, 30 * k), 9 * k)
    view = labels[box]
    view[inside & np.isin(view, _REPLACEABLE)] = Tissue.THROMBUS
