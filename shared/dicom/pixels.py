"""Decode images to Hounsfield units (CT) or rescaled intensities (MR), slice by slice.

Every slice has its own rescale, padding and unused bits (DICOM PS3.3 C.7.6.3, C.7.5.1.1.2,
C.11.1). Sizes are checked before anything is allocated. Native, deflated, big-endian, RLE, JPEG,
JPEG Lossless, JPEG-LS and JPEG 2000 data decode with permissively licensed plugins.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Integer
from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from shared.dicom.codestream import codestream_size, jpeg_problem
from shared.dicom.header import LARGEST_SIDE, InstanceHeader
from shared.dicom.multiframe import open_image
from shared.dicom.parsing import unreadable
from shared.dicom.plain_pixels import read_plain_pixels
from shared.errors import DicomError, VolumeError

AIR_HU = -1024.0
"""Outside the scan field; the smallest value of usual CT (Liao 2024, section 2.3)."""

PLUGINS = {
    RLELossless: "pydicom",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
}
"""The decoder of each compression, those first that survive damaged data."""

_SMALLEST_SLOPE, _LARGEST_SLOPE, _LARGEST_INTERCEPT = 1e-20, 1e20, 1e20
"""Far beyond any scanner; beyond these, 32-bit pixels could leave the range of float32."""

_Pixels = tuple[
    Integer[np.ndarray, "height width"],
    tuple[int, int] | None,
    tuple[float | None, float | None],
]
"""Stored values, the declared padding among them, slope and intercept."""

_LAST_PLUGIN = "gdcm"  # the only permissive decoder of JPEG Lossless


def decode_slices(instances: Sequence[InstanceHeader]) -> Float32[np.ndarray, "slice height width"]:
    """Decode images in the order given.

    Args:
        instances: Headers of grey images of one matrix, files or frames.

    Returns:
        HU for CT (at least -1024, padding is air), rescaled intensities otherwise.

    Raises:
        VolumeError: With the number of the first image that cannot be decoded.
    """
    if not instances:
        raise VolumeError("There is no image to decode. Choose a series with images.")
    return np.stack([load_slice(instances, index) for index in range(len(instances))])


def load_slice(
    instances: Sequence[InstanceHeader], index: int
) -> Float32[np.ndarray, "height width"]:
    """Decode one image of an ordered volume.

    Args:
        instances: The volume's images, in table order.
        index: Which of them.

    Returns:
        As ``decode_image``.

    Raises:
        VolumeError: With the number of the image, if it cannot be decoded.
    """
    try:
        return decode_image(instances[index])
    except DicomError as error:
        raise VolumeError(
            f"Image {index + 1} of {len(instances)} cannot be decoded: {error.message}"
        ) from error


def decode_image(instance: InstanceHeader) -> Float32[np.ndarray, "height width"]:
    """Decode one image.

    Args:
        instance: Header of a grey image, a file or a frame of one.

    Returns:
        HU for CT (at least -1024, padding is air), rescaled intensities otherwise. CT of
        photometric interpretation MONOCHROME1 is not inverted: that tag speaks about display,
        and Hounsfield units come before it. MR has no unit that could tell whether such values
        were inverted too, so MR of MONOCHROME1 is refused.

    Raises:
        DicomError: If it changed since its header was read, its size is a lie, or its decoder
            refuses.
    """
    _refuse_unsupported(instance)
    _refuse_change(instance)
    stored, padding, rescale = _plain(instance) or _parsed(instance)
    outside = None
    if padding is not None:
        outside = np.asarray((stored >= padding[0]) & (stored <= padding[1]))
    values = _rescaled(stored, *rescale)
    if instance.modality == "CT" and values.min() < AIR_HU:
        np.maximum(values, np.float32(AIR_HU), out=values)
    if outside is not None and outside.any():
        lowest = values[~outside].min() if not outside.all() else 0.0
        values[outside] = AIR_HU if instance.modality == "CT" else lowest
    return values


def _plain(instance: InstanceHeader) -> _Pixels | None:
    """Read an ordinary file's pixels by their place."""
    place = instance.plain
    if place is None or instance.frame is not None:
        return None
    shape = (instance.rows, instance.columns)
    raw = read_plain_pixels(instance.path, place.start, shape, signed=instance.signed)
    return _stored_values(raw, instance), place.padding, place.rescale


def _parsed(instance: InstanceHeader) -> _Pixels:
    """Parse the file in full and decode its pixels."""
    with open_image(instance) as dataset:
        _refuse_lies(dataset, instance)
        stored = _stored_values(
            # A view spares a copy of native pixels; they are only read.
            np.asarray(pixel_array(dataset, decoding_plugin=_plugin(dataset), view_only=True)),
            instance,
        )
        return stored, _padding(dataset), _rescale(dataset, instance)


def _plugin(dataset: FileDataset) -> str:
    syntax = dataset.file_meta.TransferSyntaxUID
    return PLUGINS.get(syntax, _LAST_PLUGIN) if syntax.is_encapsulated else ""


