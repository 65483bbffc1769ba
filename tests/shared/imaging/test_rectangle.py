"""A rectangular target keeps the whole field of view, its centre and square pixels."""

import numpy as np
import pytest

from shared.imaging.rectangle import rectangular_target
from shared.imaging.resample import PlaneStack, square_target

AXES = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def _stack(shape, pixel_mm):
    heights = np.array([0.0, 3.0, 6.0])
    origins = np.column_stack([np.full(3, -50.0), np.full(3, -70.0), heights])
    return PlaneStack(origins, AXES, heights, pixel_mm, shape)


def _edges_mm(stack):
    """Give first and last edge of the field of view, down and across."""
    first = stack.origins_mm[0] @ stack.axes.T - np.array(stack.pixel_mm) / 2
    return np.stack([first, first + np.array(stack.shape) * stack.pixel_mm])


@pytest.mark.parametrize(
    ("shape", "pixel_mm"),
    [((200, 320), (1.25, 1.25)), ((256, 256), (1.5, 1.5)), ((300, 100), (0.7, 2.0))],
)
def test_the_whole_field_of_view_fits_and_is_centred(shape, pixel_mm):
    source = _stack(shape, pixel_mm)
    target = rectangular_target(source, 320, 450)
    seen, grid = _edges_mm(source), _edges_mm(target)
    assert target.shape == (320, 450)
    assert target.pixel_mm[0] == target.pixel_mm[1]
    assert grid.mean(axis=0) == pytest.approx(seen.mean(axis=0))
    margins = seen[0] - grid[0]
    assert margins.min() == pytest.approx(0.0, abs=1e-9)
    assert margins.max() >= 0
    assert np.array_equal(target.positions_mm, source.positions_mm)


def test_of_equal_sides_it_is_the_square_target():
    source = _stack((200, 320), (1.25, 1.1))
    target, square = rectangular_target(source, 64, 64), square_target(source, 64)
    assert target.origins_mm == pytest.approx(square.origins_mm)
    assert target.pixel_mm == pytest.approx(square.pixel_mm)
