"""Ways in which a DICOM file can be damaged or can lie, each drawn from one generator."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
from dicom_seeds import Element, Seed
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

Mutation = Callable[[Seed, bytearray, np.random.Generator], bytearray]

_HEADER_REACH = 2500
_SIZES = {
    **dict.fromkeys((0x00280010, 0x00280011), (0, 1, 3, 4095, 4096, 4097, 16384, 32767, 65535)),
    **dict.fromkeys(
        (0x00280002, 0x00280100, 0x00280101, 0x00280102), (0, 1, 3, 8, 15, 32, 64, 65535)
    ),
    0x00280103: (0, 1, 2, 65535),
}
"""Rows, columns; samples, bits allocated, stored, high bit; signedness."""

_LENGTHS = (0, 1, 2, 7, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_ODD_TEXTS = (
    b"1e400", b"-1e400", b"nan", b"inf", b"1e39", b"-0", b"9" * 64, b"\\" * 40, b"\x00" * 16,
    b"\x1b$B\x1b(J", b"\xff\xfe\xfd", b"1e308\\1e308\\1e308", b"99999999999999", b"ISO_IR 999", b"",
    b"250000.999", b"9" * 5000, b"a\\b\\c",
)  # fmt: skip
_BLOCK = 16 * 2**20
_SHORT_VRS = frozenset(("OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"))


def _somewhere(raw: bytearray, rng: np.random.Generator) -> int:
    """Draw a place; every second one lies in the header, where the damage is worst."""
    reach = min(_HEADER_REACH, len(raw)) if rng.random() < 0.5 else len(raw)
    return int(rng.integers(reach)) if reach else 0


def truncate(_: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Cut the file."""
    return raw[: _somewhere(raw, rng)]


