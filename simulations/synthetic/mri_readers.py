"""Two invented radiologists: what they call from the images of a patient.

Quan 2024 lets two radiologists call progressive disease from 16 findings; how findings became a
call is not stated. Ours see what the images show, thrombus included, through an error of their own.
"""

import math
from statistics import NormalDist

import numpy as np

from shared.cohort.fusion_columns import READERS
from simulations.synthetic.mri_clinical import thrombus_deviation
from simulations.synthetic.mri_outcome import Causes, Effects

_AGREEMENT = (0.80, 0.65)
"""Correlation of each reader's impression with what the images show.

With the demonstration's effects the areas of the hard calls are near 0.75 and 0.70; Quan 2024,
Table 3 prints 0.806 and 0.748 for its validation patients.
"""


def reader_calls(causes: Causes, effects: Effects, rng: np.random.Generator) -> dict[str, bool]:
    """Draw both readers' calls of progressive disease.

    A reader's impression is a standard normal score that correlates with the part of the log-odds
    which the images show. The call is made above the score that the population's share of
    progressive disease exceeds, so that a reader calls about as often as it happens.

    Args:
        causes: Of the patient.
        effects: How strong causes are, and the prevalence.
        rng: Source of the readers' errors.

    Returns:
        Calls by column name.
    """
    shown = effects.image * causes.image + effects.clinical * causes.thrombus
    spread = math.hypot(effects.image, effects.clinical * thrombus_deviation())
    score = shown / spread if spread else 0.0
    cut = NormalDist().inv_cdf(1.0 - effects.prevalence)
    errors = rng.standard_normal(len(READERS))
    return {
        name: bool(agreement * score + math.sqrt(1.0 - agreement**2) * error > cut)
        for name, agreement, error in zip(READERS, _AGREEMENT, errors.tolist(), strict=True)
    }
