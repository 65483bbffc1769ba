"""Frames of one enhanced object behave like single-frame files."""

import numpy as np
import pytest
from ct_files import CtFiles, body, write_ct
from enhanced_files import merge_frames
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from shared.dicom.exclusion import ct_exclusion_reason
from shared.dicom.geometry import order_volume
from shared.dicom.pixels import decode_slices
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from shared.errors import VolumeError

HEIGHTS_MM = (10.0, 0.0, 15.0, 5.0)


def _graded():
    """Give slices whose liver value tells their place in the file: 40, 50, 60, 70 HU."""
    return np.concatenate([body(1, 40.0 + 10 * index) for index in range(4)])


def _merged(folder, **changes):
    paths = write_ct(folder, CtFiles(z_mm=HEIGHTS_MM, values_hu=_graded(), **changes))
    return merge_frames(paths, folder / "enhanced")


def _only_series(folder):
    (series,) = group_series(scan_folder(folder).instances)
    return series


def test_frames_are_ordered_by_their_positions_and_scaled_by_their_groups(tmp_path):
    _merged(tmp_path)
    series = _only_series(tmp_path)
    geometry = order_volume(series)
    assert ct_exclusion_reason(series) is None
    assert geometry.positions_mm.tolist() == [0.0, 5.0, 10.0, 15.0]
    assert [one.frame for one in geometry.instances] == [1, 3, 0, 2]
    values = decode_slices(geometry.instances)
    assert values[:, 8, 8].tolist() == [50.0, 70.0, 40.0, 60.0]


def test_every_frame_has_its_own_rescale(tmp_path):
    path = _merged(tmp_path)
    dataset = dcmread(path)
    scale = dataset.PerFrameFunctionalGroupsSequence[1].PixelValueTransformationSequence[0]
    scale.RescaleSlope, scale.RescaleIntercept = 2, -2048
    dataset.save_as(path)
    values = decode_slices(order_volume(_only_series(tmp_path)).instances)
    assert values[:, 8, 8].tolist() == [100.0, 70.0, 40.0, 60.0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_frames_are_read_from_every_uncompressed_form(tmp_path, syntax):
    path = _merged(tmp_path)
    dataset = dcmread(path)
    implicit = syntax == ImplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, implicit_vr=implicit, little_endian=True)
    values = decode_slices(order_volume(_only_series(tmp_path)).instances)
    assert values[:, 8, 8].tolist() == [50.0, 70.0, 40.0, 60.0]


def test_compressed_frames_are_read_one_by_one(tmp_path):
    path = _merged(tmp_path)
    dataset = dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    values = decode_slices(order_volume(_only_series(tmp_path)).instances)
    assert values[:, 8, 8].tolist() == [50.0, 70.0, 40.0, 60.0]


def test_a_compressed_object_with_too_few_frames_is_refused(tmp_path):
    path = _merged(tmp_path)
    dataset = dcmread(path)
    dataset.compress(RLELossless)
    dataset.PixelData = encapsulate([b"\0" * 64])
    dataset.save_as(path)
    with pytest.raises(VolumeError, match="cannot be"):
        decode_slices(order_volume(_only_series(tmp_path)).instances)


def test_a_missing_frame_is_a_missing_slice(tmp_path):
    paths = write_ct(tmp_path, CtFiles(z_mm=(0.0, 5.0, 15.0, 20.0, 25.0)))
    merge_frames(paths, tmp_path / "enhanced")
    with pytest.raises(VolumeError, match=r"1 image\(s\) missing"):
        order_volume(_only_series(tmp_path))


def test_two_echoes_in_one_object_are_two_volumes(tmp_path):
    extra = {"Modality": "MR"}
    paths = write_ct(tmp_path, CtFiles(z_mm=(0.0, 5.0, 10.0, 0.0, 5.0, 10.0), extra=extra))
    merge_frames(paths, tmp_path / "enhanced", echo_ms=[1.15] * 3 + [2.3] * 3)
    volumes = group_series(scan_folder(tmp_path).instances)
    assert [volume.head.echo_time_ms for volume in volumes] == [1.15, 2.3]
    assert [order_volume(volume).shape[0] for volume in volumes] == [3, 3]


def test_groups_that_describe_another_number_of_frames_are_damage(tmp_path):
    path = _merged(tmp_path)
    dataset = dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[3]
    dataset.save_as(path)
    (instance,) = scan_folder(tmp_path).instances
    assert instance.damage == "it holds 4 frames and describes 3"
