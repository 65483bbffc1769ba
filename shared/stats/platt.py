"""Platt scaling: turn a score into a probability by a logistic line with softened targets.

Source: Platt 1999, Probabilistic outputs for support vector machines; Lin, Lin and Weng 2007,
Machine Learning 68 (a stable fit).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from shared.errors import DataError
from shared.stats.inputs import require_both_classes, require_finite, require_flags
from shared.stats.irls import bernoulli_parts, newton_maximise


@dataclass(frozen=True)
class PlattScaling:
    """A line from score to log odds of the event.

    Attributes:
        slope: Log odds per unit of the score (Platt's -A).
        intercept: Log odds at a score of 0 (Platt's -B).
    """

    slope: float
    intercept: float


def platt_targets(events: int, no_events: int) -> tuple[float, float]:
    """Give the softened targets of patients with and without the event.

    One imagined patient of either class keeps the fit finite when the score separates them.
    Source: Platt 1999.

    Args:
        events: Patients with the event, at least 1; pooled over sites.
        no_events: Patients without it, at least 1.

    Returns:
        Target of patients with the event, and without.

    Example:
        >>> platt_targets(8, 18)
        (0.9, 0.05)
    """
    return (events + 1) / (events + 2), 1 / (no_events + 2)


def fit_platt(
    scores: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> PlattScaling:
    """Fit the line on scores of patients the model was not trained on.

    Args:
        scores: One finite out-of-fold score per patient; higher speaks for the event.
        events: Whether the event happened.

    Returns:
        The line.

    Raises:
        DataError: When a score is not finite, one class is empty, or all scores are equal.
        ConvergenceError: When the fit does not end.

    Example:
        >>> scores = np.array([-2.0, -1.0, 0.5, 1.0, 2.0])
        >>> line = fit_platt(scores, np.array([False, False, False, True, True]))
        >>> round(line.slope, 3), round(line.intercept, 3)
        (0.721, -0.493)
    """
    values = require_finite(scores, "scores")
    require_flags(events, values.size, "events")
    target_event, target_other = platt_targets(*require_both_classes(events))
    if np.ptp(values) == 0:
        raise DataError(
            "Expected scores that differ, got one score for every patient. Check the model: it "
            "has learned nothing."
        )
    targets = np.where(events, target_event, target_other)
    design = np.column_stack([values, np.ones(values.size)])
    found = newton_maximise(lambda beta: bernoulli_parts(design, targets, beta), np.zeros(2))
    return PlattScaling(slope=float(found.coefficients[0]), intercept=float(found.coefficients[1]))


def apply_platt(
    line: PlattScaling, scores: Float[np.ndarray, " patient"]
) -> Float[np.ndarray, " patient"]:
    """Turn scores into probabilities of the event.

    Source: Platt 1999.

    Args:
        line: From `fit_platt`.
        scores: Finite scores of the same model.

    Returns:
        Probabilities, in [0, 1].

    Raises:
        DataError: When a score is not finite.

    Example:
        >>> apply_platt(PlattScaling(slope=2.0, intercept=0.0), np.array([0.0])).tolist()
        [0.5]
    """
    return np.asarray(special.expit(line.slope * require_finite(scores, "scores") + line.intercept))
