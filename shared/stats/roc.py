"""The empirical ROC curve and the area under it, ties included.

A higher score speaks for the event; the caller names the event by its flags.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats as scipy_stats

from shared.stats.inputs import require_both_classes, require_finite, require_flags


@dataclass(frozen=True)
class RocCurve:
    """Operating points from "nobody is called" to "everybody is called".

    Attributes:
        thresholds: Strictly falling; a patient is called when score >= threshold. The first is
            +infinity, the others are the distinct scores.
        sensitivity: Share of patients with the event who are called, in [0, 1], rising.
        specificity: Share of patients without the event who are not called, in [0, 1], falling.
    """

    thresholds: Float[np.ndarray, " _"]
    sensitivity: Float[np.ndarray, " _"]
    specificity: Float[np.ndarray, " _"]


def roc_curve(
    scores: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> RocCurve:
    """Trace every operating point of a score; tied patients share one point.

    Source: Fawcett 2006, "An introduction to ROC analysis", Pattern Recognition Letters 27,
    algorithm 1 (equally scored instances).

    Args:
        scores: One finite score per patient; higher speaks for the event.
        events: Whether the event happened.

    Returns:
        The curve, one point per distinct score and one before them.

    Raises:
        DataError: When a score is not finite, or one class is empty.

    Example:
        >>> curve = roc_curve(np.array([0.9, 0.4, 0.4]), np.array([True, True, False]))
        >>> curve.thresholds.tolist(), curve.sensitivity.tolist(), curve.specificity.tolist()
        ([inf, 0.9, 0.4], [0.0, 0.5, 1.0], [1.0, 1.0, 0.0])
    """
    scores = require_finite(scores, "scores")
    require_flags(events, scores.size, "events")
    with_event, without_event = require_both_classes(events)
    distinct, position = np.unique(-scores, return_inverse=True)
    called_events = np.cumsum(np.bincount(position[events], minlength=distinct.size))
    called_others = np.cumsum(np.bincount(position[~events], minlength=distinct.size))
    return RocCurve(
        thresholds=np.concatenate(([np.inf], -distinct)),
        sensitivity=np.concatenate(([0.0], called_events / with_event)),
        specificity=np.concatenate(([1.0], 1.0 - called_others / without_event)),
    )


def auc(scores: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]) -> float:
    """Estimate the probability that a patient with the event scores above one without.

    Ties count one half (midranks), which is the trapezoidal area under `roc_curve`.
    Source: Mann and Whitney 1947; Bamber 1975, J Math Psychol 12.

    Args:
        scores: One finite score per patient; higher speaks for the event.
        events: Whether the event happened.

    Returns:
        The area, in [0, 1].

    Raises:
        DataError: When a score is not finite, or one class is empty.

    Example:
        >>> auc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False]))
        0.875
    """
    scores = require_finite(scores, "scores")
    require_flags(events, scores.size, "events")
    with_event, without_event = require_both_classes(events)
    rank_sum = float(np.sum(scipy_stats.rankdata(scores)[events]))
    return (rank_sum - with_event * (with_event + 1) / 2) / (with_event * without_event)
