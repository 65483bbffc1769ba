"""Stored bits to Hounsfield units, whatever the encoding, and no belief in claimed sizes."""

import hashlib
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ct_files import CtFiles, body, write_ct
from pydicom import dcmread
from pydicom.data import get_testdata_file

from shared.dicom.codestream import codestream_size
from shared.dicom.header import read_header
from shared.dicom.pixels import AIR_HU, decode_image, decode_slices
from shared.dicom.scan import scan_folder
from shared.errors import DicomError, VolumeError


def _one(folder, **changes):
    write_ct(folder, CtFiles(z_mm=(0.0,), **changes))
    return scan_folder(folder).instances[0]


def _packaged(name):
    return read_header(Path(get_testdata_file(name)))


def test_rescale_gives_hounsfield_units(tmp_path):
    values = decode_image(_one(tmp_path))
    assert values[0, 0] == -1000.0
    assert values[8, 8] == 100.0


def test_every_slice_has_its_own_rescale(tmp_path):
    paths = write_ct(tmp_path, CtFiles(z_mm=(0.0, 5.0)))
    dataset = dcmread(paths[1])
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -2048
    dataset.save_as(paths[1])
    first, second = decode_slices([read_header(path) for path in paths])
    assert first[8, 8] == 100.0
    assert second[8, 8] == 200.0


def test_bits_above_those_stored_are_cleared(tmp_path):
    write_ct(tmp_path, CtFiles(z_mm=(0.0,)))
    (path,) = tmp_path.iterdir()
    dataset = dcmread(path)
    dirty = np.frombuffer(dataset.PixelData, "<u2") | 0xF000  # an old overlay in bits 12 to 15
    dataset.PixelData = dirty.tobytes()
    dataset.save_as(path)
    assert decode_image(read_header(path))[8, 8] == 100.0


def test_signed_values_keep_their_sign(tmp_path):
    values = np.full((1, 16, 16), -50.0) - 1024  # stored as is: the intercept is 0
    extra = {"PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15, "RescaleIntercept": 0}
    assert decode_image(_one(tmp_path, values_hu=values, extra=extra))[0, 0] == -50.0


def test_padding_and_everything_below_air_are_air(tmp_path):
    values = body(1, 100.0)
    values[0, 0] = 976.0  # stored 2000
    values[0, 1] = -1024.0
    instance = _one(tmp_path, values_hu=values, extra={"PixelPaddingValue": 2000})
    decoded = decode_image(instance)
    assert (decoded[0] == AIR_HU).all()
    assert decoded.min() == AIR_HU
    assert decoded[8, 8] == 100.0


def test_inverted_display_of_ct_does_not_change_its_units(tmp_path):
    extra = {"PhotometricInterpretation": "MONOCHROME1"}
    assert decode_image(_one(tmp_path, extra=extra))[8, 8] == 100.0


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_one_image_decodes_alike_from_every_transfer_syntax(name):
    expected = decode_image(_packaged("MR_small.dcm"))
    assert np.array_equal(decode_image(_packaged(name)), expected)


def test_signed_jpeg_2000_with_a_contradicting_header_is_decoded_as_ct():
    values = decode_image(_packaged("J2K_pixelrep_mismatch.dcm"))
    assert values[0, 0] == AIR_HU
    assert 1000 < values.max() < 3000


def test_decoding_does_not_touch_the_file(tmp_path):
    instance = _one(tmp_path)
    before = hashlib.sha256(instance.path.read_bytes()).hexdigest()
    decode_image(instance)
    assert hashlib.sha256(instance.path.read_bytes()).hexdigest() == before


def test_a_huge_codestream_in_a_small_header_is_refused_before_decoding():
    path = Path(get_testdata_file("MR_small_jp2klossless.dcm"))
    raw = path.read_bytes()
    at = raw.index(b"\xff\x4f\xff\x51") + 8
    lying = raw[:at] + struct.pack(">II", 60_000, 60_000) + raw[at + 8 :]
    assert codestream_size(lying[at - 8 :]) == (60_000, 60_000)


def test_a_lying_codestream_is_named(tmp_path):
    raw = Path(get_testdata_file("MR_small_jp2klossless.dcm")).read_bytes()
    at = raw.index(b"\xff\x4f\xff\x51") + 8
    path = tmp_path / "liar"
    path.write_bytes(raw[:at] + struct.pack(">II", 60_000, 60_000) + raw[at + 8 :])
    with pytest.raises(DicomError, match="claims 60000 x 60000"):
        decode_image(read_header(path))


@pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\x4f\xff\x51\0", b"ab"])
def test_a_cut_codestream_claims_nothing(frame):
    assert codestream_size(frame) is None


def test_a_cut_compressed_image_is_named_by_its_number(tmp_path):
    raw = Path(get_testdata_file("MR_small_jpeg_ls_lossless.dcm")).read_bytes()
    (tmp_path / "cut").write_bytes(raw[: len(raw) * 2 // 3])
    whole = _packaged("MR_small_jpeg_ls_lossless.dcm")
    with pytest.raises(VolumeError, match="Image 2 of 2 cannot be decoded"):
        decode_slices([whole, replace(whole, path=tmp_path / "cut")])


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_a_compressed_image_that_is_cut_short_is_called_so(tmp_path, name):
    raw = Path(get_testdata_file(name)).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(raw[: len(raw) * 2 // 3])
    with pytest.raises(DicomError, match="cut short or damaged"):
        decode_image(read_header(path))


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"RescaleSlope": None}, "no rescale"),
        ({"RescaleSlope": 0}, "ones no scanner writes"),
        ({"RescaleSlope": "1e39"}, "ones no scanner writes"),
        ({"RescaleSlope": "-1e-60"}, "ones no scanner writes"),
        ({"RescaleIntercept": "1e300"}, "ones no scanner writes"),
        ({"HighBit": 15}, "retired"),
    ],
)
def test_values_without_a_meaning_are_refused(tmp_path, extra, sentence):
    with pytest.raises(DicomError, match=sentence):
        decode_image(_one(tmp_path, extra=extra))


@pytest.mark.parametrize("later_ns", [0, 1])
def test_a_file_that_changed_after_the_scan_is_refused(tmp_path, later_ns):
    instance = _one(tmp_path)
    raw = instance.path.read_bytes()
    instance.path.write_bytes(raw if later_ns else raw + bytes(2))
    _, modified_ns = instance.seen
    os.utime(instance.path, ns=(modified_ns, modified_ns + later_ns))
    with pytest.raises(DicomError, match="changed since"):
        decode_image(instance)


def test_a_file_of_another_matrix_than_its_header_is_refused(tmp_path):
    instance = _one(tmp_path)
    with pytest.raises(DicomError, match="changed since"):
        decode_image(replace(instance, rows=8, plain=None))


def test_a_file_that_is_gone_is_refused(tmp_path):
    instance = _one(tmp_path)
    instance.path.unlink()
    with pytest.raises(DicomError, match="cannot be read"):
        decode_image(instance)


def test_no_images_are_refused():
    with pytest.raises(VolumeError, match="no image to decode"):
        decode_slices([])
