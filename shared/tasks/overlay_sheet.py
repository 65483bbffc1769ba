"""Heat maps of one study as pictures: a sheet per phase with the slices that matter most.

The sheets are for people who may see the patient's images; they are written where the study is
read and never sent.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from shared.explain.gradcam import gradcam
from shared.explain.overlay import colour_of, overlay
from shared.models.multiphase_ct import MultiphaseCt
from shared.tasks.prepared_study import PreparedStudy

_MOST_SLICES = 4
_TILE = 288
_GAP = 12
_HEAD = 74
_FOOT = 78
_CAPTION = 24
_PAPER, _INK, _QUIET = (17, 20, 24), (236, 239, 242), (163, 174, 186)
_CLEAR_BELOW = 0.15  # of the overlay: weaker heat is not drawn


def telling_slices(
    heat: Float32[np.ndarray, "slice channel height width"], most: int = _MOST_SLICES
) -> tuple[int, ...]:
    """Choose the slices with the most evidence over all channels, in the order of the patient.

    The same slices are shown for every phase or sequence, so that these can be compared.

    Args:
        heat: From ``gradcam``.
        most: How many at most.

    Returns:
        Places of the slices, rising.
    """
    evidence = heat.mean(axis=(1, 2, 3))
    return tuple(sorted(int(place) for place in np.argsort(-evidence, kind="stable")[:most]))


def write_overlay_sheets(
    folder: Path,
    network: MultiphaseCt,
    study: PreparedStudy,
    probabilities: Float[np.ndarray, " slice"],
    event: str,
    device: torch.device,
) -> tuple[Path, ...]:
    """Write one PNG per phase: chosen slices plain above, with heat below, and a legend.

    Args:
        folder: Made if missing.
        network: With the released weights.
        study: Prepared.
        probabilities: Of the event, per slice.
        event: In words.
        device: Where to compute.

    Returns:
        The files, in the order of the phases.
    """
    heat = gradcam(network, study.images, device)
    chosen = telling_slices(heat)
    captions = [
        f"slice {place + 1}/{len(probabilities)}, z {study.positions_mm[place]:.0f} mm, "
        f"probability {probabilities[place]:.2f}"
        for place in chosen
    ]
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, phase in enumerate(study.channels):
        sheet = overlay_sheet(
            study.images[list(chosen), number],
            heat[list(chosen), number],
            captions,
            (f"{phase.value.capitalize()} phase", event),
        )
        path = folder / f"overlay_{number + 1}_{phase.value}.png"
        sheet.save(path, format="PNG", optimize=True)
        written.append(path)
    return tuple(written)


def overlay_sheet(
    images: Float32[np.ndarray, "slice height width"],
    heat: Float32[np.ndarray, "slice height width"],
    captions: list[str],
    words: tuple[str, str],
    bodies: Bool[np.ndarray, "slice height width"] | None = None,
) -> Image.Image:
    """Lay out one phase or sequence: a column per slice, plain above and with heat below.

    Args:
        images: Values in [0, 1].
        heat: In [0, 1].
        captions: One per slice.
        words: The sheet's title, and the event in words.
        bodies: Where the patient is, as ``shared.explain.overlay.overlay`` takes it.

    Returns:
        The sheet.
    """
    title, event = words
    # Two columns' width even for one slice: the legend and the words below need it.
    columns = max(2, len(images))
    width = _GAP + columns * (_TILE + _GAP)
    tile = round(_TILE * images.shape[1] / images.shape[2])  # high; pixels are square
    height = _HEAD + 2 * (tile + _GAP) + _CAPTION + _FOOT
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 12), title, _INK, _font(22))
    pen.text((_GAP, 44), f"Grad-CAM evidence for {event}", _QUIET, _font(15))
    for place in range(len(images)):
        left = _GAP + place * (_TILE + _GAP)
        grey = np.repeat((np.clip(images[place], 0, 1) * 255)[..., None], 3, axis=-1)
        sheet.paste(_tile(np.rint(grey).astype(np.uint8), tile), (left, _HEAD))
        body = None if bodies is None else bodies[place]
        warm = overlay(images[place], heat[place], body)
        sheet.paste(_tile(warm, tile), (left, _HEAD + tile + _GAP))
        for top in (_HEAD, _HEAD + tile + _GAP):
            pen.text((left + 6, top + 4), "R", _QUIET, _font(14))
        pen.text((left, _HEAD + 2 * (tile + _GAP) - 6), captions[place], _QUIET, _font(14))
    _legend(sheet, pen, (_GAP, height - _FOOT + 6))
    return sheet


def _legend(sheet: Image.Image, pen: ImageDraw.ImageDraw, corner: tuple[int, int]) -> None:
    left, top = corner
    ramp = colour_of(np.tile(np.linspace(_CLEAR_BELOW, 1, 160), (12, 1)))
    sheet.paste(Image.fromarray(np.rint(ramp).astype(np.uint8)), (left, top + 4))
    pen.text(
        (left + 170, top), "weak to strong, within these images of this study", _QUIET, _font(14)
    )
    words = "Research use only. Heat shows where the score comes from, not why; it is no proof."
    pen.text((left, top + 34), words, _INK, _font(14))


def _tile(picture: UInt8[np.ndarray, "height width 3"], high: int) -> Image.Image:
    return Image.fromarray(picture).resize((_TILE, high), Image.Resampling.BICUBIC)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
