import base64
import re
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.cohort.patient import PreparedPatient
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.tasks.haic_overlays import for_display, report_sequence_overlays
from shared.vocabulary import MriSequence, Split

CPU = torch.device("cpu")
TWO = (MriSequence.T1_ARTERIAL, MriSequence.DUAL_ECHO)


class Brightness(nn.Sequential):
    """Averages, stage by stage; its score is the mean brightness."""

    def __init__(self, channels: int, outputs: int) -> None:
        stages = nn.Sequential()
        for stage in range(3):
            layer = nn.Conv2d(channels if stage == 0 else 1, 1, 2, stride=2, bias=False)
            nn.init.constant_(layer.weight, 0.25)
            stages.append(nn.Sequential(layer))
        last = nn.Linear(1, outputs, bias=False)
        nn.init.constant_(last.weight, 1.0)
        super().__init__(stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)


def _network(reading):
    network = MriScores(MriScoresSettings(sequences=TWO, network="resnet18", reading=reading))
    joint = reading is Reading.FIVE_CHANNEL
    network.networks = nn.ModuleList([Brightness(2, 2) if joint else Brightness(1, 1)])
    if joint:
        nn.init.constant_(network.last.weight, 1.0)
    return network


def _volume(seed, telling):
    """A body with a bright lesion, in air; the lesion is brightest in the telling slice."""
    rng = np.random.default_rng(seed)
    images = np.full((3, 2, 48, 64), -1.2, dtype=np.float32)
    images[:, :, 6:42, 8:56] = rng.normal(0, 0.1, size=(3, 2, 36, 48))
    images[telling, :, 16:24, 32:40] = 4.0
    return images


def _patient(case, telling, *, event):
    return PreparedPatient(
        case=case, images=_volume(case, telling), event=event, split=Split.HELD_OUT
    )


@pytest.fixture(scope="module")
def pictures():
    patients = (
        _patient(1, 0, event=False),
        _patient(2, 2, event=True),
        _patient(3, 1, event=True),
    )
    return report_sequence_overlays(_network(Reading.SHARED), patients, PROGRESSIVE_DISEASE, CPU)


def test_one_patient_with_and_one_without_the_event_are_shown_in_every_sequence(pictures):
    assert [(p.patient, p.sequence) for p in pictures] == [
        ("Invented patient with progressive disease (PD)", "t1_arterial"),
        ("Invented patient with progressive disease (PD)", "dual_echo"),
        ("Invented patient with disease control (CR, PR or SD)", "t1_arterial"),
        ("Invented patient with disease control (CR, PR or SD)", "dual_echo"),
    ]


def test_captions_name_slice_sequence_and_event_and_claim_no_proof(pictures):
    assert pictures[1].caption == (
        "Dual echo, slice 3 of 3: evidence for progressive disease (PD) in this sequence's own "
        "score (Grad-CAM; no proof)."
    )
    assert "slice 1 of 3" in pictures[2].caption
    assert not any(re.search(r"positive|negative", p.caption) for p in pictures)


def test_heat_lies_on_the_lesion_and_not_in_the_air(pictures):
    with Image.open(BytesIO(base64.b64decode(pictures[0].png_base64))) as image:
        colours = np.asarray(image.convert("RGB")).astype(int)
    factor = colours.shape[1] // 64
    warmth = np.ptp(colours, axis=2)

    assert colours.shape[:2] == (48 * factor, 64 * factor)
    assert warmth[18 * factor : 22 * factor, 34 * factor : 38 * factor].min() > 40
    assert warmth[: 4 * factor].max() == 0


def test_one_map_of_all_sequences_is_said_to_be_that():
    patients = (_patient(2, 2, event=True),)
    joint = report_sequence_overlays(
        _network(Reading.FIVE_CHANNEL), patients, PROGRESSIVE_DISEASE, CPU
    )

    assert len(joint) == 2
    assert all("in the one score of all sequences" in picture.caption for picture in joint)


def test_grey_spans_the_body_and_air_is_not_body():
    grey, body = for_display(_volume(5, 1)[:, 0])

    assert (grey.min(), grey.max()) == (0, 1)
    assert body[:, 10:38, 12:52].all()
    assert not body[:, :4].any()


def test_images_in_which_no_body_is_seen_are_shown_whole():
    grey, body = for_display(np.full((2, 8, 8), 0.5, dtype=np.float32))

    assert body.all()
    assert not grey.any()
