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


def jpeg_problem(frame: bytes) -> str | None:
    """Tell what makes a JPEG frame unfit for a decoder that trusts its headers.

    GDCM ends the whole process when a damaged frame announces colours or tables that it does not
    have, so every header segment is checked first (ITU-T T.81 B.2.2 to B.2.4).

    Args:
        frame: One encapsulated frame.

    Returns:
        A clause, or None for a well-formed grey picture.
    """
    if not frame.startswith(_JPEG_START):
        return "does not start as JPEG"
    components: set[int] = set()
    tables: set[int] = set()
    at = 2
    while at + 4 <= len(frame):
        marker = frame[at + 1]
        (length,) = struct.unpack(">H", frame[at + 2 : at + 4])
        segment = frame[at + 4 : at + 2 + length]
        if frame[at] != 0xFF or length != len(segment) + 2:  # noqa: PLR2004  # marker and length
            return "has a damaged header"
        if marker == _START_OF_SCAN:
            return _scan_problem(segment, components, tables, frame[at + 2 + length :])
        if marker in _START_OF_FRAME and not components:
            components = _grey_component(segment)
        elif marker == _HUFFMAN_TABLES:
            tables |= _huffman_tables(segment)
        elif marker not in _HARMLESS_SEGMENTS:
            return "has an unexpected header segment"
        at += 2 + length
    return "has no picture"


_START_OF_SCAN = 0xDA
_HUFFMAN_TABLES = 0xC4
_HARMLESS_SEGMENTS = {0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}  # quantisation, restart, comments
_GREY_FRAME_BYTES = 9
_GREY_SCAN_BYTES = 6
_LONGEST_CODE = 16
_END = b"\xff\xd9"


def _grey_component(segment: bytes) -> set[int]:
    """Give the identifier of the only component of a frame of 2 to 16 bits."""
    grey = len(segment) == _GREY_FRAME_BYTES and segment[5] == 1
    sound = grey and 2 <= segment[0] <= _LONGEST_CODE and segment[7] == 0x11  # noqa: PLR2004
    return {segment[6]} if sound else set()


def _huffman_tables(segment: bytes) -> set[int]:
    """Give the classes and numbers of Huffman tables whose lengths add up."""
    found: set[int] = set()
    at = 0
    while at + 1 + _LONGEST_CODE <= len(segment):
        counts = segment[at + 1 : at + 1 + _LONGEST_CODE]
        codes = sum(count << (_LONGEST_CODE - bits) for bits, count in enumerate(counts, 1))
        end = at + 1 + _LONGEST_CODE + sum(counts)
        if codes > 1 << _LONGEST_CODE or end > len(segment):
            return set()
        found.add(segment[at])
        at = end
    return found if at == len(segment) else set()


def _scan_problem(
    segment: bytes, components: set[int], tables: set[int], rest: bytes
) -> str | None:
    if not components:
        return "is not one grey picture of 2 to 16 bits"
    if len(segment) != _GREY_SCAN_BYTES or segment[0] != 1 or segment[1] not in components:
        return "has a damaged scan header"
    if segment[2] >> 4 not in tables:  # the table for differences, class 0
        return "lacks its Huffman table"
    return None if _END in rest[-16:] else "is cut short"
