"""Whether predicted probabilities are right: calibration line, Brier score, ECE."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from shared.errors import DataError
from shared.stats.inputs import require_both_classes, require_finite, require_flags
from shared.stats.irls import bernoulli_parts, newton_maximise, solve_information

CERTAIN = 1e-12
"""Probabilities of exactly 0 or 1 are moved this far inwards: their log odds are infinite."""


@dataclass(frozen=True)
class CalibrationLine:
    """Logistic recalibration of predicted probabilities.

    Attributes:
        intercept: Log odds of the event where the prediction says one half; 0 is right.
        slope: Change of log odds per predicted log odds; 1 is right, below 1 too extreme.
        intercept_error: Standard error of the intercept.
        slope_error: Standard error of the slope.
        in_the_large: Intercept with the slope held at 1: above 0, risks are underestimated.
        in_the_large_error: Its standard error.
    """

    intercept: float
    slope: float
    intercept_error: float
    slope_error: float
    in_the_large: float
    in_the_large_error: float


@dataclass(frozen=True)
class ReliabilityBins:
    """Predictions and outcomes by bin of predicted probability; sums, so that sites add up.

    Attributes:
        edges: Bin edges from 0 to 1, one more than bins; a bin holds its lower edge, the last
            one both.
        patients: Patients per bin.
        probability_sum: Sum of predicted probabilities per bin.
        events: Patients with the event per bin.
    """

    edges: Float[np.ndarray, " _"]
    patients: Int[np.ndarray, " _"]
    probability_sum: Float[np.ndarray, " _"]
    events: Int[np.ndarray, " _"]


def calibration_line(
    probabilities: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> CalibrationLine:
    """Regress the event on the predicted log odds.

    Source: Cox 1958, Biometrika 45 (the line); Steyerberg 2019, Clinical Prediction Models,
    chapter 15 (in the large: offset). R: `glm(y ~ qlogis(p))`, `glm(y ~ 1, offset = qlogis(p))`.

    Args:
        probabilities: Predicted probability of the event, in [0, 1].
        events: Whether the event happened.

    Returns:
        The line; intercept and slope are NaN where none exists, because all predictions are
        alike or separate the classes.

    Raises:
        DataError: When a probability is not in [0, 1], or one class is empty.
        ConvergenceError: When a fit does not end.

    Example:
        >>> p = np.array([0.1, 0.2, 0.6, 0.3, 0.7, 0.9])
        >>> line = calibration_line(p, np.array([False, False, False, True, True, True]))
        >>> round(line.slope, 3), round(line.in_the_large, 3)
        (1.123, 0.199)
    """
    clipped = np.clip(_checked(probabilities, events), CERTAIN, 1 - CERTAIN)
    require_both_classes(events)
    log_odds = special.logit(clipped)
    targets = events.astype(np.float64)
    ones = np.ones((targets.size, 1))
    # From 0, predictions far from the truth would make the first step fly off.
    start = np.array([special.logit(targets.mean()) - log_odds.mean()])
    large = newton_maximise(lambda beta: bernoulli_parts(ones, targets, beta, log_odds), start)
    (intercept, slope), (intercept_error, slope_error) = _line(log_odds, targets, events)
    return CalibrationLine(
        intercept=intercept,
        slope=slope,
        intercept_error=intercept_error,
        slope_error=slope_error,
        in_the_large=float(large.coefficients[0]),
        in_the_large_error=1 / math.sqrt(float(large.parts.information[0, 0])),
    )


def brier_score(
    probabilities: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> float:
    """Give the mean squared distance of predictions from what happened.

    Source: Brier 1950, Monthly Weather Review 78 (the two-class form, halved as is usual).

    Args:
        probabilities: Predicted probability of the event, in [0, 1].
        events: Whether the event happened; one class alone will do.

    Returns:
        The score, in [0, 1]; 0 is perfect.

    Raises:
        DataError: When a probability is not in [0, 1], or there are no patients.

    Example:
        >>> round(brier_score(np.array([0.9, 0.2]), np.array([True, False])), 6)
        0.025
    """
    values = _checked(probabilities, events)
    return float(np.mean((values - events) ** 2))


def reliability_bins(
    probabilities: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
    bins: int = 10,
) -> ReliabilityBins:
    """Sum predictions and outcomes in equally wide bins of predicted probability.

    Source: DeGroot and Fienberg 1983, The Statistician 32 (reliability diagram).

    Args:
        probabilities: Predicted probability of the event, in [0, 1].
        events: Whether the event happened.
        bins: Number of bins, at least 1.

    Returns:
        The sums per bin.

    Raises:
        DataError: When a probability is not in [0, 1], or there are no patients or bins.

    Example:
        >>> table = reliability_bins(np.array([0.1, 0.4, 0.5]), np.array([True, False, True]), 2)
        >>> table.patients.tolist(), table.probability_sum.tolist(), table.events.tolist()
        ([2, 1], [0.5, 0.5], [1, 1])
    """
    values = _checked(probabilities, events)
    if bins < 1:
        raise DataError(f"Expected at least one bin, got {bins}. Ask for 10.")
    edges = np.linspace(0.0, 1.0, bins + 1)
    bin_of = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    return ReliabilityBins(
        edges=edges,
        patients=np.bincount(bin_of, minlength=bins),
        probability_sum=np.bincount(bin_of, weights=values, minlength=bins),
        events=np.bincount(bin_of[events], minlength=bins),
    )


def expected_calibration_error(table: ReliabilityBins) -> float:
    """Give the mean distance of predicted from observed share over bins, weighted by patients.

    Source: Naeini, Cooper and Hauskrecht 2015, AAAI (ECE), for the named event's probability.

    Args:
        table: Sums per bin; those of several sites may be added first.

    Returns:
        The error, in [0, 1]; NaN without patients.

    Example:
        >>> bins = reliability_bins(np.array([0.1, 0.4, 0.5]), np.array([True, False, True]), 2)
        >>> round(expected_calibration_error(bins), 6)
        0.333333
    """
    patients = int(table.patients.sum())
    if not patients:
        return math.nan
    return float(np.abs(table.probability_sum - table.events).sum() / patients)


def _line(
    log_odds: Float[np.ndarray, " patient"],
    targets: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Fit intercept and slope with their errors; NaN where the likelihood has no maximum."""
    nothing = ((math.nan, math.nan), (math.nan, math.nan))
    design = np.column_stack([np.ones(targets.size), log_odds])
    of_events, of_others = log_odds[events], log_odds[~events]
    if of_events.min() >= of_others.max() or of_events.max() <= of_others.min():
        return nothing
    found = newton_maximise(lambda beta: bernoulli_parts(design, targets, beta), np.zeros(2))
    errors = np.sqrt(np.diagonal(solve_information(found.parts.information, np.eye(2))))
    intercept, slope = (float(b) for b in found.coefficients)
    return (intercept, slope), (float(errors[0]), float(errors[1]))


def _checked(
    probabilities: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> Float[np.ndarray, " patient"]:
    """Return probabilities as float64, or refuse those that are none."""
    values = require_finite(probabilities, "probabilities")
    require_flags(events, values.size, "events")
    if values.size == 0 or values.min() < 0 or values.max() > 1:
        raise DataError(
            f"Expected {values.size or 'at least one'} probabilities in [0, 1], got some outside "
            "or none. Turn scores into probabilities first (Platt scaling)."
        )
    return values
