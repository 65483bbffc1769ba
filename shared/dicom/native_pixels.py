"""Uncompressed pixel data reduced to the picture: no unused bits, no bytes beyond the last pixel.

Old scanners kept overlays, with writing, in the unused high bits of each pixel (DICOM PS3.5,
section 8.1.2), and anything can stand behind the last pixel.
"""

import numpy as np
from pydicom.dataset import FileDataset

from shared.errors import DicomError

_SHORT_BITS = 16


def native_pixels(dataset: FileDataset, *, big_endian: bool) -> bytes:
    """Give the pixel bytes of an uncompressed instance, little endian, with unused bits cleared.

    Args:
        dataset: With PixelData and the attributes that describe it; 16 bits per pixel.
        big_endian: Whether the bytes of each pixel are in the old reverse order.

    Returns:
        Rows x columns x frames pixels of two bytes.

    Raises:
        DicomError: When pixels are missing or are not of 16 bits.
    """
    if dataset.BitsAllocated != _SHORT_BITS:
        raise DicomError(
            f"Expected pixels of 16 bits, got {dataset.BitsAllocated}. Choose another series."
        )
    count = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("NumberOfFrames") or 1)
    data = dataset.PixelData
    if count <= 0 or len(data) < 2 * count:
        raise DicomError(
            f"Expected {2 * count} bytes of pixels, got {len(data)}. Export the image again."
        )
    stored = int(dataset.BitsStored)
    if not 1 <= stored <= _SHORT_BITS or int(dataset.HighBit) != stored - 1:
        raise DicomError(
            f"Expected pixels in the low bits, got {stored} bits up to bit {dataset.HighBit}. "
            "Choose another series."
        )
    signed = int(dataset.PixelRepresentation) == 1
    words = np.frombuffer(data[: 2 * count], dtype=">u2" if big_endian else "<u2")
    unused = _SHORT_BITS - stored
    lifted = np.left_shift(words.astype("<u2"), np.uint16(unused))
    lowered = lifted.view("<i2") >> unused if signed else lifted >> np.uint16(unused)
    return bytes(lowered.tobytes())
