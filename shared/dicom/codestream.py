"""Read the picture size a compressed frame itself claims, before any decoder allocates for it.

Decoders believe the codestream, not the DICOM header, so a damaged codestream could ask for
gigabytes. Markers: JPEG and JPEG-LS start of frame (ITU-T T.81 B.2.2, T.87 C.2.2), JPEG 2000 SIZ
(ITU-T T.800 A.5.1).
"""

import struct

_J2K_START = b"\xff\x4f\xff\x51"
_JP2_BOX = b"\x00\x00\x00\x0cjP  "
_JPEG_START = b"\xff\xd8"
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_START_OF_FRAME_LS = 0xF7
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """Give the rows and columns that a compressed frame claims.

    Args:
        frame: One encapsulated frame.

    Returns:
        Rows and columns, or None where the frame is no JPEG family codestream or has no header.
    """
    start = frame.find(_J2K_START, 0, 4096) if frame.startswith(_JP2_BOX) else 0
    if start >= 0 and frame[start : start + 4] == _J2K_START:
        return _jpeg2000_size(frame[start:])
    if frame.startswith(_JPEG_START):
        return _jpeg_size(frame)
    return None


def _jpeg2000_size(stream: bytes) -> tuple[int, int] | None:
    if len(stream) < 24:  # noqa: PLR2004  # SIZ up to the image offset
        return None
    width, height, left, top = struct.unpack(">IIII", stream[8:24])
    return height - top, width - left


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(frame):
        if frame[at] != 0xFF:  # noqa: PLR2004  # every marker starts so
            return None
        marker = frame[at + 1]
        if marker in _STANDALONE or marker == 0xFF:  # noqa: PLR2004  # fill byte
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        if marker in _START_OF_FRAME or marker == _START_OF_FRAME_LS:
            rows, columns = struct.unpack(">HH", frame[at + 5 : at + 9])
            return rows, columns
        (length,) = struct.unpack(">H", frame[at + 2 : at + 4])
        at += 2 + length
    return None
