"""A heat map laid over a grey slice, as a picture of plain bytes."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

# Dark red to pale yellow through orange: brightness rises all the way, so that order survives
# printing in grey and colour-blind eyes, and no hue of it occurs in a CT slice.
_COLOURS = np.array(
    [[90, 0, 40], [178, 18, 45], [240, 84, 20], [253, 174, 50], [255, 245, 170]], dtype=np.float64
)
_CLEAR_BELOW = 0.15  # weaker heat stays invisible, so that anatomy shows through
_STRONGEST_OPACITY = 0.65  # even the hottest place lets the tissue be seen


def body_mask(image: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Find the patient in a windowed slice.

    Args:
        image: Values in [0, 1]; what lies below the window, as air does, is 0.

    Returns:
        The largest connected region above air, with the air inside it (bowel, lung).
    """
    regions, count = ndimage.label(image > 0)
    if count == 0:
        return np.zeros(image.shape, dtype=bool)
    sizes = np.bincount(regions.ravel())
    largest = regions == 1 + int(np.argmax(sizes[1:]))
    mask: Bool[np.ndarray, "height width"] = ndimage.binary_fill_holes(largest)
    return mask


def colour_of(heat: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape 3"]:
    """Give the colour of heat, for overlays and their legend.

    Args:
        heat: In [0, 1].

    Returns:
        Red, green and blue in [0, 255].
    """
    places = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(heat, places, _COLOURS[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1)


def overlay(
    image: Float[np.ndarray, "height width"],
    heat: Float[np.ndarray, "height width"],
    body: Bool[np.ndarray, "height width"] | None = None,
) -> UInt8[np.ndarray, "height width 3"]:
    """Lay heat over a grey slice.

    Args:
        image: Values in [0, 1].
        heat: In [0, 1], as ``gradcam`` gives it; nothing is drawn outside the body.
        body: Where the patient is; found in the slice, as windowed CT, if not given.

    Returns:
        Red, green and blue; where there is no heat, exactly the grey of the slice.
    """
    grey = np.repeat((np.clip(image, 0, 1) * 255)[..., None], 3, axis=-1)
    strength = np.clip((heat - _CLEAR_BELOW) / (1 - _CLEAR_BELOW), 0, 1)
    # The square root lets the edge of a region appear soon, and its core not cover everything.
    opacity = _STRONGEST_OPACITY * np.sqrt(strength) * (body_mask(image) if body is None else body)
    mixed = grey + opacity[..., None] * (colour_of(heat) - grey)
    picture: UInt8[np.ndarray, "height width 3"] = np.rint(mixed).astype(np.uint8)
    return picture
