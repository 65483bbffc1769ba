"""DeLong's variance, interval and paired test for areas under ROC curves.

Sources: DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44 (the estimator);
Sun and Xu 2014, IEEE Signal Processing Letters 21 (midranks: O(n log n) per model).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special
from scipy import stats as scipy_stats

from shared.stats.inputs import require_both_classes, require_finite, require_flags
from shared.stats.intervals import normal_quantile

ROUNDING_VARIANCE = 1e-30
"""Below this a variance is rounding: one patient of a million ranked otherwise gives 1e-25."""


@dataclass(frozen=True)
class AucEstimate:
    """An area under the ROC curve with its DeLong interval.

    Attributes:
        auc: The area, in [0, 1].
        variance: DeLong's variance; NaN with fewer than two patients in either class.
        standard_error: Its square root.
        lower: Lower limit, cut to [0, 1]; NaN where the variance is.
        upper: Upper limit, cut to [0, 1].
        events: Number of patients with the event.
        no_events: Number of patients without it.
    """

    auc: float
    variance: float
    standard_error: float
    lower: float
    upper: float
    events: int
    no_events: int


@dataclass(frozen=True)
class AucCovariance:
    """Areas of several models on the same patients, and their covariance.

    Attributes:
        aucs: One area per model, in [0, 1].
        covariance: DeLong's covariance; NaN with fewer than two patients in either class.
        events: Number of patients with the event.
        no_events: Number of patients without it.
    """

    aucs: Float[np.ndarray, " model"]
    covariance: Float[np.ndarray, "model model"]
    events: int
    no_events: int


@dataclass(frozen=True)
class PairedAucTest:
    """DeLong's test that two models have the same area on the same patients.

    Attributes:
        difference: Area of the first model minus area of the second.
        z: Difference over its standard error. 0 when the two models rank every pair alike; NaN
            when the areas differ but the variance is 0 or undefined.
        p: Two-sided P of a standard normal; NaN where z is.
    """

    difference: float
    z: float
    p: float


def placement_values(
    scores: Float[np.ndarray, "model patient"], events: Bool[np.ndarray, " patient"]
) -> Float[np.ndarray, "model patient"]:
    """Say, for each patient, the share of the other class that the model ranks correctly.

    For a patient with the event: the share of patients without it who score lower. For a patient
    without: the share of patients with it who score higher. Ties count one half. These are the
    V10 and V01 of DeLong 1988, in patient order.

    Args:
        scores: One row per model, one column per patient; finite; higher speaks for the event.
        events: Whether the event happened.

    Returns:
        Placements in [0, 1]; the mean over either class is the model's area.

    Raises:
        DataError: When a score is not finite, or one class is empty.

    Example:
        >>> placement_values(np.array([[3.0, 1.0, 2.0]]), np.array([True, True, False])).tolist()
        [[1.0, 0.0, 0.5]]
    """
    scores = require_finite(scores, "scores")
    require_flags(events, scores.shape[1], "events")
    with_event, without_event = require_both_classes(events)
    among_all = scipy_stats.rankdata(scores, axis=1)
    placements = np.empty_like(scores)
    within = scipy_stats.rankdata(scores[:, events], axis=1)
    placements[:, events] = (among_all[:, events] - within) / without_event
    within = scipy_stats.rankdata(scores[:, ~events], axis=1)
    placements[:, ~events] = (with_event - (among_all[:, ~events] - within)) / with_event
    return placements


def delong_covariance(
    scores: Float[np.ndarray, "model patient"], events: Bool[np.ndarray, " patient"]
) -> AucCovariance:
    """Estimate the areas of several models on the same patients, with their covariance.

    Source: DeLong 1988: S10/m + S01/n, sample covariances of the placements.

    Args:
        scores: One row per model, one column per patient; finite; higher speaks for the event.
        events: Whether the event happened.

    Returns:
        Areas and covariance.

    Raises:
        DataError: When a score is not finite, or one class is empty.

    Example:
        >>> scores = np.array([[0.9, 0.4, 0.6, 0.1], [0.8, 0.7, 0.2, 0.3]])
        >>> result = delong_covariance(scores, np.array([True, True, False, False]))
        >>> result.aucs.tolist(), result.covariance.tolist()
        ([0.75, 1.0], [[0.125, 0.0], [0.0, 0.0]])
    """
    placements = placement_values(scores, events)
    of_events, of_others = placements[:, events], placements[:, ~events]
    return AucCovariance(
        aucs=np.mean(of_events, axis=1),
        covariance=_covariance_of_mean(of_events) + _covariance_of_mean(of_others),
        events=of_events.shape[1],
        no_events=of_others.shape[1],
    )


def auc_delong(
    scores: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
    level: float = 0.95,
) -> AucEstimate:
    """Estimate one area with DeLong's interval, cut to [0, 1] as R's pROC does.

    An area of exactly 0 or 1 has variance 0 and an interval of width 0: the method has nothing to
    say there, and a proportion interval or more patients are needed.

    Args:
        scores: One finite score per patient; higher speaks for the event.
        events: Whether the event happened.
        level: Confidence level, in (0, 1).

    Returns:
        The area with variance and interval.

    Raises:
        DataError: When a score is not finite, one class is empty, or the level is not in (0, 1).

    Example:
        >>> scores = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1])
        >>> estimate = auc_delong(scores, np.array([True, True, True, False, False, False]))
        >>> round(estimate.auc, 4), round(estimate.lower, 4), estimate.upper
        (0.8889, 0.5809, 1.0)
    """
    half_width_in_errors = normal_quantile(level)
    pooled = delong_covariance(np.asarray(scores)[np.newaxis, :], events)
    area, variance = float(pooled.aucs[0]), float(pooled.covariance[0, 0])
    error = math.sqrt(variance)
    return AucEstimate(
        auc=area,
        variance=variance,
        standard_error=error,
        lower=float(np.clip(area - half_width_in_errors * error, 0.0, 1.0)),
        upper=float(np.clip(area + half_width_in_errors * error, 0.0, 1.0)),
        events=pooled.events,
        no_events=pooled.no_events,
    )


def delong_paired_test(
    first: Float[np.ndarray, " patient"],
    second: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
) -> PairedAucTest:
    """Test whether two models scored on the same patients have the same area.

    The variance is taken of the differences of placements, which equals
    var(first) + var(second) - 2 cov and is exactly 0 for models that rank alike.
    Source: DeLong 1988, the test of one contrast.

    Args:
        first: Scores of the first model; finite; higher speaks for the event.
        second: Scores of the second model, same patients in the same order.
        events: Whether the event happened.

    Returns:
        Difference, z and two-sided P.

    Raises:
        DataError: When a score is not finite, or one class is empty.

    Example:
        >>> a, b = np.array([0.9, 0.4, 0.6, 0.1]), np.array([0.8, 0.7, 0.2, 0.3])
        >>> test = delong_paired_test(a, b, np.array([True, True, False, False]))
        >>> test.difference, round(test.z, 4), round(test.p, 4)
        (-0.25, -0.7071, 0.4795)
    """
    placements = placement_values(np.stack([first, second]), events)
    gap = placements[:1] - placements[1:]
    of_events, of_others = gap[:, events], gap[:, ~events]
    variance = float((_covariance_of_mean(of_events) + _covariance_of_mean(of_others))[0, 0])
    difference = float(np.mean(of_events))
    if variance > ROUNDING_VARIANCE:
        z = difference / math.sqrt(variance)
    else:
        z = 0.0 if variance <= ROUNDING_VARIANCE and difference == 0 else math.nan
    return PairedAucTest(difference=difference, z=z, p=float(2 * special.ndtr(-abs(z))))


def _covariance_of_mean(
    placements: Float[np.ndarray, "model patient"],
) -> Float[np.ndarray, "model model"]:
    """Estimate the covariance of row means: the sample covariance over the number of patients."""
    models, patients = placements.shape
    if patients < 2:  # noqa: PLR2004 - a sample variance needs two
        return np.full((models, models), np.nan)
    centred = placements - placements.mean(axis=1, keepdims=True)
    scatter: Float[np.ndarray, "model model"] = np.dot(centred, centred.T)
    scatter /= (patients - 1) * patients
    return scatter
