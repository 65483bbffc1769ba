"""Small pictures: Hounsfield windows for CT, percentiles where numbers have no unit."""

import io

import numpy as np
from ct_files import CtFiles, write_ct
from mr_files import t1
from PIL import Image

from client.thumbnail import between_percentiles, slice_png
from shared.dicom.geometry import order_volume
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series


def _picture(folder, series):
    write_ct(folder, series)
    (group,) = group_series(scan_folder(folder).instances)
    return np.asarray(Image.open(io.BytesIO(slice_png(order_volume(group), 1))))


def _ramp(low, high):
    return np.broadcast_to(np.linspace(low, high, 256).reshape(16, 16), (4, 16, 16)).copy()


def test_an_mri_slice_uses_the_whole_range_of_grey_whatever_its_scale(tmp_path):
    weak = _picture(tmp_path / "a", t1(6, "T1", of=CtFiles(values_hu=_ramp(-1024, -900))))
    strong = _picture(tmp_path / "b", t1(6, "T1", of=CtFiles(values_hu=_ramp(-1024, 2900))))
    assert (weak.min(), weak.max()) == (0, 255)
    assert np.abs(weak.astype(int) - strong.astype(int)).max() <= 3


def test_a_ct_slice_keeps_its_window(tmp_path):
    picture = _picture(tmp_path, CtFiles(values_hu=_ramp(60, 61)))
    assert np.abs(picture.astype(int) - 128).max() <= 1


def test_a_flat_image_is_black():
    assert not between_percentiles(np.full((4, 4), 7.0, np.float32)).any()
