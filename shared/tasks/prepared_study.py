"""What a preparation gives: model input with everything a person needs to trust it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from shared.imaging.resample import PlaneStack
from shared.tasks.liver_range import LiverRange
from shared.vocabulary import Channel, ImageRole


@dataclass(frozen=True)
class SeriesRole:
    """What a series was taken for.

    Attributes:
        series: Its number and image count, in words.
        volume_id: SeriesInstanceUID, with ``#n`` for further volumes of it; stays at the site.
        role: What it is, or None where a person must say.
        evidence: What speaks for it.
        confidence: In [0, 1].
        question: What a person is asked; empty where decided.
    """

    series: str
    volume_id: str
    role: ImageRole | None
    evidence: tuple[str, ...]
    confidence: float
    question: str


@dataclass(frozen=True)
class PreparedStudy:
    """Model input with everything a person needs to trust it.

    Attributes:
        images: Model input: CT in [0, 1]; MRI with mean 0 and standard deviation 1 in the body.
        positions_mm: Height of each slice's centre in the patient, growing towards the head.
        channels: What the planes show, in the order of the axis.
        roles: What every candidate series was taken for, and why.
        excluded: Series left out: name and reason.
        notices: What was assumed or lost, as sentences.
        grid: Where the prepared pixels lie in the patient, for display.
        liver_range: Where the liver lies and on whose word, if that was said; stays at the site.
    """

    images: Float32[np.ndarray, "slice channel height width"]
    positions_mm: Float64[np.ndarray, " slice"]
    channels: tuple[Channel, ...]
    roles: tuple[SeriesRole, ...]
    excluded: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    grid: PlaneStack
    liver_range: LiverRange | None = None
