"""Say whether a printed row of measures can come from one table of calls.

Five ratios of four whole numbers leave little freedom: with the group sizes known, a row printed
to three digits fits one table or none. Rows that fit none mix levels, thresholds or folds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from shared.errors import DataError
from shared.stats.confusion import ConfusionCounts

MEASURES = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
"""What a printed row may hold, in the order of the papers."""


@dataclass(frozen=True)
class PrintedRow:
    """Measures as a paper prints them, in [0, 1]; None where not printed.

    Attributes:
        sensitivity: Share of patients with the event who were called.
        specificity: Share of patients without the event who were not called.
        ppv: Share of called patients who had the event.
        npv: Share of patients not called who did not have it.
        accuracy: Share of patients called rightly.
        decimals: Digits printed after the point.
        may_be_truncated: Whether a number cut instead of rounded is accepted too; papers do both,
            sometimes in one table.
    """

    sensitivity: float | None = None
    specificity: float | None = None
    ppv: float | None = None
    npv: float | None = None
    accuracy: float | None = None
    decimals: int = 3
    may_be_truncated: bool = True


@dataclass(frozen=True)
class Feasibility:
    """The verdict on a printed row.

    Attributes:
        tables: Every table of calls that prints as the row; empty when there is none.
        reasons: Why there is none, in sentences; empty when there is one.
    """

    tables: tuple[ConfusionCounts, ...]
    reasons: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        """Whether at least one table prints as the row."""
        return bool(self.tables)


def check_row(row: PrintedRow, events: int, no_events: int) -> Feasibility:
    """Find every table of calls on these patients that prints as the row.

    Source: the definitions of the measures; every table is tried.

    Args:
        row: The printed measures, at least one.
        events: Patients with the event.
        no_events: Patients without it.

    Returns:
        All tables that fit, or the reasons why none does.

    Raises:
        DataError: When the row is empty, a measure is not in [0, 1], or a size is below 0.

    Example:
        >>> check_row(PrintedRow(sensitivity=0.769, specificity=0.882), 13, 51).tables
        (ConfusionCounts(event_called=10, event_missed=3, no_event_called=6, no_event_cleared=45),)
        >>> check_row(PrintedRow(sensitivity=0.651), 17, 110).reasons
        ('sensitivity 0.651 is not k/17 for any whole k',)
    """
    _require_possible(row, events, no_events)
    tables = tuple(_fitting(row, events, no_events))
    reasons = () if tables else tuple(_reasons(row, events, no_events))
    return Feasibility(tables, reasons)


def check_row_of_unknown_classes(row: PrintedRow, patients: int) -> Feasibility:
    """Find every table of calls on this many patients that prints as the row, whatever the classes.

    Args:
        row: The printed measures, at least one.
        patients: All patients; every number of events is tried, cubic work in the worst case.

    Returns:
        All tables that fit, or the reasons why none does.

    Raises:
        DataError: When the row is empty, a measure is not in [0, 1], or the size is below 0.

    Example:
        >>> row = PrintedRow(sensitivity=0.829, specificity=0.803, accuracy=0.725)
        >>> check_row_of_unknown_classes(row, 48).reasons[-1]
        'accuracy 0.725 does not lie between sensitivity 0.829 and specificity 0.803'
    """
    _require_possible(row, patients, patients)
    tables = tuple(
        table
        for events in range(patients + 1)
        for table in _fitting(row, events, patients - events)
    )
    if tables:
        return Feasibility(tables, ())
    reasons = [f"no split of {patients} patients into two classes gives this row"]
    return Feasibility((), (*reasons, *_between(row)))


def _fitting(row: PrintedRow, events: int, no_events: int) -> Iterator[ConfusionCounts]:
    """Yield the tables that print as the row, for known class sizes."""
    called = np.arange(events + 1)
    called = called[_prints_as(called, events, row.sensitivity, row)]
    cleared = np.arange(no_events + 1)
    cleared = cleared[_prints_as(cleared, no_events, row.specificity, row)]
    hit, clear = np.meshgrid(called, cleared, indexing="ij")
    false_call, miss = no_events - clear, events - hit
    fits = (
        _prints_as(hit, hit + false_call, row.ppv, row)
        & _prints_as(clear, clear + miss, row.npv, row)
        & _prints_as(hit + clear, events + no_events, row.accuracy, row)
    )
    for k, c in zip(hit[fits].tolist(), clear[fits].tolist(), strict=True):
        yield ConfusionCounts(k, events - k, no_events - c, c)


def _prints_as(
    count: Int[np.ndarray, "..."],
    total: int | Int[np.ndarray, "..."],
    printed: float | None,
    row: PrintedRow,
) -> Bool[np.ndarray, "..."]:
    """Tell which ratios print as the number; everything prints as a number that is not there."""
    if printed is None:
        return np.ones(np.shape(count), dtype=bool)
    totals = np.asarray(total)
    share: Float[np.ndarray, "..."] = count / np.maximum(totals, 1)
    unit = 10.0**-row.decimals
    # A thousandth of a unit absorbs the binary rounding of the printed decimal.
    slack = unit / 1000
    rounded = np.abs(share - printed) <= unit / 2 + slack
    cut = (share >= printed - slack) & (share < printed + unit - slack)
    return np.asarray((rounded | (cut & row.may_be_truncated)) & (totals > 0))


def _reasons(row: PrintedRow, events: int, no_events: int) -> Iterator[str]:
    """Explain why no table fits: first each number alone, then the numbers together."""
    alone = [
        f"{name} {printed:.{row.decimals}f} is not k/{total} for any whole k"
        for name, printed, total in (
            ("sensitivity", row.sensitivity, events),
            ("specificity", row.specificity, no_events),
            ("accuracy", row.accuracy, events + no_events),
        )
        if printed is not None and not _prints_as(np.arange(total + 1), total, printed, row).any()
    ]
    between = list(_between(row))
    yield from alone
    yield from between
    if not (alone or between):
        yield "each number is possible alone, but no one table gives them all"


def _between(row: PrintedRow) -> Iterator[str]:
    """Accuracy is a weighted mean of sensitivity and specificity, so it lies between them."""
    if row.accuracy is None or row.sensitivity is None or row.specificity is None:
        return
    low, high = sorted((row.sensitivity, row.specificity))
    unit = 10.0**-row.decimals
    if not low - unit <= row.accuracy <= high + unit:
        yield (
            f"accuracy {row.accuracy:.{row.decimals}f} does not lie between sensitivity "
            f"{row.sensitivity:.{row.decimals}f} and specificity {row.specificity:.{row.decimals}f}"
        )


def _require_possible(row: PrintedRow, events: int, no_events: int) -> None:
    """Refuse an empty row, numbers that are no shares, and sizes below 0."""
    printed = [v for v in (getattr(row, name) for name in MEASURES) if v is not None]
    if not printed or not all(0 <= v <= 1 for v in printed) or min(events, no_events) < 0:
        raise DataError(
            f"Expected at least one measure in [0, 1] and class sizes of 0 or more, got {row}, "
            f"{events} and {no_events}. Divide percentages by 100."
        )
