"""One regular volume or a sentence that says why not."""

from dataclasses import replace

import numpy as np
import pytest
from ct_files import CtFiles, write_ct

from shared.dicom.geometry import order_volume
from shared.dicom.scan import scan_folder
from shared.dicom.series import CandidateSeries
from shared.errors import VolumeError


def _series(folder, **changes) -> CandidateSeries:
    write_ct(folder, CtFiles(**changes))
    return CandidateSeries("1", scan_folder(folder).instances)


def _moved(series: CandidateSeries, shift) -> CandidateSeries:
    moved = [
        replace(i, position_mm=tuple(np.add(i.position_mm, shift(i.position_mm[2]))))
        for i in series.instances
    ]
    return replace(series, instances=tuple(moved))


def test_images_are_ordered_by_position_and_spacing_comes_from_it(tmp_path):
    geometry = order_volume(_series(tmp_path))
    assert geometry.positions_mm.tolist() == [0.0, 5.0, 10.0, 15.0]
    assert [i.position_mm[2] for i in geometry.instances] == [0.0, 5.0, 10.0, 15.0]
    assert geometry.step_mm == 5.0  # the slice thickness in the files says 99
    assert geometry.shape == (4, 16, 16)
    assert geometry.tilt_degrees == 0.0


def test_rounding_of_positions_is_tolerated(tmp_path):
    geometry = order_volume(_series(tmp_path, z_mm=(0.0, 1.24, 2.51, 3.75)))
    assert geometry.step_mm == pytest.approx(1.25)


def test_a_missing_slice_is_named_with_its_place(tmp_path):
    with pytest.raises(VolumeError, match=r"1 image\(s\) missing.*between image 2 and 3"):
        order_volume(_series(tmp_path, z_mm=(0.0, 5.0, 15.0, 20.0, 25.0)))


def test_a_changing_distance_is_refused(tmp_path):
    with pytest.raises(VolumeError, match=r"changes from 5\.00 to 7\.00 mm"):
        order_volume(_series(tmp_path, z_mm=(0.0, 5.0, 10.0, 17.0)))


def test_two_images_at_one_position_are_refused(tmp_path):
    with pytest.raises(VolumeError, match="same table position"):
        order_volume(_series(tmp_path, z_mm=(0.0, 5.0, 5.0, 10.0)))


def test_a_gantry_tilt_is_kept_as_a_shear(tmp_path):
    tilted = (1.0, 0.0, 0.0, 0.0, float(np.cos(np.radians(18))), -float(np.sin(np.radians(18))))
    geometry = order_volume(_series(tmp_path, orientation=tilted))
    assert geometry.tilt_degrees == pytest.approx(18.0, abs=0.01)
    assert geometry.step_mm == pytest.approx(5.0 * np.cos(np.radians(18)), abs=1e-3)


def test_a_shift_of_single_images_is_refused(tmp_path):
    series = _moved(_series(tmp_path), lambda z: (3.0 if z == 10.0 else 0.0, 0.0, 0.0))
    with pytest.raises(VolumeError, match="shifted against each other"):
        order_volume(series)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"position_mm": None}, "without position"),
        ({"orientation": None, "pixel_spacing_mm": None}, "without orientation and pixel spacing"),
        ({"orientation": (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)}, "right angle"),
        ({"pixel_spacing_mm": (0.0, 0.0)}, "pixel spacing is not one positive value"),
        ({"damage": "it is cut short"}, "4 of 4 images cannot be used"),
    ],
)
def test_images_without_a_place_are_refused(tmp_path, changes, sentence):
    series = _series(tmp_path)
    broken = replace(series, instances=tuple(replace(i, **changes) for i in series.instances))
    with pytest.raises(VolumeError, match=sentence):
        order_volume(broken)


def test_a_change_of_field_of_view_inside_a_series_is_refused(tmp_path):
    series = _series(tmp_path)
    zoomed = replace(series.instances[0], pixel_spacing_mm=(2.0, 2.0))
    with pytest.raises(VolumeError, match="pixel spacing is not one"):
        order_volume(replace(series, instances=(zoomed, *series.instances[1:])))


def test_images_that_are_not_parallel_are_refused(tmp_path):
    series = _series(tmp_path)
    turned = replace(series.instances[0], orientation=(0.0, 1.0, 0.0, -1.0, 0.0, 0.0))
    with pytest.raises(VolumeError, match="not parallel"):
        order_volume(replace(series, instances=(turned, *series.instances[1:])))
