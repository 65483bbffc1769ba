"""Where a run on MRI and clinic leaves the published setting, one sentence each.

Source of the published values: Quan 2024, Methods, as ``shared.settings`` holds them.
"""

from collections.abc import Callable
from typing import Final

from shared.report.haic_words import network_words
from shared.settings import HAIC_MRI, RunSettings

STANDING: Final = (
    (
        "The best round and the plateau of the learning rate are chosen by the federated loss of "
        "patients set apart for it, not by the accuracy on the patients that are reported."
    ),
    (
        "Every prediction for a patient in the cross-validation comes from a network that was not "
        "trained on that patient."
    ),
    (
        "The machine that joins image and clinic is linear with a squared hinge, which can be "
        "fitted from sums; the publication names no kernel."
    ),
)
"""True of every run."""

_BASELINE: Final = (
    "The number of treatment cycles is left out, because it is not known before treatment; skewed "
    "laboratory values are logged."
)

_NAMED: Final[tuple[tuple[str, Callable[[RunSettings], str]], ...]] = (
    ("Image size in pixels", lambda s: f"{s.image_width}x{s.image_height}"),
    ("Slices per patient", lambda s: str(s.slices_per_patient or "all")),
    ("Network", lambda s: network_words(s.network)),
    ("Width of the network's filters", lambda s: f"{s.network_width:g}"),
    ("A, B and C blocks of the network", lambda s: ", ".join(map(str, s.network_blocks))),
    ("Reading of five features from five sequences", lambda s: s.reading.replace("_", " ")),
    ("Normalisation layer", lambda s: s.norm),
    ("Rounds", lambda s: str(s.rounds)),
    ("Passes per round", lambda s: str(s.local_epochs)),
    ("Slices per step", lambda s: str(s.batch_size)),
    ("Optimiser", lambda s: s.optimizer),
    ("Learning rate", lambda s: f"{s.learning_rate:g}"),
    ("Momentum", lambda s: f"{s.momentum:g}"),
    ("Learning rate falls by", lambda s: s.schedule),
    ("Loss", lambda s: s.loss),
    ("Augmentation", lambda s: "on" if s.augmentation else "off"),
    ("Augmented copies of a slice", lambda s: str(s.augmented_copies)),
    ("Rounds without a better one before training stops", lambda s: str(s.patience or "none")),
    ("Folds", lambda s: str(s.folds)),
)
"""What a setting is called, and how its value is said."""


def departures(settings: RunSettings) -> tuple[str, ...]:
    """Compare a run with the publication.

    Args:
        settings: Of the run.

    Returns:
        Sentences for the report and the release.
    """
    published = RunSettings(task=HAIC_MRI)
    changed = tuple(
        f"{words}: {said(settings)} instead of {said(published)}."
        for words, said in _NAMED
        if said(settings) != said(published)
    )
    baseline = () if settings.paper_mode else (_BASELINE,)
    return (*changed, *baseline, *STANDING)
