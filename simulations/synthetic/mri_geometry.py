"""How each MR sequence samples the body: matrices, pixels and slices of its own."""

from dataclasses import dataclass

import numpy as np

from simulations.synthetic.anatomy import Body
from simulations.synthetic.grid import Grid, Point
from simulations.synthetic.mri_scanner import DYNAMIC, MrImage
from simulations.synthetic.mri_spec import MriCohortSpec

_LOWEST_MM = -100.0
_HIGHEST_MM = 112.0
"""From the middle of the kidneys to above the dome of the largest liver."""

_SKIN_TO_EDGE_MM = 14.0
"""Air between the skin and the edge of the field of view."""


@dataclass(frozen=True)
class SlabGeometry:
    """A stack of axial slices in numbers that a DICOM decimal string holds exactly.

    Attributes:
        rows: Rows of an image.
        columns: Columns of an image.
        slices: How many slices.
        spacing_mm: Between rows and between columns; at most six decimals.
        step_mm: Between slices; at most two decimals.
        first_mm: Centre (x, y, z) of the first voxel of the lowest slice; at most three decimals.
    """

    rows: int
    columns: int
    slices: int
    spacing_mm: float
    step_mm: float
    first_mm: Point

    def heights_mm(self) -> tuple[float, ...]:
        """List the slices' z from the feet up, rounded to three decimals."""
        return tuple(round(self.first_mm[2] + i * self.step_mm, 3) for i in range(self.slices))

    def grid(self) -> Grid:
        """Give the voxel centres."""
        x0, y0, _ = self.first_mm
        return Grid(
            x_mm=(x0 + self.spacing_mm * np.arange(self.columns)).astype(np.float32),
            y_mm=(y0 + self.spacing_mm * np.arange(self.rows)).astype(np.float32),
            z_mm=np.array(self.heights_mm(), dtype=np.float32),
        )


@dataclass(frozen=True)
class _Protocol:
    """A sequence's sampling relative to T1.

    Attributes:
        columns: Columns relative to T1.
        field: Width of the field of view relative to T1.
        square: Whether rows equal columns; else the field follows the body's depth.
        thinnest_mm: Slice spacing where the cohort has enough slices.
        thicker: Slice spacing relative to T1 where it has not.
    """

    columns: float
    field: float
    square: bool
    thinnest_mm: float
    thicker: float


_DYNAMIC = _Protocol(columns=1.0, field=1.0, square=False, thinnest_mm=3.0, thicker=1.0)
_T2 = _Protocol(columns=1.2, field=1.08, square=True, thinnest_mm=6.6, thicker=1.2)
_DUAL = _Protocol(columns=0.8, field=1.04, square=False, thinnest_mm=6.0, thicker=1.1)
"""At 320 columns and 64 slices: T1 320 x 250, 3 mm; T2 384 x 384, 7 mm; dual 256 x 200, 6 mm."""


def draw_geometries(
    spec: MriCohortSpec, step_factor: float, body: Body, rng: np.random.Generator
) -> dict[MrImage, SlabGeometry]:
    """Lay each sequence's slab around the patient, as a radiographer does; echoes share one."""
    off_x, off_y = (float(value) for value in rng.uniform(-4.0, 4.0, 2))
    dynamic, t2, dual = (
        _lay(protocol, spec, step_factor, body, (off_x, off_y, float(rng.uniform(-4.0, 4.0))))
        for protocol in (_DYNAMIC, _T2, _DUAL)
    )
    return {
        **dict.fromkeys(DYNAMIC, dynamic),
        MrImage.T2_FSE: t2,
        MrImage.IN_PHASE: dual,
        MrImage.OPPOSED: dual,
    }


def _lay(
    protocol: _Protocol, spec: MriCohortSpec, step_factor: float, body: Body, off: Point
) -> SlabGeometry:
    width = 2.0 * (body.half_width_mm + _SKIN_TO_EDGE_MM) * protocol.field
    depth = 2.0 * (body.half_depth_mm + _SKIN_TO_EDGE_MM) * protocol.field
    columns = 2 * round(0.5 * spec.columns * protocol.columns)
    spacing = round(width / columns, 6)
    rows = columns if protocol.square else 2 * int(np.ceil(0.5 * depth / spacing))
    reach = _HIGHEST_MM - _LOWEST_MM
    nominal = reach / spec.slices
    step = round(max(protocol.thicker * nominal, protocol.thinnest_mm) * step_factor, 2)
    corner = tuple(
        round(centre - spacing * (count - 1) / 2.0, 3)
        for centre, count in zip(off[:2], (columns, rows), strict=True)
    )
    return SlabGeometry(
        rows=rows,
        columns=columns,
        slices=1 + int(reach / step),
        spacing_mm=spacing,
        step_mm=step,
        first_mm=(corner[0], corner[1], round(_LOWEST_MM + off[2], 1)),
    )
