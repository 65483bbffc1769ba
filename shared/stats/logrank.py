"""The log-rank test from counts of groups at risk and events per time."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import linalg, special

from shared.errors import DataError
from shared.stats.inputs import require_finite, require_flags

SINGULAR = 1e-10
"""A variance this small beside the largest is the rounding of 0."""


@dataclass(frozen=True)
class GroupedEventTable:
    """Counts per group (rows) and distinct time (columns), over groups of one cohort.

    Attributes:
        times: Distinct times at which an event happened in any group, rising.
        at_risk: Patients under observation just before the time.
        events: Patients whose event happened at the time.
    """

    times: Float[np.ndarray, " _"]
    at_risk: Int[np.ndarray, "_ _"]
    events: Int[np.ndarray, "_ _"]


@dataclass(frozen=True)
class LogRank:
    """A test that groups have one survival curve.

    Attributes:
        chi_square: The statistic; NaN when fewer than two groups are ever at risk of an event.
        degrees: Degrees of freedom.
        p: Upper-tail P; NaN where the statistic is.
        observed: Events per group.
        expected: Events per group expected under one curve.
    """

    chi_square: float
    degrees: int
    p: float
    observed: Int[np.ndarray, " _"]
    expected: Float[np.ndarray, " _"]


def grouped_event_table(
    times: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
    groups: Int[np.ndarray, " patient"],
    group_count: int,
) -> GroupedEventTable:
    """Count patients at risk and events per group at each time with an event.

    Source: Kalbfleisch and Prentice 2002, section 1.5.

    Args:
        times: Follow-up of each patient, finite and not below 0.
        events: Whether follow-up ended with the event.
        groups: Group of each patient, from 0.
        group_count: How many groups there are; a group may be empty.

    Returns:
        The counts.

    Raises:
        DataError: When a time is not finite or below 0, or a group is out of range.

    Example:
        >>> t, e = np.array([2.0, 4.0, 4.0, 6.0]), np.array([True, True, False, False])
        >>> table = grouped_event_table(t, e, np.array([0, 0, 1, 1]), 2)
        >>> table.times.tolist(), table.at_risk.tolist(), table.events.tolist()
        ([2.0, 4.0], [[2, 1], [2, 2]], [[1, 1], [0, 0]])
    """
    follow_up = require_finite(times, "follow-up times")
    require_flags(events, follow_up.size, "events")
    if follow_up.size and (follow_up.min() < 0 or groups.min() < 0 or groups.max() >= group_count):
        raise DataError(
            f"Expected times of 0 or more and groups from 0 to {group_count - 1}, got some "
            "outside. Count time from the first treatment day, and groups from 0."
        )
    at = np.unique(follow_up[events])
    at_risk, happened = [], []
    for group in range(group_count):
        of_group = np.sort(follow_up[groups == group])
        at_risk.append(of_group.size - np.searchsorted(of_group, at))
        position = np.searchsorted(at, follow_up[events & (groups == group)])
        happened.append(np.bincount(position, minlength=at.size))
    return GroupedEventTable(at, np.array(at_risk, dtype=np.int64), np.array(happened, np.int64))


def log_rank(table: GroupedEventTable) -> LogRank:
    """Test that the groups have one survival curve.

    Times with one patient at risk add to the expected events but have no variance.
    Source: Mantel 1966; Peto and Peto 1972; variance as in Kalbfleisch and Prentice 2002,
    section 1.5. R: `survdiff`.

    Args:
        table: Counts per group and time; those of several sites may be added on common times.

    Returns:
        The test.

    Example:
        >>> t = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        >>> groups = np.array([0, 0, 0, 1, 1, 1])
        >>> table = grouped_event_table(t, np.ones(6, dtype=bool), groups, 2)
        >>> test = log_rank(table)
        >>> round(test.chi_square, 4), round(test.p, 4)
        (5.0517, 0.0246)
    """
    at_risk, events = table.at_risk.astype(np.float64), table.events.astype(np.float64)
    total, died = at_risk.sum(axis=0), events.sum(axis=0)
    share = at_risk / np.maximum(total, 1)
    expected = (share * died).sum(axis=1)
    spread = np.where(total > 1, died * (total - died) / np.maximum(total - 1, 1), 0.0)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    deviation = events.sum(axis=1) - expected
    # The deviations sum to 0, over all groups and over any that are never at risk together, so
    # the covariance is singular: its own directions tell the degrees of freedom.
    variances, directions = linalg.eigh(covariance)
    informative = variances > SINGULAR * max(
        float(covariance.diagonal().max(initial=0.0)), SINGULAR
    )
    degrees = int(np.count_nonzero(informative))
    along = deviation @ directions[:, informative]
    chi_square = float(np.sum(along**2 / variances[informative])) if degrees else math.nan
    return LogRank(
        chi_square=chi_square,
        degrees=degrees,
        p=float(special.chdtrc(degrees, chi_square)) if degrees else math.nan,
        observed=table.events.sum(axis=1),
        expected=expected,
    )
