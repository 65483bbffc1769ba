"""Kaplan-Meier curves with Greenwood's error and median survival, made from counts per time.

The counts (at risk, events, censored at each time) add up over sites; every function after
`event_table` takes counts only.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from shared.errors import DataError
from shared.stats.inputs import require_finite, require_flags
from shared.stats.intervals import normal_quantile

LEVEL_SURVIVAL = 1e-9
"""Distance below which survival counts as exactly one half, so that rounding moves no median."""


@dataclass(frozen=True)
class EventTable:
    """What happened at each distinct time; all arrays are of one length, times rising.

    Attributes:
        times: Distinct follow-up times, in the caller's unit (days or months).
        at_risk: Patients under observation just before the time.
        events: Patients whose event happened at the time.
        censored: Patients last seen, without the event, at the time; they count as at risk there.
    """

    times: Float[np.ndarray, " _"]
    at_risk: Int[np.ndarray, " _"]
    events: Int[np.ndarray, " _"]
    censored: Int[np.ndarray, " _"]


@dataclass(frozen=True)
class SurvivalCurve:
    """A Kaplan-Meier curve; all arrays are of one length, one entry per time of the table.

    Attributes:
        times: Distinct follow-up times; survival falls at times with events.
        survival: Estimated probability of being free of the event after the time, in [0, 1].
        standard_error: Greenwood's; NaN once nobody is left.
        lower: Lower limit; NaN before the first event and once nobody is left.
        upper: Upper limit; NaN likewise.
    """

    times: Float[np.ndarray, " _"]
    survival: Float[np.ndarray, " _"]
    standard_error: Float[np.ndarray, " _"]
    lower: Float[np.ndarray, " _"]
    upper: Float[np.ndarray, " _"]


@dataclass(frozen=True)
class MedianSurvival:
    """Median time to the event with its interval, in the unit of the times.

    Attributes:
        median: Time by which half have had the event; NaN if the curve stays above.
        lower: Lower limit; NaN if not reached.
        upper: Upper limit; NaN if not reached.
    """

    median: float
    lower: float
    upper: float


def event_table(
    times: Float[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> EventTable:
    """Count patients at risk, events and censorings at each distinct time.

    Censorings at the time of an event come after it.
    Source: Kaplan and Meier 1958, JASA 53, section 2.

    Args:
        times: Follow-up of each patient, finite and not below 0, one unit throughout.
        events: Whether follow-up ended with the event (else censored).

    Returns:
        The table.

    Raises:
        DataError: When there are no patients, or a time is not finite or below 0.

    Example:
        >>> table = event_table(np.array([3.0, 5.0, 5.0, 8.0]), np.array([True, True, False, True]))
        >>> table.times.tolist(), table.at_risk.tolist(), table.events.tolist()
        ([3.0, 5.0, 8.0], [4, 3, 1], [1, 1, 1])
    """
    follow_up = require_finite(times, "follow-up times")
    require_flags(events, follow_up.size, "events")
    if follow_up.size == 0 or follow_up.min() < 0:
        raise DataError(
            f"Expected follow-up times of 0 or more, got {follow_up.size} patients, some below 0 "
            "or none at all. Count time from the first treatment day."
        )
    distinct, position = np.unique(follow_up, return_inverse=True)
    leaving = np.bincount(position, minlength=distinct.size)
    happened = np.bincount(position[events], minlength=distinct.size)
    return EventTable(
        times=distinct,
        at_risk=np.cumsum(leaving[::-1])[::-1],
        events=happened,
        censored=leaving - happened,
    )


def kaplan_meier(table: EventTable, level: float = 0.95) -> SurvivalCurve:
    """Estimate survival from counts, with log-log limits, which stay in [0, 1].

    Source: Kaplan and Meier 1958 (the estimate); Greenwood 1926 (the error); Kalbfleisch and
    Prentice 2002, section 1.4 (log-log limits). R: `survfit(conf.type = "log-log")`.

    Args:
        table: Counts per time.
        level: Confidence level, in (0, 1).

    Returns:
        The curve.

    Raises:
        DataError: When the level is impossible.

    Example:
        >>> table = event_table(np.array([3.0, 5.0, 5.0, 8.0]), np.array([True, True, False, True]))
        >>> kaplan_meier(table).survival.tolist()
        [0.75, 0.5, 0.0]
    """
    z = normal_quantile(level)
    at_risk, died = table.at_risk.astype(np.float64), table.events.astype(np.float64)
    survival = np.cumprod(1 - died / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Once nobody is left the sum is infinite and its product with 0 undefined: NaN.
        greenwood = np.sqrt(np.cumsum(died / (at_risk * (at_risk - died))))
        log_survival = np.log(survival)
        factor = np.exp(z * greenwood / -log_survival)
        inside = (survival > 0) & (survival < 1)
        lower = np.where(inside, np.exp(log_survival * factor), np.nan)
        upper = np.where(inside, np.exp(log_survival / factor), np.nan)
        error = np.where(survival > 0, survival * greenwood, np.nan)
    return SurvivalCurve(table.times, survival, error, lower, upper)


def median_survival(curve: SurvivalCurve) -> MedianSurvival:
    """Read the median off the curve, and its limits off the curve's limits.

    Where the curve runs level at exactly one half, the middle of that stretch is taken, as R does.
    Source: Brookmeyer and Crowley 1982, Biometrics 38. R: `summary(survfit(...))$table`.

    Args:
        curve: From `kaplan_meier`.

    Returns:
        Median and limits.

    Example:
        >>> table = event_table(np.array([3.0, 5.0, 7.0, 8.0]), np.array([True, True, True, True]))
        >>> median_survival(kaplan_meier(table)).median
        6.0
    """
    return MedianSurvival(
        median=_time_of_one_half(curve.times, curve.survival),
        lower=_time_of_one_half(curve.times, curve.lower),
        upper=_time_of_one_half(curve.times, curve.upper),
    )


def survival_at(curve: SurvivalCurve, times: Float[np.ndarray, " _"]) -> Float[np.ndarray, " _"]:
    """Read survival off the curve at given times.

    Source: Kaplan and Meier 1958 (a right-continuous step function).

    Args:
        curve: From `kaplan_meier`.
        times: Times of 0 or more, in the curve's unit.

    Returns:
        Survival, in [0, 1]; 1 before the first event, the last value after the last time.

    Example:
        >>> table = event_table(np.array([3.0, 5.0]), np.array([True, True]))
        >>> survival_at(kaplan_meier(table), np.array([0.0, 3.0, 4.0])).tolist()
        [1.0, 0.5, 0.5]
    """
    steps = np.concatenate(([1.0], curve.survival))
    return np.asarray(steps[np.searchsorted(curve.times, times, side="right")])


def _time_of_one_half(times: Float[np.ndarray, " _"], curve: Float[np.ndarray, " _"]) -> float:
    """Find when a falling step curve reaches one half; NaN entries are passed over."""
    below = np.flatnonzero(curve <= 0.5 + LEVEL_SURVIVAL)
    if below.size == 0:
        return math.nan
    first = int(below[0])
    later = np.flatnonzero(curve < 0.5 - LEVEL_SURVIVAL)
    # Level at one half up to the next fall, if there is one.
    if curve[first] >= 0.5 - LEVEL_SURVIVAL and later.size:
        return float((times[first] + times[int(later[0])]) / 2)
    return float(times[first])
