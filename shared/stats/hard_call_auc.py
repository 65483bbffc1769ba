"""The area of a yes/no call, as Quan 2024 printed it, and the Hanley-McNeil standard error.

A yes/no call has one operating point, so its area is the mean of sensitivity and specificity. It
is not the area of a score: never set one beside the other as if they were the same quantity.
"""

import math

import numpy as np

from shared.errors import DataError
from shared.stats.confusion import ConfusionCounts
from shared.stats.delong import AucEstimate
from shared.stats.intervals import normal_quantile


def hard_call_auc(counts: ConfusionCounts, level: float = 0.95) -> AucEstimate:
    """Estimate the area of a yes/no call with the standard error that SPSS prints.

    The variance is [A(1 - A) + (m - 1)(Q1 - A^2) + (n - 1)(Q2 - A^2)] / mn, with m patients with
    the event, n without, and Q1, Q2 the shares of triples ranked right; a triple tied throughout
    counts one third. This reproduces every printed interval of the three yes/no readers in Table
    3 of Quan 2024; DeLong's interval does not.
    Source: Hanley and McNeil 1982, Radiology 143, equation 1, with Q1 and Q2 counted from the data.

    Args:
        counts: The four counts, with both classes present.
        level: Confidence level, in (0, 1).

    Returns:
        The area with its interval cut to [0, 1].

    Raises:
        DataError: When one class is empty, or the level is impossible.

    Example:
        >>> estimate = hard_call_auc(ConfusionCounts(14, 3, 9, 101))
        >>> round(estimate.auc, 3), round(estimate.lower, 3), round(estimate.upper, 3)
        (0.871, 0.761, 0.981)
    """
    m, n = counts.events, counts.no_events
    if not (m and n):
        raise DataError(
            f"Expected patients with and without the event, got {m} with and {n} without. "
            "Pool more sites, or report sensitivity or specificity alone."
        )
    area = (counts.event_called / m + counts.no_event_cleared / n) / 2
    # Two patients with the event against one without (Q1), and the other way round (Q2).
    q1 = (
        counts.no_event_cleared * _pairs_ahead(counts.event_called, counts.event_missed)
        + counts.no_event_called * _pairs_ahead(0, counts.event_called)
    ) / (n * m**2)
    q2 = (
        counts.event_called * _pairs_ahead(counts.no_event_cleared, counts.no_event_called)
        + counts.event_missed * _pairs_ahead(0, counts.no_event_cleared)
    ) / (m * n**2)
    return _with_interval(area, _variance(area, q1, q2, m, n), (m, n), level)


def hanley_mcneil_standard_error(auc: float, events: int, no_events: int) -> float:
    """Guess the standard error of a printed area from the group sizes alone.

    Good for judging whether a printed interval can be one over patients; where scores exist,
    use DeLong. Source: Hanley and McNeil 1982, Radiology 143, equations 1 and 2 (negative
    exponential scores).

    Args:
        auc: The printed area, in [0, 1].
        events: Patients with the event, at least 1.
        no_events: Patients without it, at least 1.

    Returns:
        The standard error.

    Raises:
        DataError: When the area or a group size is impossible.

    Example:
        >>> round(1.96 * hanley_mcneil_standard_error(0.802, 13, 35), 3)
        0.156
    """
    if not (0 <= auc <= 1 and events >= 1 and no_events >= 1):
        raise DataError(
            "Expected an area in [0, 1] and at least one patient in either class, got "
            f"{auc}, {events} with the event and {no_events} without. Check the printed row."
        )
    variance = _variance(auc, auc / (2 - auc), 2 * auc**2 / (1 + auc), events, no_events)
    return math.sqrt(max(variance, 0.0))


def _pairs_ahead(above: int, tied: int) -> float:
    """Count ordered pairs that rank ahead of a third patient, ties in part.

    Both above counts 1, one above and one tied 1/2 (both orders: above * tied), both tied 1/3.
    """
    return above**2 + above * tied + tied**2 / 3


def _variance(area: float, q1: float, q2: float, m: int, n: int) -> float:
    """Combine the parts of the Hanley-McNeil variance."""
    return (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)


def _with_interval(
    area: float, variance: float, sizes: tuple[int, int], level: float
) -> AucEstimate:
    """Wrap an area and its variance, with the normal interval cut to [0, 1]."""
    error = math.sqrt(max(variance, 0.0))
    half = normal_quantile(level) * error
    return AucEstimate(
        auc=area,
        variance=variance,
        standard_error=error,
        lower=float(np.clip(area - half, 0.0, 1.0)),
        upper=float(np.clip(area + half, 0.0, 1.0)),
        events=sizes[0],
        no_events=sizes[1],
    )
