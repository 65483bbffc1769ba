"""Whatever is done to a file, the answer is an image or a sentence."""

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from shared.dicom.pixels import decode_image
from shared.dicom.scan import scan_files
from shared.errors import DicomError

NAMES = (
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
)


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=20),
    header_only=st.booleans(),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_a_mutated_file_gives_an_image_or_a_sentence(tmp_path, name, changes, header_only, kept):
    raw = bytearray(Path(get_testdata_file(name)).read_bytes())
    reach = min(len(raw), 2500) if header_only else len(raw)
    for place, value in changes:
        raw[min(int(place * reach), len(raw) - 1)] = value
    path = tmp_path / "mutated"
    path.write_bytes(raw[: int(kept * len(raw))])
    scan = scan_files([path])
    assert len(scan.instances) + len(scan.rejected) + scan.other_files <= 1
    for instance in scan.instances:
        if instance.has_pixels and instance.samples == 1 and instance.frames == 1:
            try:
                values = decode_image(instance)
            except DicomError as error:
                assert error.message  # noqa: PT017  # either outcome is right
            else:
                assert values.shape == (instance.rows, instance.columns)
                assert values.dtype == np.float32


@pytest.mark.parametrize("group_length", [True, False])
def test_a_deflated_bomb_is_refused_without_inflating_it(tmp_path, group_length):
    raw = Path(get_testdata_file("image_dfl.dcm")).read_bytes()
    begin = 144 + int.from_bytes(raw[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = zlib.decompress(raw[begin:], -zlib.MAX_WBITS)
    bomb = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)
    meta = raw[:begin] if group_length else raw[:132] + raw[144:begin]
    path = tmp_path / "bomb"
    path.write_bytes(meta + bomb + zeros * 16 + packer.flush())
    tracemalloc.start()
    scan = scan_files([path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [rejected.reason for rejected in scan.rejected] == [
        "The deflated file grows beyond any image. Export it again."
    ]
    assert peak < 2**25


def test_a_deflated_file_without_a_group_length_is_read(tmp_path):
    raw = Path(get_testdata_file("image_dfl.dcm")).read_bytes()
    path = tmp_path / "short"
    path.write_bytes(raw[:132] + raw[144:])
    (instance,) = scan_files([path]).instances
    assert instance.rows == 512
