"""Heat maps for the report of an invented cohort: one patient of each class, every phase.

Only invented patients are shown: a report travels, and a real patient's pixels may not.
"""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from shared.cohort.endpoint import Endpoint
from shared.cohort.patient import PreparedPatient
from shared.explain.gradcam import gradcam
from shared.explain.overlay import overlay
from shared.models.multiphase_ct import MultiphaseCt
from shared.report.run_record import OverlayImage
from shared.training.inference import slice_probabilities

_SHOWN_PIXELS = 256  # small slices are enlarged so that a person can see them


def report_overlays(
    network: MultiphaseCt,
    patients: Sequence[PreparedPatient],
    endpoint: Endpoint,
    device: torch.device,
) -> tuple[OverlayImage, ...]:
    """Draw the most telling slice of one patient with the event and one without.

    Args:
        network: With the released weights.
        patients: Held-out, invented.
        endpoint: For the captions.
        device: Where to compute.

    Returns:
        One picture per phase and patient.
    """
    pictures: list[OverlayImage] = []
    for happened in (True, False):
        chosen = next((patient for patient in patients if patient.event is happened), None)
        if chosen is not None:
            pictures += _of_patient(network, chosen, endpoint, device)
    return tuple(pictures)


def _of_patient(
    network: MultiphaseCt, patient: PreparedPatient, endpoint: Endpoint, device: torch.device
) -> list[OverlayImage]:
    images = np.array(patient.images, dtype=np.float32)
    probabilities = slice_probabilities(network, images, device)
    heat = gradcam(network, images, device)
    telling = int(np.argmax(probabilities if patient.event else -probabilities))
    happened = endpoint.event if patient.event else endpoint.no_event
    return [
        OverlayImage(
            phase=phase.value,
            slice=telling + 1,
            caption=(
                f"Invented patient with {happened}, {phase.value} phase, slice {telling + 1} of "
                f"{len(images)}: Grad-CAM evidence for {endpoint.event}; the network gives this "
                f"slice a probability of {probabilities[telling]:.2f}."
            ),
            png_base64=_png(overlay(images[telling, place], heat[telling, place])),
        )
        for place, phase in enumerate(network.settings.phases)
    ]


def _png(picture: UInt8[np.ndarray, "height width 3"]) -> str:
    factor = max(1, _SHOWN_PIXELS // picture.shape[0])
    image = Image.fromarray(picture)
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)
    stream = BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
