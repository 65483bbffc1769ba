"""What a compressed frame claims, read before any decoder believes it."""

import struct

import pytest

from shared.dicom.codestream import codestream_size, jpeg_problem


def _segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


FRAME = _segment(0xC3, bytes([16]) + struct.pack(">HH", 512, 384) + bytes([1, 1, 0x11, 0]))
TABLE = _segment(0xC4, bytes([0x00, 0, 2, *[0] * 14, 5, 6]))
SCAN = _segment(0xDA, bytes([1, 1, 0x00, 1, 0, 0]))
WHOLE = b"\xff\xd8" + FRAME + TABLE + SCAN + b"data\xff\xd9"


def test_a_whole_lossless_frame_is_fit():
    assert jpeg_problem(WHOLE) is None
    assert codestream_size(WHOLE) == (512, 384)


def test_a_comment_before_the_frame_is_skipped():
    assert codestream_size(WHOLE[:2] + _segment(0xFE, b"made by") + WHOLE[2:]) == (512, 384)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (b"", "does not start as JPEG"),
        (WHOLE[:2], "has no picture"),
        (WHOLE.replace(FRAME, b""), "not one grey picture"),
        (WHOLE.replace(TABLE, b""), "lacks its Huffman table"),
        (WHOLE.replace(b"\x01\x01\x11\x00", b"\x03\x01\x11\x00"), "not one grey picture"),
        (WHOLE.replace(SCAN, _segment(0xDA, bytes([2, 1, 0, 1, 0, 0]))), "damaged scan header"),
        (WHOLE.replace(TABLE, _segment(0xC4, bytes([0, *[255] * 16]))), "lacks its Huffman table"),
        (WHOLE[:-2], "is cut short"),
        (WHOLE[:10], "damaged header"),
        (WHOLE[:2] + _segment(0xDC, b"xx") + WHOLE[2:], "unexpected header segment"),
    ],
)
def test_a_damaged_frame_is_told_before_a_decoder_sees_it(frame, problem):
    assert problem in (jpeg_problem(frame) or "nothing")
