"""Read and write NIfTI-1 volumes as bytes: enough for masks, without another dependency.

Format: nifti1.h, NIFTI-1.1 (Cox et al. 2004). Affines are in NIfTI's RAS millimetres (x right,
y front, z head).
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Shaped

from shared.errors import PreparationError

_HEADER_BYTES = 348
_DATA_OFFSET = 352
_LARGEST_BYTES = 2**30
_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4",
}  # fmt: skip
_FLOAT32 = 16
_MAGIC = b"n+1\0"
_LARGEST_SIDE = 4096
_FARTHEST_MM = 1e6
_SMALLEST_VOXEL_MM3 = 1e-6


@dataclass(frozen=True)
class NiftiVolume:
    """One volume of a NIfTI file.

    Attributes:
        values: Stored values, not rescaled, in the file's own order of axes.
        affine: From indices of ``values`` to RAS millimetres.
    """

    values: Shaped[np.ndarray, "_ _ _"]
    affine: Float64[np.ndarray, "4 4"]


def parse_nifti(data: bytes) -> NiftiVolume:
    """Read a NIfTI-1 file, compressed with gzip or not.

    Args:
        data: All bytes of the file.

    Returns:
        Its volume and where it lies.

    Raises:
        PreparationError: If it is no single three-dimensional NIfTI-1 volume that says where it
            lies.
    """
    raw = _inflate(data) if data[:2] == b"\x1f\x8b" else data
    order = _byte_order(raw)
    shape = _shape(raw, order)
    (code,) = struct.unpack_from(order + "h", raw, 70)
    if code not in _TYPES:
        raise _refusal(f"values of type {code}", "whole or floating point numbers")
    kind = np.dtype(order + _TYPES[code])
    (start,) = struct.unpack_from(order + "f", raw, 108)
    offset = int(start) if np.isfinite(start) else 0
    size = int(np.prod(shape)) * kind.itemsize
    if not _HEADER_BYTES <= offset <= len(raw) - size:
        raise _refusal(f"{len(raw) - _HEADER_BYTES} bytes of values", f"{size} bytes")
    values = np.frombuffer(raw, dtype=kind, count=int(np.prod(shape)), offset=offset)
    return NiftiVolume(values.reshape(shape, order="F"), _affine(raw, order))


def encode_nifti(values: Float32[np.ndarray, "_ _ _"], affine: Float64[np.ndarray, "4 4"]) -> bytes:
    """Write a volume as an uncompressed NIfTI-1 file.

    Args:
        values: The volume.
        affine: From its indices to RAS millimetres.

    Returns:
        The file's bytes.
    """
    header = bytearray(_DATA_OFFSET)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    struct.pack_into("<i", header, 0, _HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, *values.shape, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, _FLOAT32, 32)
    struct.pack_into("<8f", header, 76, 1.0, *map(float, steps), 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, float(_DATA_OFFSET))
    header[123] = 2  # millimetres
    struct.pack_into("<hh", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, *map(float, affine[:3].ravel()))
    header[344:348] = _MAGIC
    return bytes(header) + values.astype("<f4").tobytes(order="F")


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        raw = inflater.decompress(data, _LARGEST_BYTES)
    except zlib.error as error:
        raise _refusal("a damaged gzip file", "a NIfTI-1 volume") from error
    if inflater.unconsumed_tail:
        raise _refusal("more than 1 GB", "a mask of one scan")
    return raw


def _byte_order(raw: bytes) -> str:
    for order in ("<", ">"):
        if len(raw) >= _HEADER_BYTES and struct.unpack_from(order + "i", raw, 0)[0] == 348:  # noqa: PLR2004  # sizeof_hdr
            if raw[344:348] != _MAGIC:
                raise _refusal("header and values in two files", "one .nii or .nii.gz file")
            return order
    raise _refusal("another kind of file", "a NIfTI-1 volume (.nii or .nii.gz)")


def _shape(raw: bytes, order: str) -> tuple[int, int, int]:
    dimensions, *sides = struct.unpack_from(order + "8h", raw, 40)
    further = sides[3:dimensions] if 0 < dimensions <= len(sides) else [0]
    if dimensions < 3 or any(side != 1 for side in further):  # noqa: PLR2004  # a volume
        raise _refusal(f"{dimensions} dimensions", "one volume of three")
    if not all(0 < side <= _LARGEST_SIDE for side in sides[:3]):
        raise _refusal(f"{' x '.join(map(str, sides[:3]))} voxels", "a scan's matrix")
    return sides[0], sides[1], sides[2]


def _affine(raw: bytes, order: str) -> Float64[np.ndarray, "4 4"]:
    qform, sform = struct.unpack_from(order + "hh", raw, 252)
    affine = np.eye(4)
    if sform > 0:
        affine[:3] = np.reshape(struct.unpack_from(order + "12f", raw, 280), (3, 4))
    elif qform > 0:
        affine[:3] = _quaternion_affine(raw, order)
    else:
        raise _refusal("a mask without position", "a mask that says where it lies (sform or qform)")
    voxel_mm3 = abs(float(np.linalg.det(affine[:3, :3])))
    if not (np.abs(affine) < _FARTHEST_MM).all() or voxel_mm3 < _SMALLEST_VOXEL_MM3:
        raise _refusal("a position that is no grid", "a regular grid")
    return affine


def _quaternion_affine(raw: bytes, order: str) -> Float64[np.ndarray, "3 4"]:
    """Turn qform into an affine (nifti1.h, method 2)."""
    b, c, d, *shift = struct.unpack_from(order + "6f", raw, 256)
    steps = np.array(struct.unpack_from(order + "4f", raw, 76))
    a = float(np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handed = -1.0 if steps[0] < 0 else 1.0
    return np.column_stack([turn * (steps[1:] * [1.0, 1.0, handed]), np.array(shift)])


def _refusal(got: str, expected: str) -> PreparationError:
    return PreparationError(f"Expected {expected}, got {got}. Export the mask again.")
