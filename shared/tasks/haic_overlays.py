"""Heat maps of the network on MRI: sheets for a study's own people, pictures for a report.

Sheets are written where the study is read and never sent. A report travels, so its pictures are of
invented patients only.
"""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from PIL import Image

from shared.cohort.endpoint import Endpoint
from shared.cohort.patient import PreparedPatient
from shared.errors import PreparationError
from shared.explain.overlay import overlay
from shared.explain.scores_gradcam import scores_gradcam
from shared.imaging.normalise import body_mask
from shared.models.mri_scores import MriScores, Reading
from shared.report.haic_record import SequenceOverlay
from shared.report.haic_words import sequence_words
from shared.tasks.overlay_sheet import overlay_sheet, telling_slices
from shared.tasks.prepared_study import PreparedStudy

NO_PROOF = "A heat map shows where a score comes from, not why; it is no proof."

_SHOWN_PERCENTILES = (1.0, 99.5)  # of the body: brighter is a few vessels, darker is air inside
_SHOWN_PIXELS = 320  # small slices are enlarged so that a person can see them


def write_scores_sheets(
    folder: Path,
    network: MriScores,
    study: PreparedStudy,
    event: str,
    device: torch.device,
) -> tuple[Path, ...]:
    """Write one PNG per sequence: the most telling slices plain above, with heat below.

    Args:
        folder: Made if missing.
        network: With the released weights.
        study: Prepared.
        event: In words.
        device: Where to compute.

    Returns:
        The files, in the order of the sequences.
    """
    heat = scores_gradcam(network, study.images, device)
    chosen = list(telling_slices(heat))
    captions = [
        f"slice {place + 1}/{len(heat)}, z {study.positions_mm[place]:.0f} mm" for place in chosen
    ]
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, sequence in enumerate(network.settings.sequences):
        shown, bodies = for_display(study.images[:, number])
        sheet = overlay_sheet(
            shown[chosen],
            heat[chosen, number],
            captions,
            (_capital(sequence_words(sequence.value)), f"{event}, in {_explained(network)}"),
            bodies[chosen],
        )
        path = folder / f"overlay_{number + 1}_{sequence.value}.png"
        sheet.save(path, format="PNG", optimize=True)
        written.append(path)
    return tuple(written)


def report_sequence_overlays(
    network: MriScores,
    patients: Sequence[PreparedPatient],
    endpoint: Endpoint,
    device: torch.device,
) -> tuple[SequenceOverlay, ...]:
    """Draw the most telling slice of one patient with the event and one without.

    Args:
        network: With the released weights.
        patients: Held-out, invented.
        endpoint: For the words.
        device: Where to compute.

    Returns:
        One picture per sequence and patient.
    """
    pictures: list[SequenceOverlay] = []
    for happened in (True, False):
        chosen = next((patient for patient in patients if patient.event is happened), None)
        if chosen is not None:
            outcome = endpoint.event if happened else endpoint.no_event
            images = np.array(chosen.images, dtype=np.float32)
            pictures += _of_patient(network, images, endpoint.event, outcome, device)
    return tuple(pictures)


def for_display(
    volume: Float32[np.ndarray, "slice height width"],
) -> tuple[Float32[np.ndarray, "slice height width"], Bool[np.ndarray, "slice height width"]]:
    """Give one prepared sequence as grey values, and where the patient is.

    Args:
        volume: With mean 0 and standard deviation 1 in the body.

    Returns:
        Grey in [0, 1] between percentiles of the body; the body, or everything where none is seen.
    """
    try:
        body = body_mask(volume)
    except PreparationError:
        body = np.ones(volume.shape, dtype=np.bool_)
    low, high = np.percentile(volume[body], _SHOWN_PERCENTILES)
    span = max(float(high - low), float(np.finfo(np.float32).eps))
    grey: Float32[np.ndarray, "slice height width"] = np.clip(
        (volume - np.float32(low)) / np.float32(span), 0, 1
    )
    return grey, body


def _of_patient(
    network: MriScores, images: np.ndarray, event: str, outcome: str, device: torch.device
) -> list[SequenceOverlay]:
    heat = scores_gradcam(network, images, device)
    telling = int(np.argmax(heat.mean(axis=(1, 2, 3))))
    pictures: list[SequenceOverlay] = []
    for number, sequence in enumerate(network.settings.sequences):
        shown, bodies = for_display(images[:, number])
        words = sequence_words(sequence.value)
        pictures.append(
            SequenceOverlay(
                sequence=sequence.value,
                caption=(
                    f"{_capital(words)}, slice {telling + 1} of {len(images)}: evidence for "
                    f"{event} in {_explained(network)} (Grad-CAM; no proof)."
                ),
                png_base64=_png(overlay(shown[telling], heat[telling, number], bodies[telling])),
                patient=f"Invented patient with {outcome}",
            )
        )
    return pictures


def _explained(network: MriScores) -> str:
    if network.settings.reading is Reading.FIVE_CHANNEL:
        return "the one score of all sequences"
    return "this sequence's own score"


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _png(picture: UInt8[np.ndarray, "height width 3"]) -> str:
    factor = max(1, round(_SHOWN_PIXELS / picture.shape[1]))
    image = Image.fromarray(picture)
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
    stream = BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
