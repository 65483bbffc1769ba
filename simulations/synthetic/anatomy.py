"""The body as tissue labels: every organ is a formula in patient millimetres.

Because nothing is stored on a grid, any matrix, spacing, phase and modality is evaluated
directly. The shapes are those of an atlas sketch, not of a person: they prove that the software
sees what is there, not that medicine works.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from simulations.synthetic.factors import ImageFactors
from simulations.synthetic.grid import Box, Grid, Point
from simulations.synthetic.shapes import ellipsoid, tube
from simulations.synthetic.texture import Texture, draw_texture
from simulations.synthetic.tissue import Labels, Tissue

_BOWEL_LOOP_MM = 13.0
"""Correlation length that gives loops about 30 mm wide."""


@dataclass(frozen=True)
class Body:
    """One patient's frame: what the organs are placed in.

    Attributes:
        scale: Linear size of the organs; 1 is the mean.
        half_width_mm: From the midline to the skin at the side.
        half_depth_mm: From the centre to the skin in front.
        fat_mm: Thickness of subcutaneous fat.
        cirrhosis: Nodularity of the liver's surface, in [0, 1].
        phases: Seven angles in radians that make wobbles and ribs differ.
        bowel: Where this field is high, there is bowel.
    """

    scale: float
    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    cirrhosis: float
    phases: tuple[float, ...]
    bowel: Texture


def draw_body(factors: ImageFactors, rng: np.random.Generator) -> Body:
    """Draw the frame of a patient with the given size, fat and cirrhosis."""
    scale = factors.body_scale
    return Body(
        scale=scale,
        half_width_mm=float(scale * rng.normal(146.0, 5.0) + factors.fat_mm),
        half_depth_mm=float(scale * rng.normal(102.0, 4.0) + factors.fat_mm),
        fat_mm=factors.fat_mm,
        cirrhosis=factors.cirrhosis,
        phases=tuple(float(angle) for angle in rng.uniform(0.0, 2.0 * np.pi, 7)),
        bowel=draw_texture(_BOWEL_LOOP_MM, rng),
    )


def liver_level(
    body: Body,
    x: Float32[np.ndarray, "*any"],
    y: Float32[np.ndarray, "*any"],
    z: Float32[np.ndarray, "*any"],
) -> Float32[np.ndarray, "*any"]:
    """Give a function of position that is below 1 inside the liver and grows outwards.

    The union of a right and a left lobe (two ellipsoids), less the hollow for stomach and spine,
    with a smooth wobble and cirrhotic nodules. Arguments broadcast.
    """
    k, phase = body.scale, body.phases
    right = (
        ((x + 66 * k) / (82 * k)) ** 2
        + ((y + 2 * k) / (86 * k)) ** 2
        + ((z - 6 * k) / (94 * k)) ** 2
    )
    left = (
        ((x + 4 * k) / (84 * k)) ** 2
        + ((y + 48 * k) / (38 * k)) ** 2
        + ((z - 38 * k) / (50 * k)) ** 2
    )
    hollow = ((x - 34 * k) / (52 * k)) ** 2 + ((y - 40 * k) / (66 * k)) ** 2
    wobble = (
        0.06 * np.sin(x / 23 + phase[0]) * np.sin(y / 27 + phase[1])
        + 0.05 * np.sin(z / 19 + phase[2])
        + 0.05
        * body.cirrhosis
        * np.sin(x / 6 + phase[3])
        * np.sin(y / 7 + phase[4])
        * np.sin(z / 6 + phase[5])
    )
    return np.maximum(np.minimum(right, left) + wobble, 1.6 - 0.6 * hollow)


def liver_box(body: Body, grid: Grid) -> Box:
    """Give the index box that holds the whole liver."""
    k = body.scale
    return grid.box((-160 * k, -100 * k, -100 * k), (90 * k, 95 * k, 112 * k))


def paint_body(body: Body, grid: Grid) -> Labels:
    """Label every voxel of a healthy body on a grid; lesions are painted on top of it."""
    labels = np.zeros(grid.shape, dtype=np.uint8)
    cavity = _paint_wall(labels, body, grid)
    _paint_bowel(labels, body, grid, cavity)
    _paint_left_organs(labels, body, grid)
    above_diaphragm = _paint_chest(labels, body, grid, cavity)
    _paint_liver(labels, body, grid, cavity, above_diaphragm)
    _paint_kidneys(labels, body, grid)
    _paint_gall_bladder(labels, body, grid)
    _paint_vessels(labels, body, grid)
    _paint_bones(labels, body, grid)
    return labels


def _superellipse(
    grid: Grid, half_width: float, half_depth: float, shift_y: float = 0.0
) -> Float32[np.ndarray, "height width"]:
    power = 2.3  # between an ellipse and a box, as an abdomen is
    across = np.abs(grid.x_mm / half_width) ** power
    along = np.abs((grid.y_mm - shift_y) / half_depth) ** power
    return along[:, None] + across[None, :]


def _paint_wall(labels: Labels, body: Body, grid: Grid) -> Bool[np.ndarray, "height width"]:
    """Paint skin, fat and the muscle wall; return the abdominal cavity in the plane."""
    width, depth, fat = body.half_width_mm, body.half_depth_mm, body.fat_mm
    plane = np.zeros(labels.shape[1:], dtype=np.uint8)
    plane[_superellipse(grid, width, depth) < 1] = Tissue.SKIN
    plane[_superellipse(grid, width - 2.0, depth - 2.0) < 1] = Tissue.FAT
    plane[_superellipse(grid, width - fat, depth - fat) < 1] = Tissue.MUSCLE
    # The wall is thicker behind, where the back muscles are.
    cavity = _superellipse(grid, width - fat - 13.0, depth - fat - 15.0, shift_y=-5.0) < 1
    plane[cavity] = Tissue.FAT
    labels[:] = plane
    return cavity


def _paint_bowel(
    labels: Labels, body: Body, grid: Grid, cavity: Bool[np.ndarray, "height width"]
) -> None:
    k = body.scale
    box = grid.box((-130 * k, -110 * k, -400.0), (130 * k, 30 * k, 12 * k))
    # Loops thin out towards the back, where fat and the great vessels lie.
    behind = np.clip((grid.axes(box)[1] - 2 * k) / (28 * k), 0.0, 1.0)
    loops = body.bowel.sample(grid, box) - 3.0 * behind
    view, inside = labels[box], cavity[box[1], box[2]]
    view[(loops > -0.2) & inside] = Tissue.BOWEL  # noqa: PLR2004 - three fifths are loops
    view[(loops > 1.3) & inside] = Tissue.GAS  # noqa: PLR2004 - a tenth is gas


def _paint_left_organs(labels: Labels, body: Body, grid: Grid) -> None:
    k = body.scale
    box, level = ellipsoid(grid, (56 * k, -34 * k, 48 * k), (48 * k, 40 * k, 58 * k))
    view = labels[box]
    inside = (level < 1) & (view == Tissue.FAT)
    view[inside] = Tissue.STOMACH
    y = grid.axes(box)[1]
    view[inside & (level < 0.85) & (y < -50 * k)] = Tissue.GAS  # noqa: PLR2004 - gas rises
    box, level = ellipsoid(grid, (104 * k, 36 * k, 45 * k), (30 * k, 46 * k, 56 * k))
    view = labels[box]
    view[(level < 1) & np.isin(view, (Tissue.FAT, Tissue.STOMACH, Tissue.GAS))] = Tissue.SPLEEN


def _paint_chest(
    labels: Labels, body: Body, grid: Grid, cavity: Bool[np.ndarray, "height width"]
) -> Bool[np.ndarray, "slice height width"]:
    """Paint lungs and heart above the diaphragm; return what lies above it."""
    k = body.scale
    sag = ((grid.x_mm[None, :] / (150 * k)) ** 2 + ((grid.y_mm[:, None] + 5) / (105 * k)) ** 2) * 75
    above = grid.z_mm[:, None, None] > (88 * k - sag)[None]
    mediastinum = np.abs(grid.x_mm) < 24 * k
    labels[above & cavity & ~mediastinum] = Tissue.LUNG
    box, level = ellipsoid(grid, (20 * k, -26 * k, 128 * k), (54 * k, 50 * k, 52 * k))
    view, reach = labels[box], above[box] & cavity[box[1], box[2]]
    view[(level < 1) & reach] = Tissue.MUSCLE
    view[(level < 0.6) & reach] = Tissue.HEART  # noqa: PLR2004 - thickness of the muscle
    return above


def _paint_liver(
    labels: Labels,
    body: Body,
    grid: Grid,
    cavity: Bool[np.ndarray, "height width"],
    above_diaphragm: Bool[np.ndarray, "slice height width"],
) -> None:
    box = liver_box(body, grid)
    inside = liver_level(body, *grid.axes(box)) < 1
    inside &= cavity[box[1], box[2]] & ~above_diaphragm[box]
    labels[box][inside] = Tissue.LIVER


def _paint_kidneys(labels: Labels, body: Body, grid: Grid) -> None:
    k = body.scale
    for side, height in ((-1, -42.0), (1, -28.0)):
        centre = (side * 62 * k, 48 * k, height * k)
        box, level = ellipsoid(grid, centre, (28 * k, 27 * k, 52 * k))
        view = labels[box]
        view[level < 1] = Tissue.KIDNEY_CORTEX
        view[level < 0.55] = Tissue.KIDNEY_MEDULLA  # noqa: PLR2004 - thickness of the cortex
        view[level < 0.14] = Tissue.FAT  # noqa: PLR2004 - the renal sinus


def _paint_gall_bladder(labels: Labels, body: Body, grid: Grid) -> None:
    k = body.scale
    box, level = ellipsoid(grid, (-44 * k, -38 * k, -26 * k), (14 * k, 22 * k, 28 * k))
    labels[box][level < 1] = Tissue.GALL_BLADDER


def _paint_vessels(labels: Labels, body: Body, grid: Grid) -> None:
    """Paint aorta, caval vein, portal vein and hepatic veins as tubes (from, to, radius)."""
    k = body.scale
    far = 400.0
    everywhere = tuple(Tissue)
    liver_only = (Tissue.LIVER,)
    tubes: tuple[tuple[Tissue, Point, Point, float, tuple[Tissue, ...]], ...] = (
        (Tissue.AORTA, (13, 52, -far), (13, 52, far), 11, everywhere),
        (Tissue.VENA_CAVA, (-18, 44, -far), (-22, 40, 90), 12, everywhere),
        (Tissue.PORTAL_VEIN, (2, 16, -30), (-26, 2, 20), 8, everywhere),
        (Tissue.PORTAL_VEIN, (-26, 2, 20), (-96, 14, 30), 7, liver_only),
        (Tissue.PORTAL_VEIN, (-60, 8, 25), (-84, -38, 40), 5, liver_only),
        (Tissue.PORTAL_VEIN, (-26, 2, 20), (14, -46, 40), 6, liver_only),
        (Tissue.HEPATIC_VEIN, (-24, 34, 84), (-112, 20, 46), 5, liver_only),
        (Tissue.HEPATIC_VEIN, (-24, 34, 84), (-62, -56, 44), 5, liver_only),
        (Tissue.HEPATIC_VEIN, (-24, 34, 84), (16, -48, 50), 5, liver_only),
    )
    for tissue, start, end, radius, over in tubes:
        first = (start[0] * k, start[1] * k, start[2] * k)
        last = (end[0] * k, end[1] * k, end[2] * k)
        box, inside = tube(grid, first, last, radius * k)
        view = labels[box]
        if over is liver_only:
            inside &= view == Tissue.LIVER
        view[inside & (view != Tissue.AIR)] = tissue


def _paint_bones(labels: Labels, body: Body, grid: Grid) -> None:
    k, depth = body.scale, body.half_depth_mm - body.fat_mm
    spine = depth - 32 * k
    x, y = grid.x_mm[None, :], grid.y_mm[:, None]
    plane = np.zeros(labels.shape[1:], dtype=np.uint8)
    plane[(np.abs(x) < 5 * k) & (y > spine) & (y < depth - 2)] = Tissue.BONE
    plane[(np.abs(y - spine - 18 * k) < 4 * k) & (np.abs(x) < 34 * k)] = Tissue.BONE
    vertebra = (x / (21 * k)) ** 2 + ((y - spine) / (18 * k)) ** 2
    plane[vertebra < 1] = Tissue.BONE
    plane[vertebra < 0.72] = Tissue.MARROW  # noqa: PLR2004 - thickness of cortical bone
    canal = (x / (8 * k)) ** 2 + ((y - spine - 20 * k) / (6 * k)) ** 2
    plane[canal < 1] = Tissue.FAT
    rows, columns = np.nonzero(plane)
    labels[:, rows, columns] = plane[rows, columns]
    _paint_ribs(labels, body, grid)


def _paint_ribs(labels: Labels, body: Body, grid: Grid) -> None:
    """Paint ribs that run obliquely through the muscle wall, cut by each slice."""
    width, depth = body.half_width_mm - body.fat_mm - 6.0, body.half_depth_mm - body.fat_mm - 7.0
    ring = np.abs(np.sqrt(_superellipse(grid, width, depth, shift_y=-2.0)) - 1.0)
    behind = np.abs(np.arctan2(grid.x_mm[None, :], grid.y_mm[:, None]))
    rows, columns = np.nonzero((ring < 0.05) & (behind > 0.3))  # noqa: PLR2004 - 10 mm, no spine
    angle = 8.0 * np.arctan2(grid.y_mm[rows] / depth, grid.x_mm[columns] / width)
    # Left and right ribs rise alike: the sign makes the pattern a mirror image.
    rise = np.where(grid.x_mm[columns] > 0, 1.0, -1.0)
    cut = np.sin(rise * angle + grid.z_mm[:, None] / 9.0 + body.phases[6])
    in_front = grid.y_mm[rows] < -0.75 * depth
    slices, hits = np.nonzero((cut > 0.5) & ~in_front)  # noqa: PLR2004 - a third is rib
    labels[slices, rows[hits], columns[hits]] = Tissue.BONE
