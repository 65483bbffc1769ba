"""Textures are standard random fields with the stated length, the same on any grid."""

import numpy as np
import pytest

from simulations.synthetic.grid import Displacement, Grid
from simulations.synthetic.texture import draw_texture

WHOLE = (slice(None), slice(None), slice(None))


def line(count, spacing_mm):
    return (spacing_mm * np.arange(count)).astype(np.float32)


def test_mean_variance_and_correlation_length():
    grid = Grid(x_mm=line(120, 3.0), y_mm=line(120, 3.0), z_mm=line(40, 3.0))
    samples = [draw_texture(9.0, np.random.default_rng(s)).sample(grid, WHOLE) for s in range(6)]
    field = np.stack(samples)
    assert field.mean() == pytest.approx(0.0, abs=0.05)
    assert field.std() == pytest.approx(1.0, abs=0.08)
    lagged = (field[..., 3:] * field[..., :-3]).mean()
    assert lagged == pytest.approx(np.exp(-0.5), abs=0.12)


def test_texture_moves_with_the_patient():
    texture = draw_texture(5.0, np.random.default_rng(0))
    grid = Grid(x_mm=line(20, 2.0), y_mm=line(20, 2.0), z_mm=line(9, 4.0))
    still = texture.sample(grid, WHOLE)
    moved = texture.sample(grid.seen_by_the_patient(Displacement(superior_mm=4.0)), WHOLE)
    np.testing.assert_allclose(moved[1:], still[:-1], atol=1e-3)
    left = texture.sample(grid.seen_by_the_patient(Displacement(left_mm=2.0)), WHOLE)
    np.testing.assert_allclose(left[..., 1:], still[..., :-1], atol=1e-3)


def test_a_box_gives_the_same_values_as_the_whole():
    texture = draw_texture(5.0, np.random.default_rng(1))
    grid = Grid(x_mm=line(20, 2.0), y_mm=line(21, 2.0), z_mm=line(9, 4.0))
    box = (slice(2, 5), slice(3, 9), slice(4, 20))
    np.testing.assert_allclose(
        texture.sample(grid, box), texture.sample(grid, WHOLE)[box], atol=1e-4
    )
