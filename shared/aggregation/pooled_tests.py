"""Tests and curves from pooled sums, in the result types of ``shared.stats``."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy import special

from shared.errors import DataError
from shared.stats.logrank import GroupedEventTable
from shared.stats.survival import EventTable, SurvivalCurve
from shared.stats.two_samples import MannWhitney, TTest

DAYS_PER_MONTH = 30.4375
"""A twelfth of a Julian year."""


@dataclass(frozen=True)
class MonthlyCurve:
    """A survival curve read once a month, as it may be released.

    Days with an event belong to single patients; a monthly reading with the number at risk does
    not tell them.

    Attributes:
        months: From 0 up to the last month with enough patients at risk.
        survival: Share free of the event after each month, in [0, 1].
        lower: Lower limit; NaN where undefined.
        upper: Upper limit.
        at_risk: Patients under observation at the month.
    """

    months: Int64[np.ndarray, " _"]
    survival: Float64[np.ndarray, " _"]
    lower: Float64[np.ndarray, " _"]
    upper: Float64[np.ndarray, " _"]
    at_risk: Int64[np.ndarray, " _"]


def welch_from_moments(
    count: Int64[np.ndarray, " 2"],
    mean: Float64[np.ndarray, " 2"],
    squares: Float64[np.ndarray, " 2"],
) -> TTest:
    """Test equality of two means without assuming equal variances.

    Source: Welch 1947, Biometrika 34 (Satterthwaite's degrees of freedom).

    Args:
        count: Patients per group.
        mean: Per group.
        squares: Sum of squared deviations per group.

    Returns:
        The test; t and P are NaN when no spread is left.

    Raises:
        DataError: When a group has fewer than two patients.
    """
    if count.min() < 2:  # noqa: PLR2004 - a variance needs two
        raise DataError(
            f"Expected two patients or more with a value in each group, got {int(count.min())}. "
            "Pool more sites, or use the Mann-Whitney test."
        )
    parts = squares / (count - 1) / count
    variance = float(parts.sum())
    difference = float(mean[0] - mean[1])
    if variance == 0:
        return TTest(difference, math.nan, math.nan, math.nan)
    degrees = variance**2 / float(np.sum(parts**2 / (count - 1)))
    t = difference / math.sqrt(variance)
    return TTest(difference, t, degrees, float(2 * special.stdtr(degrees, -abs(t))))


def mann_whitney_from_counts(
    counts: Int64[np.ndarray, "2 cell"], *, continuity: bool = True
) -> MannWhitney:
    """Test whether one group tends to larger values, from counts on the measurement grid.

    Exact for values on the grid; values of one cell count as ties.
    Source: Mann and Whitney 1947; ties as in Lehmann 1975, Nonparametrics, section 1.4.

    Args:
        counts: Patients per group and cell; cells rise.
        continuity: Whether to move u by one half towards its expectation.

    Returns:
        The test.

    Raises:
        DataError: When a group is empty.
    """
    first, second = (int(n) for n in counts.sum(axis=1))
    if not first or not second:
        raise DataError(
            f"Expected values in both groups, got {first} and {second}. Compare other groups."
        )
    below = np.cumsum(counts[1]) - counts[1]
    u = float(np.sum(counts[0] * (2 * below + counts[1]))) / 2
    n = first + second
    tied = counts.sum(axis=0).astype(np.float64)
    spread = (float(n) ** 3 - n - float(np.sum(tied**3 - tied))) / (n * (n - 1))
    variance = first * second / 12 * spread
    deviation = u - first * second / 2
    shift = min(0.5, abs(deviation)) if continuity else 0.0
    z = math.copysign(abs(deviation) - shift, deviation) / math.sqrt(variance) if variance else 0.0
    return MannWhitney(u=u, z=z, p=float(2 * special.ndtr(-abs(z))))


def event_tables(
    events: Int64[np.ndarray, "group day"], censored: Int64[np.ndarray, "group day"]
) -> tuple[EventTable, ...]:
    """Make each group's table of days on which somebody left, from counts per day."""
    tables = []
    for happened, lost in zip(events, censored, strict=True):
        leaving = happened + lost
        at_risk = np.cumsum(leaving[::-1])[::-1]
        days = np.flatnonzero(leaving)
        tables.append(
            EventTable(days.astype(np.float64), at_risk[days], happened[days], lost[days])
        )
    return tuple(tables)


def grouped_table(
    events: Int64[np.ndarray, "group day"], censored: Int64[np.ndarray, "group day"]
) -> GroupedEventTable:
    """Make the table that the log-rank test and Cox's model use, from counts per day."""
    at_risk = np.cumsum((events + censored)[:, ::-1], axis=1)[:, ::-1]
    days = np.flatnonzero(events.sum(axis=0))
    return GroupedEventTable(days.astype(np.float64), at_risk[:, days], events[:, days])


def monthly_curve(table: EventTable, curve: SurvivalCurve, minimum: int) -> MonthlyCurve:
    """Read a curve once a month, while enough patients are at risk.

    Args:
        table: The counts the curve was made of, in days.
        curve: The curve.
        minimum: Smallest number at risk that may be shown.

    Returns:
        The readings, from month 0.
    """
    last = float(table.times[-1]) if table.times.size else 0.0
    months = np.arange(int(last / DAYS_PER_MONTH) + 1)
    day = months * DAYS_PER_MONTH
    # At risk at a day: those who leave on it or later.
    left = np.searchsorted(table.times, day, side="left")
    at_risk = np.append(table.at_risk, 0)[left]
    place = np.searchsorted(curve.times, day, side="right") - 1

    def read(values: Float64[np.ndarray, " _"], before: float) -> Float64[np.ndarray, " _"]:
        return np.where(place >= 0, np.append(values, before)[place], before)

    shown = at_risk >= minimum
    return MonthlyCurve(
        months=months[shown].astype(np.int64),
        survival=read(curve.survival, 1.0)[shown],
        lower=read(curve.lower, math.nan)[shown],
        upper=read(curve.upper, math.nan)[shown],
        at_risk=at_risk[shown],
    )