def flip_bytes(_: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Overwrite bytes: mostly one or two, since many leave nothing that could be believed."""
    for _number in range(int(rng.geometric(0.4)) if raw else 0):
        raw[_somewhere(raw, rng)] = int(rng.integers(256))
    return raw


def shift_bytes(_: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Remove or double a run of bytes, so that everything behind it moves."""
    at, run = _somewhere(raw, rng), int(rng.integers(1, 300))
    piece = raw[at : at + run]
    raw[at : at + run] = piece + piece if rng.random() < 0.5 else b""
    return raw


def lie_about_size(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Claim other dimensions and pixel forms."""
    for element in seed.elements:
        if element.tag in _SIZES and rng.random() < 0.4:
            order = "<H" if element.little_endian else ">H"
            value = struct.pack(order, int(rng.choice(_SIZES[element.tag])))
            raw[element.value_at : element.value_at + 2] = value
    return raw


def lie_about_frames(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Claim many frames, by a new element where the file has none."""
    text = str(int(rng.choice([0, -1, 2, 1000, 10**6, 2**31 - 1]))).encode()
    text += b" " * (len(text) % 2)
    found = next((e for e in seed.elements if e.tag == 0x00280008), None)
    after = next((e for e in seed.elements if e.tag == 0x00280010), None)
    if found is not None:
        return _replace_value(raw, found, text)
    if after is None:
        return raw
    at = after.length_at - (0 if after.length_bytes == 4 else 2) - 4
    raw[at:at] = _element_bytes(seed, (0x0028, 0x0008), b"IS", text)
    return raw


def lie_about_lengths(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Overwrite the length field of one element, or of several."""
    for _number in range(int(rng.geometric(0.7)) if seed.elements else 0):
        element = seed.elements[int(rng.integers(len(seed.elements)))]
        near = element.value_bytes + int(rng.integers(-9, 10))
        length = int(rng.choice([*_LENGTHS, max(near, 0)]))
        code = ("<" if element.little_endian else ">") + ("I" if element.length_bytes == 4 else "H")
        length &= 0xFFFFFFFF if element.length_bytes == 4 else 0xFFFF
        end = element.length_at + element.length_bytes
        raw[element.length_at : end] = struct.pack(code, length)
    return raw


def odd_value(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Replace one element's value by a text that no such element should have."""
    texts = [e for e in seed.elements if e.vr not in ("SQ", "OW", "OB") and e.value_bytes < 0x1000]
    if not texts:
        return raw
    return _replace_value(
        raw, texts[int(rng.integers(len(texts)))], _ODD_TEXTS[int(rng.integers(len(_ODD_TEXTS)))]
    )


def odd_rescale(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Replace a value that places or scales the image."""
    wanted = (0x00281052, 0x00281053, 0x00200032, 0x00200037, 0x00280030, 0x00280120, 0x00080032)
    texts = [e for e in seed.elements if e.tag in wanted]
    if not texts:
        return odd_value(seed, raw, rng)
    return _replace_value(
        raw, texts[int(rng.integers(len(texts)))], _ODD_TEXTS[int(rng.integers(len(_ODD_TEXTS)))]
    )


def nest_without_end(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Insert sequences in sequences, none of them closed."""
    if not seed.elements:
        return raw
    depth = int(rng.choice([1, 10, 300, 2000, 20000]))
    length = int(rng.choice([0xFFFFFFFF, 0xFFFFFFFF, 0x7FFFFFF0, 64]))
    sequence = _element_bytes(seed, (0x0008, 0x1115), b"SQ", b"", length)
    item = struct.pack(_order(seed) + "HHI", 0xFFFE, 0xE000, length)
    one = sequence + item if rng.random() < 0.7 else item
    element = seed.elements[int(rng.integers(len(seed.elements)))]
    at = element.length_at - (4 if element.length_bytes == 4 and not _implicit(seed) else 2) - 4
    at = at + 2 if _implicit(seed) else at
    raw[at:at] = (sequence if one is item else b"") + one * depth
    return raw


def wrong_syntax(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Name another transfer syntax than the file is written in, or none that exists."""
    known = [*map(str, AllTransferSyntaxes), "1.2.840.10008.1.2.4.999", "", "x", "1.2.3"]
    return bytearray(_meta(known[int(rng.integers(len(known)))]) + raw[seed.dataset_at :])


def damage_stream(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Damage the pixels only: their first bytes, runs, fragments."""
    pixels = seed.pixels
    if pixels is None or pixels.value_bytes < 64:
        return flip_bytes(seed, raw, rng)
    start, end = pixels.value_at, len(raw)
    reach = min(end, start + int(rng.choice([120, 400, end - start])))
    for _number in range(int(rng.integers(1, 20))):
        at = int(rng.integers(start, reach))
        kind = rng.random()
        if kind < 0.7:
            raw[at] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
        elif kind < 0.85:
            run = int(rng.integers(1, 64))
            raw[at : at + run] = bytes(len(raw[at : at + run]))
        else:
            del raw[at : at + int(rng.integers(1, 200))]
        reach = min(reach, len(raw))
        if reach <= start:
            break
    return raw


def consistent_lie(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Claim one large size in header and codestream alike."""
    side = int(rng.choice([2048, 4096, 4097, 65535]))
    for element in seed.elements:
        if element.tag in (0x00280010, 0x00280011):
            order = "<H" if element.little_endian else ">H"
            raw[element.value_at : element.value_at + 2] = struct.pack(order, side)
    at = raw.find(b"\xff\x4f\xff\x51")
    if at >= 0:
        raw[at + 8 : at + 16] = struct.pack(">II", side, side)
        if rng.random() < 0.5:  # tiles and components lie too
            raw[at + 24 : at + 32] = struct.pack(">II", *map(int, rng.integers(1, 5000, 2)))
        if rng.random() < 0.3:
            raw[at + 40 : at + 42] = struct.pack(">H", int(rng.integers(65536)))
    for marker in (b"\xff\xc3", b"\xff\xf7", b"\xff\xc0"):
        at = raw.find(marker, seed.dataset_at)
        if at >= 0:
            raw[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return raw


def deflate_bomb(seed: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Deflate the header with up to 4 GB of zeros, as pixels or as a private element."""
    if seed.transfer_syntax != str(ExplicitVRLittleEndian) or seed.pixels is None:
        return wrong_syntax(seed, raw, rng)
    as_pixels = rng.random() < 0.5
    blocks = int(rng.choice([1, 4, 7, 8, 16, 64, 255]))
    length = min(blocks * _BLOCK, 0xFFFFFFFE)
    head = bytes(raw[seed.dataset_at : seed.pixels.value_at - 12])
    tag = (0x7FE0, 0x0010) if as_pixels else (0x7FE1, 0x1001)
    head += struct.pack("<HH", *tag) + b"OW\0\0" + struct.pack("<I", length)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    begin = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return bytearray(
        _meta(str(DeflatedExplicitVRLittleEndian)) + begin + block * blocks + packer.flush()
    )


def garbage(_: Seed, raw: bytearray, rng: np.random.Generator) -> bytearray:
    """Keep the preamble and replace the rest by random bytes."""
    size = int(rng.integers(0, min(len(raw), 4000) + 1))
    return bytearray(bytes(128) + b"DICM" + rng.bytes(size))


MUTATIONS: tuple[tuple[Mutation, float], ...] = (
    (truncate, 2),
    (flip_bytes, 3),
    (shift_bytes, 1),
    (lie_about_size, 2),
    (lie_about_frames, 1),
    (lie_about_lengths, 3),
    (odd_value, 2),
    (odd_rescale, 1),
    (nest_without_end, 1.5),
    (wrong_syntax, 1.5),
    (damage_stream, 4),
    (consistent_lie, 1),
    (deflate_bomb, 0.4),
    (garbage, 0.3),
)
"""Every mutation with its weight."""


def mutate(seed: Seed, rng: np.random.Generator) -> tuple[str, bytes]:
    """Damage a seed once, or sometimes twice, and give the first damage's name.

    The second is of a kind that does not need the places of elements, which may have moved.
    """
    weights = np.array([weight for _, weight in MUTATIONS])
    chosen, _ = MUTATIONS[int(rng.choice(len(MUTATIONS), p=weights / weights.sum()))]
    raw = chosen(seed, bytearray(seed.raw), rng)
    if rng.random() < 0.2 and chosen is not deflate_bomb:
        raw = (truncate, flip_bytes, shift_bytes)[int(rng.integers(3))](seed, raw, rng)
    return chosen.__name__.replace("_", " "), bytes(raw)


def _replace_value(raw: bytearray, element: Element, value: bytes) -> bytearray:
    value += b" " * (len(value) % 2)
    code = ("<" if element.little_endian else ">") + ("I" if element.length_bytes == 4 else "H")
    raw[element.value_at : element.value_at + element.value_bytes] = value
    end = element.length_at + element.length_bytes
    raw[element.length_at : end] = struct.pack(code, len(value))
    return raw


def _implicit(seed: Seed) -> bool:
    return seed.transfer_syntax == ImplicitVRLittleEndian


def _order(seed: Seed) -> str:
    return ">" if seed.transfer_syntax == ExplicitVRBigEndian else "<"


def _element_bytes(
    seed: Seed, tag: tuple[int, int], vr: bytes, value: bytes, length: int | None = None
) -> bytes:
    size = len(value) if length is None else length
    order = _order(seed)
    head = struct.pack(order + "HH", *tag)
    if _implicit(seed):
        return head + struct.pack(order + "I", size) + value
    if vr.decode() in _SHORT_VRS:
        return head + vr + b"\0\0" + struct.pack(order + "I", size) + value
    return head + vr + struct.pack(order + "H", size) + value


def _meta(syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=False)
    body = buffer.getvalue()
    group = b"\2\0\0\0UL\4\0" + struct.pack("<I", len(body))
    return bytes(128) + b"DICM" + group + body
