"""Where the voxels are: axes in patient millimetres, and how a breath moves the patient."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

Axis = Float32[np.ndarray, " _"]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Displacement:
    """How far the patient lies from where the anatomy was defined, in one phase.

    Attributes:
        left_mm: Shift towards the patient's left.
        posterior_mm: Shift towards the patient's back.
        superior_mm: Shift towards the head; a deeper breath makes it negative.
        belly_mm: How much the front of the belly moves backwards; the back stays where it is.
    """

    left_mm: float = 0.0
    posterior_mm: float = 0.0
    superior_mm: float = 0.0
    belly_mm: float = 0.0


@dataclass(frozen=True)
class Grid:
    """A rectilinear grid of voxel centres, each axis ascending, in millimetres.

    The axes follow the DICOM patient system: x to the left, y to the back, z to the head. The
    origin is the centre of the body at the level of the kidneys' upper third.

    Attributes:
        x_mm: Columns.
        y_mm: Rows.
        z_mm: Slices, from the feet up.
    """

    x_mm: Float32[np.ndarray, " width"]
    y_mm: Float32[np.ndarray, " height"]
    z_mm: Float32[np.ndarray, " slice"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Give (slices, rows, columns)."""
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)

    def box(self, lower: Point, upper: Point) -> Box:
        """Find the index box (slices, rows, columns) that covers two corners (x, y, z) in mm."""
        x, y, z = (
            slice(int(np.searchsorted(axis, low)), int(np.searchsorted(axis, high, side="right")))
            for axis, low, high in zip((self.x_mm, self.y_mm, self.z_mm), lower, upper, strict=True)
        )
        return z, y, x

    def axes(
        self, box: Box
    ) -> tuple[
        Float32[np.ndarray, "1 1 width"],
        Float32[np.ndarray, "1 height 1"],
        Float32[np.ndarray, "slice 1 1"],
    ]:
        """Give x, y, z of a box, ready to broadcast to (slices, rows, columns)."""
        z, y, x = box
        return self.x_mm[None, None, x], self.y_mm[None, y, None], self.z_mm[z, None, None]

    def seen_by_the_patient(self, moved: Displacement) -> "Grid":
        """Express these voxel centres in the coordinates of a patient who moved.

        Each axis is mapped on its own, so that shapes stay cheap to evaluate. The belly's
        motion decays over 60 mm from 60 mm in front of the centre.
        """
        depth = np.exp(-(((self.y_mm + 60.0) / 60.0) ** 2))
        return Grid(
            x_mm=self.x_mm - np.float32(moved.left_mm),
            y_mm=(self.y_mm - moved.posterior_mm - moved.belly_mm * depth).astype(np.float32),
            z_mm=self.z_mm - np.float32(moved.superior_mm),
        )


@dataclass(frozen=True)
class ScanGeometry:
    """A scan's sampling in numbers that a DICOM decimal string holds exactly.

    Attributes:
        matrix: Rows and columns.
        slices: How many slices.
        spacing_mm: Between rows and between columns; at most six decimals.
        step_mm: Between slices; at most three decimals.
        first_mm: Centre (x, y, z) of the first voxel of the lowest slice; at most three decimals.
    """

    matrix: int
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
        steps = self.spacing_mm * np.arange(self.matrix)
        return Grid(
            x_mm=(x0 + steps).astype(np.float32),
            y_mm=(y0 + steps).astype(np.float32),
            z_mm=np.array(self.heights_mm(), dtype=np.float32),
        )
