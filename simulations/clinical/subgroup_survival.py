"""Overall and progression-free survival, of all patients and by subgroup, over sites and pooled.

Source: Quan 2024, Results (Kaplan-Meier, log-rank, hazard ratios by baseline cut-offs).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from server.federated_statistics import LONGEST_FOLLOW_UP, compare_survival
from shared.aggregation.pooled_tests import DAYS_PER_MONTH, MonthlyCurve
from shared.aggregation.sum_channel import SumChannel
from shared.cohort.analysis_columns import SUBGROUPS, Column
from shared.errors import DataError, HepafedError
from shared.stats.cox import HazardRatio, hazard_ratio
from shared.stats.logrank import LogRank, grouped_event_table, log_rank
from shared.stats.survival import (
    MedianSurvival,
    SurvivalCurve,
    event_table,
    kaplan_meier,
    median_survival,
    survival_at,
)

OUTCOMES = {"os": "Overall survival", "pfs": "Progression-free survival"}
EVERYBODY = "everybody"


@dataclass(frozen=True)
class Curve:
    """A curve read at the start of each month.

    Attributes:
        months: From 0.
        survival: Share free of the event, in [0, 1].
        at_risk: Patients under observation.
    """

    months: tuple[int, ...]
    survival: tuple[float, ...]
    at_risk: tuple[int, ...]


@dataclass(frozen=True)
class SurvivalTests:
    """Two groups compared.

    Attributes:
        chi_square: Of the log-rank test.
        log_rank_p: Its P.
        hazard_ratio: Of group 1 to group 0 (Cox, Efron's ties).
        lower: Lower 95% limit.
        upper: Upper 95% limit.
        cox_p: Wald's.
    """

    chi_square: float
    log_rank_p: float
    hazard_ratio: float
    lower: float
    upper: float
    cox_p: float


@dataclass(frozen=True)
class SurvivalComparison:
    """Survival of one division of the patients; groups in the order 0, 1.

    Attributes:
        name: Of the outcome and the division.
        patients: Per group.
        events: Per group.
        medians: Median, lower and upper limit per group, in days; NaN if not reached.
        curves: Per group.
        tests: Between the two groups; None with one group.
    """

    name: str
    patients: tuple[int, ...]
    events: tuple[int, ...]
    medians: tuple[tuple[float, float, float], ...]
    curves: tuple[Curve, ...]
    tests: SurvivalTests | None


@dataclass(frozen=True)
class SurvivalResults:
    """All comparisons, and why one is missing, by name.

    Attributes:
        comparisons: By name, such as ``os/ast_u_l_above_40``.
        refusals: By the same names.
    """

    comparisons: Mapping[str, SurvivalComparison]
    refusals: Mapping[str, str]


def division_names() -> list[tuple[str, str]]:
    """List every outcome with every division, everybody first."""
    divisions = (EVERYBODY, *(group.name for group in SUBGROUPS))
    return [(outcome, division) for outcome in OUTCOMES for division in divisions]


def federated_survival(channel: SumChannel, minimum: int) -> SurvivalResults:
    """Compare survival from sums: one exchange per comparison.

    Args:
        channel: The road of the sums.
        minimum: Smallest number at risk that a curve shows.

    Returns:
        Every comparison that could be made.
    """
    found, refusals = {}, {}
    for outcome, division in division_names():
        name = f"{outcome}/{division}"
        grouped = division != EVERYBODY
        try:
            result = compare_survival(
                channel,
                f"{outcome}_days",
                f"{outcome}_event",
                group=division if grouped else "",
                groups=2 if grouped else 1,
                minimum=minimum,
            )
        except HepafedError as error:
            refusals[name] = error.message
            continue
        found[name] = SurvivalComparison(
            name=name,
            patients=result.patients,
            events=result.events,
            medians=tuple(_limits(median) for median in result.medians),
            curves=tuple(_curve(curve) for curve in result.curves),
            tests=_tests(result.log_rank, result.hazard_ratio),
        )
    return SurvivalResults(found, refusals)


def pooled_survival(columns: Mapping[str, Column], minimum: int) -> SurvivalResults:
    """Compare survival of the pooled patients, with the same arguments and results."""
    found, refusals = {}, {}
    for outcome, division in division_names():
        name = f"{outcome}/{division}"
        try:
            found[name] = _pooled(name, columns, outcome, division, minimum)
        except HepafedError as error:
            refusals[name] = error.message
    return SurvivalResults(found, refusals)


def _pooled(
    name: str, columns: Mapping[str, Column], outcome: str, division: str, minimum: int
) -> SurvivalComparison:
    days, happened = columns[f"{outcome}_days"], columns[f"{outcome}_event"]
    groups = np.zeros(days.size) if division == EVERYBODY else columns[division]
    known = ~np.isnan(days) & ~np.isnan(happened) & ~np.isnan(groups)
    days, dead, codes = days[known], happened[known] == 1, groups[known].astype(np.int64)
    count = 1 if division == EVERYBODY else 2
    if np.any(days != np.rint(days)) or np.any(days > LONGEST_FOLLOW_UP):
        raise DataError(f"Expected whole days up to {LONGEST_FOLLOW_UP}, got others.")
    parts = [(days[codes == g], dead[codes == g]) for g in range(count)]
    if not all(part.size for part, _ in parts):
        raise DataError(f"Expected patients with follow-up in each of {count} groups.")
    table = grouped_event_table(days, dead, codes, count)
    curves = [kaplan_meier(event_table(part, flags)) for part, flags in parts]
    return SurvivalComparison(
        name=name,
        patients=tuple(part.size for part, _ in parts),
        events=tuple(int(flags.sum()) for _, flags in parts),
        medians=tuple(_limits(median_survival(curve)) for curve in curves),
        curves=tuple(
            _read_monthly(part, curve, minimum)
            for (part, _), curve in zip(parts, curves, strict=True)
        ),
        tests=_tests(
            log_rank(table) if count > 1 else None, hazard_ratio(table) if count > 1 else None
        ),
    )


def _limits(median: MedianSurvival) -> tuple[float, float, float]:
    return median.median, median.lower, median.upper


def _tests(test: LogRank | None, ratio: HazardRatio | None) -> SurvivalTests | None:
    if test is None or ratio is None:
        return None
    return SurvivalTests(test.chi_square, test.p, ratio.value, ratio.lower, ratio.upper, ratio.p)


def _curve(curve: MonthlyCurve) -> Curve:
    return Curve(
        tuple(curve.months.tolist()), tuple(curve.survival.tolist()), tuple(curve.at_risk.tolist())
    )


def _read_monthly(days: Column, curve: SurvivalCurve, minimum: int) -> Curve:
    months = np.arange(int(days.max() / DAYS_PER_MONTH) + 1)
    at_risk = np.array([np.count_nonzero(days >= m * DAYS_PER_MONTH) for m in months])
    shown = months[at_risk >= minimum]
    return Curve(
        tuple(shown.tolist()),
        tuple(survival_at(curve, shown * DAYS_PER_MONTH).tolist()),
        tuple(at_risk[at_risk >= minimum].tolist()),
    )
