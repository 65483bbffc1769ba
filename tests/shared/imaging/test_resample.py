"""One linear interpolation between parallel slices in the patient's millimetres."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from shared.errors import PreparationError
from shared.imaging.resample import PlaneStack, covered, resample, square_target, take_slices

AXES = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
OUTSIDE = -1024.0


def _stack(z_mm, shape=(20, 24), pixel_mm=(2.0, 2.0), corner=(0.0, 0.0)):
    z = np.asarray(z_mm, dtype=np.float64)
    origins = np.column_stack([np.full(len(z), corner[0]), np.full(len(z), corner[1]), z])
    return PlaneStack(origins, AXES, z, pixel_mm, shape)


def _field(stack, function):
    rows, columns = np.indices(stack.shape)
    return np.array(
        [
            function(
                origin[0] + columns * stack.pixel_mm[1],
                origin[1] + rows * stack.pixel_mm[0],
                origin[2],
            )
            for origin in stack.origins_mm
        ],
        dtype=np.float32,
    )


def _ramp(x, y, z):
    return 3.0 * x - 2.0 * y + 0.5 * z + 10.0


def _run(source, target, values, step_mm=5.0):
    return resample(lambda index: values[index], source, target, step_mm, OUTSIDE)


def test_the_same_grid_gives_the_same_values():
    source = _stack(np.arange(0.0, 20.0, 5.0))
    values = np.random.default_rng(0).normal(size=(4, 20, 24)).astype(np.float32)
    assert np.allclose(_run(source, source, values), values, atol=1e-5)


def test_a_linear_field_is_kept_on_any_finer_or_coarser_grid():
    source = _stack(np.arange(0.0, 42.0, 2.0), shape=(60, 60))
    values = _field(source, _ramp)
    for pixel_mm, shape in ((1.3, (40, 40)), (5.0, (16, 16))):
        target = _stack([9.0, 14.0, 19.0], shape, (pixel_mm, pixel_mm), corner=(15.0, 16.0))
        assert np.allclose(_run(source, target, values), _field(target, _ramp), atol=2e-2)


def test_refining_agrees_with_scipys_linear_interpolation():
    source = _stack(np.arange(0.0, 20.0, 5.0))
    values = np.random.default_rng(1).normal(size=(4, 20, 24)).astype(np.float32)
    target = _stack([6.0, 11.0], (9, 9), (1.5, 1.5), corner=(3.1, 4.7))
    rows, columns = np.indices((9, 9))
    for number, z in enumerate((6.0, 11.0)):
        at = [
            np.full((9, 9), z / 5.0),
            (4.7 + rows * 1.5) / 2.0,
            (3.1 + columns * 1.5) / 2.0,
        ]
        expected = map_coordinates(values, at, order=1)
        assert np.allclose(_run(source, target, values)[number], expected, atol=1e-5)


def test_coarsening_averages_noise_instead_of_sampling_it():
    source = _stack([0.0, 5.0, 10.0], shape=(96, 96), pixel_mm=(1.0, 1.0))
    noise = np.random.default_rng(2).normal(size=(3, 96, 96)).astype(np.float32)
    target = square_target(source, 24)
    # A triangle of half width 4 averages 4 x 4 pixels with weights of effective number 36.
    assert _run(source, target, noise)[1].std() == pytest.approx(1 / 6, rel=0.1)


def test_what_lies_outside_is_air():
    source = _stack([0.0, 5.0, 10.0])
    values = np.full((3, 20, 24), 100.0, dtype=np.float32)
    target = _stack([0.0, 12.0, 30.0], (20, 40), (2.0, 2.0), corner=(0.0, 0.0))
    result = _run(source, target, values)
    assert (result[2] == OUTSIDE).all()  # above the scan
    assert (result[:2, :, :24] == 100.0).all()  # 12 mm lies within half a step of the last slice
    assert (result[:2, :, 25:] == OUTSIDE).all()


def test_a_tilted_volume_is_sheared_back_exactly():
    upright = _stack(np.arange(0.0, 30.0, 5.0), shape=(40, 24))
    shear = np.column_stack([np.zeros(6), upright.positions_mm * 0.3, np.zeros(6)])
    tilted = PlaneStack(
        upright.origins_mm + shear, AXES, upright.positions_mm, (2.0, 2.0), (40, 24)
    )
    target = _stack([5.0, 12.0, 20.0], (12, 12), (2.0, 2.0), corner=(10.0, 20.0))
    assert np.allclose(
        _run(tilted, target, _field(tilted, _ramp)), _field(target, _ramp), atol=1e-2
    )


@settings(max_examples=30, deadline=None)
@given(dx=st.floats(-6, 6), dy=st.floats(-6, 6), dz=st.floats(-4, 4), pixel=st.floats(1.0, 3.0))
def test_a_point_in_the_patient_lands_within_half_a_voxel(dx, dy, dz, pixel):
    point = np.array([24.0, 20.0, 15.0])
    count = int(60 / pixel)
    z = np.arange(0.0, 36.0, 3.0) + dz
    source = _stack(z, (count, count), (pixel, pixel), corner=(dx - 6, dy - 8))
    values = _field(
        source,
        lambda x, y, z: np.exp(
            -((x - point[0]) ** 2 + (y - point[1]) ** 2 + (z - point[2]) ** 2) / 50
        ),
    )
    target = _stack(np.arange(3.0, 30.0, 3.0), (20, 24))
    result = resample(lambda index: values[index], source, target, 3.0, 0.0)
    slices, rows, columns = np.indices(result.shape)
    centre = [(axis * result).sum() / result.sum() for axis in (columns, rows, slices)]
    found = np.array([centre[0] * 2.0, centre[1] * 2.0, 3.0 + centre[2] * 3.0])
    assert np.abs(found - point).max() < 1.0  # half a target pixel


def test_a_square_target_covers_the_field_of_view_and_shares_its_centre():
    reference = _stack([0.0, 5.0], shape=(20, 30), pixel_mm=(2.0, 2.0), corner=(-29.0, -19.0))
    target = square_target(reference, 15)
    assert target.pixel_mm == (4.0, 4.0)
    assert target.shape == (15, 15)
    assert target.origins_mm[0].tolist() == [-28.0, -28.0, 0.0]


def test_coverage_reaches_half_a_step_beyond_the_ends():
    source = _stack([0.0, 5.0, 10.0])
    target = _stack([-3.0, -2.0, 5.0, 12.0, 13.0])
    assert covered(source, target).tolist() == [False, True, True, True, False]


def test_only_needed_slices_are_loaded():
    source = _stack(np.arange(0.0, 100.0, 5.0))
    target = take_slices(source, np.array([3, 10]))
    asked = []

    def load(index):
        asked.append(index)
        return np.zeros((20, 24), dtype=np.float32)

    resample(load, source, target, 5.0, OUTSIDE)
    assert asked == [3, 10]


def test_slices_of_another_tilt_are_refused():
    source = _stack([0.0, 5.0, 10.0])
    turned = PlaneStack(
        source.origins_mm,
        np.array([[0.0, 0.95, -0.312], [1.0, 0.0, 0.0]]),
        source.positions_mm,
        source.pixel_mm,
        source.shape,
    )
    with pytest.raises(PreparationError, match="not scanned in parallel"):
        resample(lambda _: np.zeros((20, 24), dtype=np.float32), turned, source, 5.0, OUTSIDE)
