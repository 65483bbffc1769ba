"""Whatever is done to a mask or a multi-frame file, the answer is a result or a sentence."""

import numpy as np
import pytest
from ct_files import CtFiles, body, write_ct
from enhanced_files import merge_frames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mask_files import write_contours, write_nifti, write_segmentation
from pydicom import dcmread
from pydicom.uid import RLELossless

from shared.dicom.pixels import decode_image
from shared.dicom.scan import scan_files, scan_folder
from shared.errors import DicomError, HepafedError
from shared.tasks.liver_mask import liver_volumes, read_liver_range
from shared.tasks.liver_range import volume_affine

Z_MM = tuple(np.arange(0.0, 30.0, 5.0))
KINDS = ("binary", "fractional", "label map", "compressed", "contours", "nifti", "nifti.gz")
MUTATIONS = given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=20),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
QUICKLY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct")
    write_ct(folder, CtFiles(z_mm=Z_MM))
    return liver_volumes(scan_folder(folder).instances)


def _write(kind, folder, volume):
    mask = np.zeros((6, 16, 16), dtype=np.uint8)
    mask[2:5, 5:9, 5:9] = 1
    square = [(-10.0, -10.0, 10.0), (10.0, -10.0, 10.0), (10.0, 10.0, 10.0)]
    path = folder / kind
    match kind:
        case "contours":
            return write_contours(path, {"Liver": [square]})
        case "nifti" | "nifti.gz":
            affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume_affine(volume)
            return write_nifti(path, mask, affine)
        case "binary":
            return write_segmentation(path, {"Liver": mask}, Z_MM)
        case "label map":
            return write_segmentation(path, {"Liver": mask}, Z_MM, kind="LABELMAP")
    write_segmentation(path, {"Liver": mask * 200}, Z_MM, kind="FRACTIONAL")
    if kind == "compressed":
        dataset = dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path)
    return path


def _mutate(raw, changes, kept):
    raw = bytearray(raw)
    for place, value in changes:
        raw[min(int(place * len(raw)), len(raw) - 1)] = value
    return raw[: int(kept * len(raw))]


@pytest.mark.parametrize("kind", KINDS)
def test_an_undamaged_mask_gives_its_range(tmp_path, volumes, kind):
    found = read_liver_range(_write(kind, tmp_path, volumes[0]), volumes)
    assert found.lower_mm == 10.0


@pytest.mark.parametrize("kind", KINDS)
@QUICKLY
@MUTATIONS
def test_a_mutated_mask_gives_a_range_or_a_sentence(tmp_path, volumes, kind, changes, kept):
    sound = tmp_path / kind
    raw = (sound if sound.exists() else _write(kind, tmp_path, volumes[0])).read_bytes()
    path = tmp_path / "mutated"
    path.write_bytes(_mutate(raw, changes, kept))
    try:
        found = read_liver_range(path, volumes)
    except HepafedError as error:
        assert error.message  # noqa: PT017  # either outcome is right
    else:
        assert 0.0 <= found.lower_mm <= found.upper_mm <= 25.0


@pytest.mark.parametrize("compressed", [False, True])
@QUICKLY
@MUTATIONS
def test_a_mutated_multi_frame_file_gives_images_or_a_sentence(tmp_path, compressed, changes, kept):
    sound = tmp_path / "enhanced"
    if not sound.exists():
        merge_frames(write_ct(tmp_path, CtFiles(values_hu=body(4, 50.0))), sound)
        if compressed:
            dataset = dcmread(sound)
            dataset.compress(RLELossless)
            dataset.save_as(sound)
    path = tmp_path / "mutated"
    path.write_bytes(_mutate(sound.read_bytes(), changes, kept))
    for instance in scan_files([path]).instances[:2]:
        if instance.has_pixels and instance.samples == 1:
            try:
                values = decode_image(instance)
            except DicomError as error:
                assert error.message  # noqa: PT017  # either outcome is right
            else:
                assert values.shape == (instance.rows, instance.columns)
