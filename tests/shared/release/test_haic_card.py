import re
from dataclasses import replace

import numpy as np

from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm
from shared.release.haic_card import haic_card


def test_the_card_says_what_it_is_on_whom_how_it_did_and_what_it_is_not_for(haic_settings, models):
    card = haic_card(haic_settings, models)

    for part in (
        "# Prediction of progressive disease (PD) from MRI and clinic",
        "Research use only. Not a medical device",
        "60 invented patients",
        "64 held-out patients, 13 with progressive disease (PD)",
        "| fusion | 0.826 (0.682 to 0.970) | 0.769 (0.460 to 0.938) |",
        "## Must not be used for",
        "Any decision about the care of a patient.",
        "trained on invented patients",
        "fusion: second-order, 8 features",
        "The network has a quarter of InceptionV4's filters.",
        "450 wide and 320 high",
    ):
        assert part in card
    assert not re.search(r"\b(positive|negative)\b", card, re.IGNORECASE)


def test_models_of_real_patients_are_not_called_invented(haic_settings, models):
    real = replace(haic_settings.provenance, synthetic=False, training_patients=None)
    card = haic_card(replace(haic_settings, provenance=real), models)

    assert "invented" not in card
    assert "an undisclosed number of patients" in card


def test_what_is_known_only_after_treatment_began_is_named(haic_settings, models):
    columns = ("haic_cycles",)
    preparation = Preparation(columns, (), (), *(np.ones((1, 1)) for _ in range(3)))
    late = FittedSvm(preparation, 1, np.ones(2), 1.0, 0.0, 0.0)

    assert "HAIC cycles" in haic_card(haic_settings, {**models, "clinical-only": late})
    assert "HAIC cycles" not in haic_card(haic_settings, models)


def test_a_model_that_nobody_evaluated_says_so(haic_settings, models):
    card = haic_card(replace(haic_settings, evaluation=()), models)

    assert "Not evaluated." in card
