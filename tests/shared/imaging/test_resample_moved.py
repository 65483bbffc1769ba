"""One interpolation through a motion gives what the ordinary road gives without one."""

import numpy as np
import pytest
from rigid_phantom import inverse, motion

from shared.imaging.resample import PlaneStack, resample
from shared.imaging.resample_moved import covered_moved, resample_moved

AXES = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
STILL = motion((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def _stack(count=10, side=24, pixel=2.0, step=3.0, origin=(0.0, 0.0, 0.0)):
    origins = np.array(origin) + np.arange(count)[:, None] * [0.0, 0.0, step]
    return PlaneStack(origins, AXES, origins[:, 2], (pixel, pixel), (side, side))


def _linear(stack, slope=(0.5, -0.25, 2.0)):
    """Give a field that is linear in the patient, which linear interpolation keeps exactly."""
    rows = np.arange(stack.shape[0])[:, None] * stack.pixel_mm[0]
    columns = np.arange(stack.shape[1])[None, :] * stack.pixel_mm[1]
    planes = [
        slope[0] * (o[0] + columns) + slope[1] * (o[1] + rows) + slope[2] * o[2]
        for o in stack.origins_mm
    ]
    return np.array(planes, dtype=np.float32)


def test_without_motion_it_is_the_ordinary_road():
    source, target = _stack(), _stack(count=7, side=16, pixel=1.5, step=2.5, origin=(7.0, 7.0, 4.0))
    values = np.random.default_rng(0).normal(size=(10, 24, 24)).astype(np.float32)
    ordinary = resample(lambda i: values[i], source, target, 3.0, -9.0)
    moved = resample_moved(lambda i: values[i], source, target, 3.0, STILL, -9.0)
    assert moved == pytest.approx(ordinary, abs=1e-5)


@pytest.mark.parametrize("pixel", [1.0, 5.0])
def test_a_moved_linear_field_is_read_exactly(pixel):
    source = _stack(count=20, side=60)
    target = _stack(count=3, side=5, pixel=pixel, origin=(50.0, 50.0, 25.0))
    turn = motion((5.0, -4.0, 8.0), (3.0, -6.0, 4.0))
    values = _linear(source)
    got = resample_moved(lambda i: values[i], source, target, 3.0, turn, np.nan)
    rows, columns = np.indices((5, 5)) * pixel
    for row, origin in enumerate(target.origins_mm):
        points = np.stack([origin[0] + columns, origin[1] + rows, np.full((5, 5), origin[2])], -1)
        expected = turn.move(points) @ [0.5, -0.25, 2.0]
        assert got[row] == pytest.approx(expected, abs=1e-3)


def test_a_coarse_target_averages_the_noise():
    source = _stack(count=12, side=48, pixel=1.0)
    target = _stack(count=3, side=10, pixel=4.0, step=3.0, origin=(2.0, 2.0, 9.0))
    noise = np.random.default_rng(1).normal(size=(12, 48, 48)).astype(np.float32)
    got = resample_moved(lambda i: noise[i], source, target, 3.0, STILL, 0.0)
    assert got.std() < 0.35  # one reading would leave 1.0


def test_there_and_back_returns_a_smooth_volume():
    source = _stack(count=20, side=40, pixel=2.0, step=2.0)
    grid = np.indices((20, 40, 40)) * 2.0
    smooth = sum(np.cos(axis / 25.0) for axis in grid).astype(np.float32)
    turn = motion((3.0, 2.0, -4.0), (1.0, 2.0, -1.0))
    there = resample_moved(lambda i: smooth[i], source, source, 2.0, inverse(turn), 0.0)
    back = resample_moved(lambda i: there[i], source, source, 2.0, turn, 0.0)
    inner = (slice(6, -6), slice(10, -10), slice(10, -10))
    assert back[inner] == pytest.approx(smooth[inner], abs=0.01)


def test_outside_is_outside_and_coverage_follows_the_motion():
    source, target = _stack(), _stack()
    lifted = motion((0.0, 0.0, 0.0), (0.0, 0.0, 9.0))
    got = resample_moved(lambda _: np.ones((24, 24), np.float32), source, target, 3.0, lifted, -7.0)
    assert covered_moved(source, target, lifted).tolist() == [True] * 7 + [False] * 3
    assert (got[:7] == 1.0).all()
    assert (got[7:] == -7.0).all()