def _refuse_unsupported(instance: InstanceHeader) -> None:
    if instance.damage:
        raise DicomError(f"{instance.damage}. Send it again.")
    if instance.high_bit != instance.bits_stored - 1:
        raise DicomError(
            f"its {instance.bits_stored} bits end at bit {instance.high_bit}, a form that DICOM "
            "retired. Convert it to a current form."
        )
    if instance.photometric == "MONOCHROME1" and instance.modality != "CT":
        raise DicomError("it is stored inverted (MONOCHROME1). Send the original image.")


def _refuse_change(instance: InstanceHeader) -> None:
    """Demand the file whose header was read, since place, scale and phase come from there."""
    if instance.seen is None:
        return
    try:
        state = instance.path.stat()
    except OSError as error:
        raise unreadable(error) from error
    if (state.st_size, state.st_mtime_ns) != instance.seen:
        raise DicomError("it changed since the folder was scanned. Scan again.")


def _refuse_lies(dataset: FileDataset, instance: InstanceHeader) -> None:
    """Check what the decoders would allocate by."""
    if "PixelData" not in dataset:  # pydicom drops everything where an encapsulated file ends early
        raise DicomError(
            "its pixels have no end, so it was cut short or damaged. Send it again."
            if instance.has_pixels
            else "it has no pixels. Choose a series of images."
        )
    size = (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0))
    frames = int(dataset.get("NumberOfFrames") or 1)
    if size != (instance.rows, instance.columns) or frames != 1:
        raise DicomError("it changed since the folder was scanned. Scan again.")
    if not (0 < size[0] <= LARGEST_SIDE and 0 < size[1] <= LARGEST_SIDE):
        raise DicomError(f"it claims {size[0]} x {size[1]} pixels. Send it again.")
    if not dataset.file_meta.get("TransferSyntaxUID"):
        # Old files without meta header: pydicom found the encoding while it parsed.
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        _refuse_frame_lie(dataset, size)


def _refuse_frame_lie(dataset: FileDataset, size: tuple[int, int]) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    claimed = codestream_size(frame)
    if claimed is not None and claimed != size:
        raise DicomError(
            f"its compressed picture claims {claimed[0]} x {claimed[1]} pixels and its header "
            f"{size[0]} x {size[1]}. Send it again."
        )
    problem = None if syntax in PLUGINS else jpeg_problem(frame)
    if problem is not None:
        raise DicomError(f"its compressed picture {problem}. Send it again.")


def _stored_values(
    raw: Integer[np.ndarray, "..."], instance: InstanceHeader
) -> Integer[np.ndarray, "height width"]:
    """Clear unused bits, which old scanners fill with overlays, and extend the sign."""
    if raw.shape != (instance.rows, instance.columns):
        raise DicomError("its pixels have another shape than its header says. Send it again.")
    bits = instance.bits_stored
    if bits == 8 * raw.dtype.itemsize or _uses_only(raw, bits, signed=instance.signed):
        return raw
    values = raw & raw.dtype.type((1 << bits) - 1)
    if instance.signed:
        sign = raw.dtype.type(1 << (bits - 1))
        values = (values ^ sign) - sign
    return np.asarray(values)


def _uses_only(raw: Integer[np.ndarray, "height width"], bits: int, *, signed: bool) -> bool:
    """Tell whether no unused bit is set, so that there is nothing to clear."""
    if signed:
        half = 1 << (bits - 1)
        return bool(raw.min() >= -half and raw.max() < half)
    return raw.dtype.kind == "u" and bool(raw.max() < 1 << bits)


def _padding(dataset: FileDataset) -> tuple[int, int] | None:
    """Give the values that the scanner declares to lie outside its reconstruction, if it does."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    other = limit if isinstance(limit, int) else value
    return min(value, other), max(value, other)


def _rescale(dataset: FileDataset, instance: InstanceHeader) -> tuple[float | None, float | None]:
    if "ModalityLUTSequence" in dataset:
        raise DicomError(
            "its values go through a lookup table instead of a rescale. Send the original image."
        )
    if instance.frame is None:
        slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    else:
        slope, intercept = instance.rescale or (None, None)
    if dataset.get("Modality") == "CT" and (slope is None or intercept is None):
        raise DicomError(
            "it has no rescale slope and intercept, so its HU values are unknown. "
            "Send the original image."
        )
    return (
        None if slope is None else float(slope),
        None if intercept is None else float(intercept),
    )


def _rescaled(
    stored: Integer[np.ndarray, "height width"], slope: float | None, intercept: float | None
) -> Float32[np.ndarray, "height width"]:
    factor = 1.0 if slope is None else slope
    offset = 0.0 if intercept is None else intercept
    if not (_SMALLEST_SLOPE <= abs(factor) <= _LARGEST_SLOPE and abs(offset) <= _LARGEST_INTERCEPT):
        raise DicomError("its rescale values are ones no scanner writes. Send the original image.")
    values = stored.astype(np.float32)
    if factor != 1:
        values *= np.float32(factor)
    values += np.float32(offset)
    return values
