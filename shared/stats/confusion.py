"""Counts of calls against a named event, and the measures made of them.

An undefined ratio (nobody was called, nobody had the event) is NaN, never an exception and never
a zero, so that a table of many models keeps its row.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from shared.errors import DataError
from shared.stats.inputs import require_flags
from shared.stats.intervals import IntervalMethod, Proportion, proportion


@dataclass(frozen=True)
class ConfusionCounts:
    """Patients by what happened and what was called.

    Attributes:
        event_called: The event happened and was called.
        event_missed: The event happened and was not called.
        no_event_called: The event did not happen but was called.
        no_event_cleared: The event did not happen and was not called.
    """

    event_called: int
    event_missed: int
    no_event_called: int
    no_event_cleared: int

    @property
    def events(self) -> int:
        """Patients with the event."""
        return self.event_called + self.event_missed

    @property
    def no_events(self) -> int:
        """Patients without the event."""
        return self.no_event_called + self.no_event_cleared

    @property
    def patients(self) -> int:
        """All patients."""
        return self.events + self.no_events


@dataclass(frozen=True)
class ConfusionMeasures:
    """What a clinical table prints of one operating point.

    Attributes:
        sensitivity: Share of patients with the event who were called.
        specificity: Share of patients without the event who were not called.
        ppv: Share of called patients who had the event (also called precision).
        npv: Share of patients not called who did not have the event.
        accuracy: Share of patients called rightly.
        f1: Harmonic mean of ppv and sensitivity, in [0, 1]; NaN when nobody had the event and
            nobody was called. Not a proportion of patients, so its interval is a bootstrap's.
    """

    sensitivity: Proportion
    specificity: Proportion
    ppv: Proportion
    npv: Proportion
    accuracy: Proportion
    f1: float


def confusion_counts(
    calls: Bool[np.ndarray, " patient"], events: Bool[np.ndarray, " patient"]
) -> ConfusionCounts:
    """Count calls against what happened.

    Args:
        calls: Whether the event was called.
        events: Whether the event happened, same patients in the same order.

    Returns:
        The four counts.

    Raises:
        DataError: When the flags are not booleans of one length.

    Example:
        >>> confusion_counts(np.array([True, True, False]), np.array([True, False, False]))
        ConfusionCounts(event_called=1, event_missed=0, no_event_called=1, no_event_cleared=1)
    """
    require_flags(calls, calls.size, "calls")
    require_flags(events, calls.size, "events")
    return ConfusionCounts(
        event_called=int(np.count_nonzero(calls & events)),
        event_missed=int(np.count_nonzero(~calls & events)),
        no_event_called=int(np.count_nonzero(calls & ~events)),
        no_event_cleared=int(np.count_nonzero(~calls & ~events)),
    )


def confusion_measures(
    counts: ConfusionCounts,
    level: float = 0.95,
    method: IntervalMethod = IntervalMethod.CLOPPER_PEARSON,
) -> ConfusionMeasures:
    """Make the measures of one table of calls, each with its interval.

    Source: Altman and Bland 1994, BMJ 308, 1552 and 309, 102 (sensitivity to predictive values);
    van Rijsbergen 1979, Information Retrieval, chapter 7 (F1).

    Args:
        counts: The four counts, none below 0.
        level: Confidence level, in (0, 1).
        method: Which interval; Clopper-Pearson unless a paper is being reproduced.

    Returns:
        The measures; NaN where a denominator is 0.

    Raises:
        DataError: When a count is below 0, or the level is impossible.

    Example:
        >>> measures = confusion_measures(ConfusionCounts(10, 3, 6, 45))
        >>> round(measures.sensitivity.value, 3), round(measures.ppv.value, 3)
        (0.769, 0.625)
        >>> round(measures.f1, 3)
        0.69
    """
    c = counts
    if min(c.event_called, c.event_missed, c.no_event_called, c.no_event_cleared) < 0:
        raise DataError(
            f"Expected counts of 0 or more, got {c}. Count patients, not differences of counts."
        )
    called, cleared = c.event_called + c.no_event_called, c.event_missed + c.no_event_cleared
    either = c.events + called
    return ConfusionMeasures(
        sensitivity=proportion(c.event_called, c.events, level, method),
        specificity=proportion(c.no_event_cleared, c.no_events, level, method),
        ppv=proportion(c.event_called, called, level, method),
        npv=proportion(c.no_event_cleared, cleared, level, method),
        accuracy=proportion(c.event_called + c.no_event_cleared, c.patients, level, method),
        f1=2 * c.event_called / either if either else math.nan,
    )
