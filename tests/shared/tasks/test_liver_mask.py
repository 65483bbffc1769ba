"""The liver's range from every kind of mask, matched by geometry or refused."""

import struct
from pathlib import Path

import numpy as np
import pytest
from ct_files import CtFiles, write_ct
from mask_files import write_contours, write_nifti, write_segmentation

from shared.dicom.scan import scan_folder
from shared.dicom.segmentation import names_liver
from shared.errors import DicomError, PreparationError, VolumeError
from shared.tasks.liver_mask import liver_volumes, read_liver_range
from shared.tasks.liver_range import LiverSource, range_from_nifti, volume_affine

REAL = Path(__file__).resolve().parents[4] / "shared" / "dicom" / "seg_liver_dcmqi"
Z_MM = tuple(np.arange(0.0, 50.0, 5.0))
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def volumes(tmp_path):
    write_ct(tmp_path / "ct", CtFiles(z_mm=Z_MM))
    return liver_volumes(scan_folder(tmp_path / "ct").instances)


def _mask(first=3, last=7, value=1):
    mask = np.zeros((10, 16, 16), dtype=np.uint8)
    mask[first : last + 1, 5:9, 5:9] = value
    return mask


def test_a_segmentation_gives_the_heights_of_its_slices(tmp_path, volumes):
    mask = write_segmentation(tmp_path / "seg", {"Liver": _mask()}, Z_MM)
    found = read_liver_range(mask, volumes)
    assert (found.lower_mm, found.upper_mm) == (15.0, 35.0)
    assert found.source is LiverSource.SEGMENTATION
    assert found.confirmed_by == ""


def test_only_the_liver_counts_among_the_segments(tmp_path, volumes):
    masks = {"Spleen": _mask(0, 9), "Liver lesion": _mask(0, 1), "肝脏": _mask(4, 6)}
    found = read_liver_range(write_segmentation(tmp_path / "seg", masks, Z_MM), volumes)
    assert (found.lower_mm, found.upper_mm) == (20.0, 30.0)


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("Liver", True),
        ("LIVER_1", True),
        ("Liver segmentation", True),
        ("肝脏", True),
        ("肝", True),
        ("Liver-GTV", False),
        ("Liver segment 4", False),
        ("肝左叶", False),
        ("肝静脉", False),
        ("liver_mets", False),
        ("Spleen", False),
    ],
)
def test_names_of_the_whole_liver(name, whole):
    assert names_liver(name) is whole


def test_the_liver_is_known_by_its_code(tmp_path, volumes):
    masks = {"Organ 1": _mask(2, 3), "Organ 2": _mask(5, 8)}
    mask = write_segmentation(tmp_path / "seg", masks, Z_MM, coded=["Organ 2"])
    assert read_liver_range(mask, volumes).lower_mm == 25.0


@pytest.mark.parametrize("names", [["Organ"], ["Liver", "liver"]])
def test_no_liver_or_two_livers_are_refused(tmp_path, volumes, names):
    mask = write_segmentation(tmp_path / "seg", dict.fromkeys(names, _mask()), Z_MM)
    with pytest.raises(VolumeError, match="one segment that is the liver"):
        read_liver_range(mask, volumes)


def test_half_of_a_fraction_counts_as_liver(tmp_path, volumes):
    values = _mask(3, 7, value=150)
    values[7] = np.minimum(values[7], 99)  # of 200
    mask = write_segmentation(tmp_path / "seg", {"Liver": values}, Z_MM, kind="FRACTIONAL")
    assert read_liver_range(mask, volumes).upper_mm == 30.0


def test_a_label_map_is_read_by_its_values(tmp_path, volumes):
    values = _mask(1, 8, value=2)
    values[4:6, 0, 0] = 1
    mask = write_segmentation(tmp_path / "seg", {"Liver": values}, Z_MM, kind="LABELMAP")
    found = read_liver_range(mask, volumes)
    assert (found.lower_mm, found.upper_mm) == (20.0, 25.0)


def test_a_finer_segmentation_is_matched_to_the_slices_by_position(tmp_path, volumes):
    fine_mm = np.arange(16.0, 32.0, 1.0)
    mask = write_segmentation(
        tmp_path / "seg", {"Liver": np.ones((16, 8, 8), dtype=np.uint8)}, fine_mm
    )
    found = read_liver_range(mask, volumes)
    assert (found.lower_mm, found.upper_mm) == (15.0, 30.0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frame_uid": "2.25.7"}, "another frame of reference"),
        ({"orientation": (1, 0, 0, 0, 0, -1)}, "not parallel"),
        ({"z_mm": np.add(Z_MM, 900.0)}, "belongs to another series"),
    ],
)
def test_a_segmentation_of_another_series_is_refused(tmp_path, volumes, changes, sentence):
    settings = {"z_mm": Z_MM, **changes}
    mask = write_segmentation(tmp_path / "seg", {"Liver": _mask()}, **settings)
    with pytest.raises(VolumeError, match=sentence):
        read_liver_range(mask, volumes)


def test_an_empty_segmentation_is_refused(tmp_path, volumes):
    mask = write_segmentation(tmp_path / "seg", {"Liver": np.zeros((10, 16, 16))}, Z_MM)
    with pytest.raises(VolumeError, match="marks no liver"):
        read_liver_range(mask, volumes)


def test_a_cut_segmentation_is_refused(tmp_path, volumes):
    mask = write_segmentation(tmp_path / "seg", {"Liver": _mask()}, Z_MM)
    mask.write_bytes(mask.read_bytes()[:-200])
    with pytest.raises(DicomError):
        read_liver_range(mask, volumes)


