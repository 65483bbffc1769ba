"""Random tissue texture as a function of patient millimetres, the same in every phase."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from simulations.synthetic.grid import Box, Grid

_WAVES = 40
"""Enough plane waves for the field to look Gaussian; the cost grows linearly."""


@dataclass(frozen=True)
class Texture:
    """A zero-mean, unit-variance random field made of plane waves.

    A sum of cosines with normally distributed wave vectors has the covariance
    exp(-r^2 / (2 L^2)) (random Fourier features: Rahimi and Recht 2007, section 3), and being a
    formula it moves with the patient and needs no grid of its own.

    Attributes:
        waves_per_mm: Angular wave vectors (x, y, z), in radians per millimetre.
        phases: Phase of each wave, in radians.
    """

    waves_per_mm: Float32[np.ndarray, "feature 3"]
    phases: Float32[np.ndarray, " feature"]

    def sample(self, grid: Grid, box: Box) -> Float32[np.ndarray, "slice height width"]:
        """Evaluate the field at the voxel centres of a box."""
        z, y, x = box
        along_x = np.outer(self.waves_per_mm[:, 0], grid.x_mm[x])
        in_plane = np.multiply.outer(grid.y_mm[y], self.waves_per_mm[:, 1])
        across = np.multiply.outer(grid.z_mm[z], self.waves_per_mm[:, 2]) + self.phases
        angle = across[:, None, :] + in_plane[None, :, :]
        # cos(a + b) = cos a cos b - sin a sin b turns the sum over waves into one product.
        left = np.concatenate([np.cos(angle), -np.sin(angle)], axis=2)
        right = np.concatenate([np.cos(along_x), np.sin(along_x)], axis=0)
        field = left @ right * np.float32(np.sqrt(2.0 / len(self.phases)))
        return np.asarray(field, dtype=np.float32)


def draw_texture(length_mm: float, rng: np.random.Generator) -> Texture:
    """Draw a field whose correlation falls to 0.61 over `length_mm`."""
    return Texture(
        waves_per_mm=(rng.standard_normal((_WAVES, 3)) / length_mm).astype(np.float32),
        phases=rng.uniform(0.0, 2.0 * np.pi, _WAVES).astype(np.float32),
    )
