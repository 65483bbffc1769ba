"""Pixels read by place are those that a full parsing gives; whatever is unusual is parsed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ct_files import CtFiles, body, write_ct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from shared.dicom.header import read_header
from shared.dicom.parsing import looks_like_dicom
from shared.dicom.pixels import decode_image
from shared.errors import DicomError

SIGNED = {"PixelRepresentation": 1}


def _one(folder, *, implicit=False, values_hu=None, **extra):
    (path,) = write_ct(folder, CtFiles(z_mm=(0.0,), values_hu=values_hu, extra=extra))
    if implicit:
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    return path


def _answer(header):
    try:
        return decode_image(header)
    except DicomError as error:
        return error.message


def _alike(one, other):
    if isinstance(one, str) or isinstance(other, str):
        return one is other or one == other
    return np.array_equal(one, other)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"NumberOfFrames": 1},
        {"DataSetTrailingPadding": bytes(4)},
        {"RescaleSlope": "0.5", "RescaleIntercept": "-1.2e1"},
        {"BitsStored": 16, "HighBit": 15},
        {"BitsStored": 11, "HighBit": 10},
        {"PixelPaddingValue": 24},
        {"PixelPaddingValue": 1100, "PixelPaddingRangeLimit": 24},
        SIGNED,
        {**SIGNED, "BitsStored": 16, "HighBit": 15},
        {**SIGNED, "PixelPaddingValue": -2000},
        {**SIGNED, "PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1000},
    ],
)
def test_pixels_read_by_place_are_those_of_a_full_parsing(tmp_path, implicit, extra):
    noise = np.random.default_rng(3).integers(-1000, 3000, (1, 16, 16))  # reaches unused bits
    header = read_header(_one(tmp_path, implicit=implicit, values_hu=noise, **extra))
    assert header.plain is not None
    assert np.array_equal(decode_image(header), decode_image(replace(header, plain=None)))


def test_mr_without_a_rescale_is_read_by_place(tmp_path):
    path = _one(tmp_path, values_hu=body(1, 100.0), Modality="MR", RescaleSlope=None)
    dataset = dcmread(path)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.save_as(path)
    header = read_header(path)
    assert header.plain is not None
    assert decode_image(header)[8, 8] == 1124.0


@pytest.mark.parametrize(
    "extra",
    [
        {"RescaleSlope": [1, 2]},
        {"RescaleSlope": None},
        {"HighBit": 12},
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
        {"SamplesPerPixel": 3},
        {"NumberOfFrames": 2},
        {"PhotometricInterpretation": "RGB"},
        {"PixelRepresentation": 2},
        {"PixelPaddingValue": None},
        {"ModalityLUTSequence": [Dataset()]},
    ],
)
def test_what_is_unusual_is_parsed_in_full(tmp_path, extra):
    header = read_header(_one(tmp_path, **extra))
    assert header.has_pixels
    assert header.plain is None


@pytest.mark.parametrize("end", [b"\0", bytes(16), b"\xfc\xff\xfc\xffOB\0\0\xff\0\0\0"])
def test_a_file_with_an_odd_end_is_parsed_in_full(tmp_path, end):
    path = _one(tmp_path)
    path.write_bytes(path.read_bytes() + end)
    header = read_header(path)
    assert header.has_pixels
    assert header.plain is None


def test_pixels_of_an_odd_kind_are_parsed_in_full(tmp_path):
    path = _one(tmp_path)
    raw = path.read_bytes()
    at = raw.rindex(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(raw[:at] + b"\xe0\x7f\x10\x00OB" + raw[at + 6 :])
    header = read_header(path)
    assert header.plain is None
    assert decode_image(header)[8, 8] == 100.0


def test_packaged_files_answer_alike_on_both_roads():
    by_place = 0
    for path in sorted(Path(get_testdata_file("CT_small.dcm")).parent.glob("*.dcm")):
        if path.stat().st_size > 2**20 or not looks_like_dicom(path):
            continue
        try:
            header = read_header(path)
        except DicomError:
            continue
        if header.plain is not None:
            by_place += 1
            assert _alike(_answer(header), _answer(replace(header, plain=None)))
    assert by_place >= 4  # two with and two without filling at their end


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "own"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_header_answers_alike_on_both_roads(tmp_path, name, changes):
    if name == "own":
        source = _one(tmp_path / "own", PixelPaddingValue=24)
    else:
        source = Path(get_testdata_file(name))
    raw = bytearray(source.read_bytes())
    pixels = raw.rindex(b"\xe0\x7f\x10\x00") + 12
    for place, value in changes:  # most of what decides about pixels stands shortly before them
        raw[int(pixels - 1 - place * min(pixels - 1, 600))] = value
    path = tmp_path / "damaged"
    path.write_bytes(raw)
    try:
        header = read_header(path)
    except DicomError:
        return
    if header.plain is not None:
        assert _alike(_answer(header), _answer(replace(header, plain=None)))