@pytest.mark.skipif(
    not REAL.is_dir(), reason="the real scanner files are not beside the repository"
)
def test_the_real_segmentation_fits_the_three_slices_of_its_series():
    volumes = liver_volumes(scan_folder(REAL).instances)
    found = read_liver_range(REAL / "liver.dcm", volumes)
    assert (found.lower_mm, found.upper_mm) == pytest.approx((-128.69, -126.69), abs=1e-3)


def _square(z):
    return [(-10.0, -10.0, z), (10.0, -10.0, z), (10.0, 10.0, z), (-10.0, 10.0, z)]


def test_contours_give_the_heights_of_their_slices(tmp_path, volumes):
    structures = {"GTV": [_square(0.0)], "Liver": [_square(z) for z in (10.0, 15.0, 20.0)]}
    found = read_liver_range(write_contours(tmp_path / "rt", structures), volumes)
    assert (found.lower_mm, found.upper_mm) == (10.0, 20.0)
    assert found.source is LiverSource.CONTOURS


def test_a_single_point_is_no_contour(tmp_path, volumes):
    structures = {"Liver": [_square(10.0), [(0.0, 0.0, 40.0)]]}
    found = read_liver_range(write_contours(tmp_path / "rt", structures), volumes)
    assert found.upper_mm == 10.0


def test_contours_across_the_slices_or_of_other_space_are_refused(tmp_path, volumes):
    upright = [(0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (10.0, 0.0, 30.0)]
    with pytest.raises(VolumeError, match="across the slices"):
        read_liver_range(write_contours(tmp_path / "a", {"Liver": [upright]}), volumes)
    elsewhere = write_contours(tmp_path / "b", {"Liver": [_square(5.0)]}, frame_uid="2.25.7")
    with pytest.raises(VolumeError, match="another frame of reference"):
        read_liver_range(elsewhere, volumes)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_a_nifti_mask_is_matched_through_any_flip(tmp_path, volumes, flips):
    values = _mask().transpose(2, 1, 0)  # column, row, slice, as NIfTI tools write it
    affine = TO_RAS @ volume_affine(volumes[0])[:, [2, 1, 0, 3]]
    for axis, flip in enumerate(flips):
        if flip < 0:
            affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
            affine[:3, axis] *= -1
            values = np.flip(values, axis)
    found = read_liver_range(write_nifti(tmp_path / "m.nii.gz", values, affine), volumes)
    assert (found.lower_mm, found.upper_mm) == (15.0, 35.0)
    assert found.source is LiverSource.NIFTI


def test_a_nifti_mask_by_quaternion_and_in_big_endian_is_read(tmp_path, volumes):
    values = _mask().transpose(2, 1, 0)
    # A half turn about z: x and y count to the left and back, as in DICOM.
    qform = ((1.0, 5.0, 5.0, 5.0), (0.0, 0.0, 1.0), (40.0, 40.0, 0.0))
    path = write_nifti(tmp_path / "m.nii", values, None, order=">", qform=qform)
    found = read_liver_range(path, volumes)
    assert (found.lower_mm, found.upper_mm) == (15.0, 35.0)


def test_chosen_labels_of_a_nifti_mask_count(tmp_path, volumes):
    values = _mask(1, 8, value=6)
    values[3:5, 6, 6] = 5
    affine = TO_RAS @ volume_affine(volumes[0])
    path = write_nifti(tmp_path / "m.nii", values, affine)
    found = range_from_nifti(path, volumes[0], labels={5})
    assert (found.lower_mm, found.upper_mm) == (15.0, 20.0)


@pytest.mark.parametrize("change", ["moved", "resampled", "not turned"])
def test_a_nifti_mask_on_another_grid_is_refused(tmp_path, volumes, change):
    values = _mask()
    affine = TO_RAS @ volume_affine(volumes[0])
    if change == "moved":
        affine[2, 3] += 5.0
    elif change == "resampled":
        values = values[::2]
        affine[:3, 0] *= 2
    else:
        affine = volume_affine(volumes[0])  # someone forgot that NIfTI counts the other way
    with pytest.raises(PreparationError, match="not that of the series"):
        read_liver_range(write_nifti(tmp_path / "m.nii", values, affine), volumes)


@pytest.mark.parametrize(
    ("place", "number"), [(108, float("nan")), (108, 1e9), (280, float("inf")), (292, 1e30)]
)
def test_a_nifti_header_with_impossible_numbers_is_refused(tmp_path, volumes, place, number):
    path = write_nifti(tmp_path / "m.nii", _mask(), TO_RAS @ volume_affine(volumes[0]))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<f", raw, place, number)
    path.write_bytes(raw)
    with pytest.raises(PreparationError, match="Export the mask again"):
        read_liver_range(path, volumes)


def test_the_mask_may_fit_any_volume_of_the_study(tmp_path):
    write_ct(tmp_path / "ct", CtFiles(number=2, z_mm=(0.0, 2.5, 5.0)))
    write_ct(tmp_path / "ct", CtFiles(number=3, z_mm=Z_MM))
    volumes = liver_volumes(scan_folder(tmp_path / "ct").instances)
    affine = TO_RAS @ volume_affine(volumes[1])
    found = read_liver_range(write_nifti(tmp_path / "m.nii", _mask(), affine), volumes)
    assert len(volumes) == 2
    assert found.upper_mm == 35.0


def test_what_is_no_mask_is_refused(tmp_path, volumes):
    image = next((tmp_path / "ct").iterdir())
    with pytest.raises(DicomError, match="modality CT"):
        read_liver_range(image, volumes)
    (tmp_path / "text").write_text("liver: 0 to 100 mm")
    with pytest.raises(PreparationError, match="NIfTI-1 volume"):
        read_liver_range(tmp_path / "text", volumes)
    with pytest.raises(PreparationError, match="no regular axial CT series"):
        read_liver_range(image, ())
