"""Small grey pictures of slices, for a person's eye inside the hospital."""

import base64
import io
from dataclasses import replace

import numpy as np
from jaxtyping import Float32
from PIL import Image

from client.image_roles import Modality
from shared.dicom.coarse import coarse_volume
from shared.dicom.geometry import VolumeGeometry
from shared.imaging.window import apply_window

SIDE = 192
"""Pixels of a thumbnail's longer side; enough to tell an artery from a vein."""

_LEVEL_HU, _WIDTH_HU = 60.0, 400.0  # the abdominal window of every console
_DARKEST, _BRIGHTEST = 1.0, 99.5
"""Percentiles shown black and white where numbers have no unit; the rest is noise and vessels."""
_QUALITY = 80


def slice_png(volume: VolumeGeometry, index: int) -> bytes:
    """Draw one slice of a volume.

    Args:
        volume: Of CT or MRI; MRI is shown between percentiles of the slice.
        index: Of the slice, from the feet up.

    Returns:
        A PNG of at most ``SIDE`` pixels a side.

    Raises:
        VolumeError: If the image cannot be decoded.
    """
    one = replace(
        volume,
        instances=volume.instances[index : index + 1],
        origins_mm=volume.origins_mm[index : index + 1],
        positions_mm=volume.positions_mm[index : index + 1],
        shape=(1, *volume.shape[1:]),
    )
    extent_mm = max(
        count * mm for count, mm in zip(volume.shape[1:], volume.pixel_spacing_mm, strict=True)
    )
    values = coarse_volume(one, extent_mm / SIDE)
    stream = io.BytesIO()
    if volume.instances[0].modality == Modality.CT:
        shown = apply_window(values, _LEVEL_HU, _WIDTH_HU)[0]
    else:
        shown = between_percentiles(values[0])
    _picture(shown).save(stream, "PNG")
    return stream.getvalue()


def between_percentiles(
    values: Float32[np.ndarray, "height width"],
) -> Float32[np.ndarray, "height width"]:
    """Stretch an image without a unit to [0, 1]; few pixels lie outside and are cut.

    Args:
        values: Of any scale.
    """
    low, high = np.percentile(values, (_DARKEST, _BRIGHTEST))
    return np.asarray(np.clip((values - low) / max(high - low, 1e-6), 0, 1), dtype=np.float32)


def inline_jpeg(values: Float32[np.ndarray, "height width"]) -> str:
    """Draw prepared pixels as a data URL.

    Args:
        values: In [0, 1].
    """
    stream = io.BytesIO()
    picture = _picture(values)
    picture.thumbnail((SIDE, SIDE))
    picture.save(stream, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _picture(values: Float32[np.ndarray, "height width"]) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))
