"""The server's part of the statistics: tests, curves and regressions over all sites.

What leaves a site: counts per group and level, counts per group and day of follow-up, moments,
and the sums of logistic regressions. Day tables exist as pooled sums only; released curves are
read once a month. All results equal those of the pooled patients to rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from server.federated_moments import Columns, column_moments, part_sizes, request_of
from server.logistic_exchanges import fit_models
from shared.aggregation.pooled_tests import (
    MonthlyCurve,
    event_tables,
    grouped_table,
    mann_whitney_from_counts,
    monthly_curve,
    welch_from_moments,
)
from shared.aggregation.sum_channel import SumChannel, over_steady_sites
from shared.errors import DataError
from shared.messages.moments import Moment
from shared.messages.statistics import FollowUpRequest, LogisticRequest, LogisticStep
from shared.privacy.disclosure_rules import MINIMUM_COUNT, refuse_many_parameters
from shared.stats.association import Comparison, TableTest
from shared.stats.contingency import ChiSquare, chi_square, fisher_exact
from shared.stats.cox import HazardRatio, hazard_ratio
from shared.stats.logistic import LogisticFit
from shared.stats.logrank import LogRank, log_rank
from shared.stats.survival import MedianSurvival, kaplan_meier, median_survival
from shared.stats.two_samples import MannWhitney, TTest

LONGEST_FOLLOW_UP = 7305
"""Days: twenty years; a day beyond is refused at the site, not cut."""


@dataclass(frozen=True)
class FederatedSurvival:
    """Survival of all sites' patients, by group.

    Attributes:
        patients: Per group.
        events: Per group.
        medians: Per group, in days.
        curves: Per group, monthly.
        log_rank: Test of equal curves; None with one group.
        hazard_ratio: Of group 1 to group 0; None unless there are two groups.
        sites: Whose patients they are.
    """

    patients: tuple[int, ...]
    events: tuple[int, ...]
    medians: tuple[MedianSurvival, ...]
    curves: tuple[MonthlyCurve, ...]
    log_rank: LogRank | None
    hazard_ratio: HazardRatio | None
    sites: tuple[str, ...]


@dataclass(frozen=True)
class CategoryTest:
    """A table of counts by group, and its tests.

    Attributes:
        table: Groups by levels.
        chi_square: Pearson's, without continuity correction.
        fisher_p: Fisher's exact P.
        recommended: Which of them the table calls for, by Cochran's rule.
    """

    table: Int64[np.ndarray, "2 level"]
    chi_square: ChiSquare
    fisher_p: float
    recommended: Comparison


def compare_survival(  # noqa: PLR0913 - two columns and a group, a limit, a level and a policy
    channel: SumChannel,
    time: str,
    event: str,
    *,
    group: str = "",
    groups: int = 1,
    longest: int = LONGEST_FOLLOW_UP,
    level: float = 0.95,
    minimum: int = MINIMUM_COUNT,
) -> FederatedSurvival:
    """Estimate and compare survival: one exchange.

    Args:
        channel: The road of the sums.
        time: Column of whole days.
        event: Column of 0 (censored) and 1 (happened).
        group: Column of 0, 1, ...; empty for one curve.
        groups: How many groups there are.
        longest: Largest day of follow-up.
        level: Confidence level, in (0, 1).
        minimum: Smallest number at risk that a released curve shows.

    Returns:
        Curves, medians, log-rank test and hazard ratio.

    Raises:
        DataError: When a group has no patients.
    """
    total = channel(FollowUpRequest(time, event, group, groups, longest))
    events, censored = total.values["events"], total.values["censored"]
    patients = (events + censored).sum(axis=1)
    if not patients.all():
        raise DataError(
            f"Expected patients with follow-up in each of {groups} groups, got "
            f"{patients.tolist()}. Compare other groups."
        )
    tables = event_tables(events, censored)
    curves = [kaplan_meier(table, level) for table in tables]
    pooled = grouped_table(events, censored)
    return FederatedSurvival(
        patients=tuple(patients.tolist()),
        events=tuple(events.sum(axis=1).tolist()),
        medians=tuple(median_survival(curve) for curve in curves),
        curves=tuple(
            monthly_curve(table, curve, minimum)
            for table, curve in zip(tables, curves, strict=True)
        ),
        log_rank=log_rank(pooled) if groups > 1 else None,
        hazard_ratio=hazard_ratio(pooled, level) if groups == 2 else None,  # noqa: PLR2004 - exposed and unexposed
        sites=total.sites,
    )


def compare_means(channel: SumChannel, column: str, group: str, *, logged: bool = False) -> TTest:
    """Compare the means of two groups by Welch's test: two exchanges.

    Args:
        channel: The road of the sums.
        column: What is compared; missing values are left out.
        group: Column of 0 and 1; the first group is 0.
        logged: Whether the logarithm is taken first.

    Returns:
        The test.

    Raises:
        DataError: When a group has fewer than two values.
    """
    columns = Columns((column,), logged=(column,) if logged else (), group=group)
    moments = column_moments(channel, columns)
    return welch_from_moments(moments.count[:, 0], moments.mean[:, 0], moments.squares[:, 0])


def compare_ranks(
    channel: SumChannel,
    column: str,
    group: str,
    grid: Float64[np.ndarray, " _"],
    *,
    continuity: bool = True,
) -> MannWhitney:
    """Compare two groups by the Mann-Whitney test on the measurement grid: two exchanges.

    Exact when every value is a grid value. The first cell is open below and the last above.

    Args:
        channel: The road of the sums.
        column: What is compared; missing values are left out.
        group: Column of 0 and 1; the first group is 0.
        grid: Rising values the measurement can take.
        continuity: Whether to correct for continuity.

    Returns:
        The test.

    Raises:
        DataError: When a group has no values.
    """
    return mann_whitney_from_counts(_cells(channel, column, group, grid), continuity=continuity)


def compare_categories(
    channel: SumChannel, column: str, group: str, levels: Sequence[float]
) -> CategoryTest:
    """Compare the levels of a category between two groups: two exchanges.

    Args:
        channel: The road of the sums.
        column: Codes of the category; missing values are left out.
        group: Column of 0 and 1; rows of the table in this order.
        levels: Rising codes; larger codes are refused, others between would join the next level.

    Returns:
        The table with both tests.

    Raises:
        DataError: When a patient has a code above the last level, or nobody has a value.
    """
    cells = _cells(channel, column, group, np.asarray(levels, dtype=np.float64))
    if cells[:, -1].any():
        raise DataError(
            f"Expected codes up to {levels[-1]:g} in '{column}', got {int(cells[:, -1].sum())} "
            "larger ones. Give all levels."
        )
    table = cells[:, :-1]
    pearson, exact = chi_square(table), fisher_exact(table)
    small = pearson.degrees and (
        pearson.share_expected_below_5 > 0.2 or pearson.smallest_expected < 1  # noqa: PLR2004 - Cochran's rule
    )
    recommended = (
        Comparison(TableTest.FISHER, None, exact)
        if small
        else Comparison(TableTest.CHI_SQUARE, pearson.statistic, pearson.p)
    )
    return CategoryTest(table, pearson, exact, recommended)


def fit_logistic_models(
    channel: SumChannel,
    columns: Sequence[str],
    event: str,
    models: Sequence[Sequence[str]],
    *,
    logged: Sequence[str] = (),
    level: float = 0.95,
) -> list[LogisticFit]:
    """Fit several logistic models in the same exchanges: about eight, more under separation.

    Patients with a missing value in a model's columns are left out of that model.

    Args:
        channel: The road of the sums.
        columns: All columns.
        event: Column of 0 and 1: whether the event happened.
        models: The columns of each model.
        logged: Columns that are logged first.
        level: Confidence level, in (0, 1).

    Returns:
        A fit per model. Under separation it is Firth's, with the P of the penalised likelihood
        ratio, and limits that are NaN.

    Raises:
        DataError: When one class of some model is empty.
        DisclosureError: When a model has more than a third as many coefficients as patients.
        ConvergenceError: When a model does not converge.
        QuorumError: If too few sites answered, or they kept coming and going.
    """
    places = {name: place for place, name in enumerate(columns)}
    chosen = [tuple(places[name] for name in model) for model in models]
    request = LogisticRequest(
        step=LogisticStep.LIKELIHOOD,
        columns=tuple(columns),
        logged=tuple(logged),
        event=event,
        members=(),
        sizes=(),
        coefficients=np.zeros(0),
        directions=np.zeros(0),
    )

    def work(steady: SumChannel) -> list[LogisticFit]:
        patients = int(part_sizes(steady, Columns(tuple(columns[:1]))).patients[0])
        for model in chosen:
            refuse_many_parameters(len(model) + 1, patients)
        return fit_models(steady, request, chosen, level)

    return over_steady_sites(channel, work)


def _cells(
    channel: SumChannel, column: str, group: str, grid: Float64[np.ndarray, " _"]
) -> Int64[np.ndarray, "2 cell"]:
    """Count both groups per grid value; the last cell holds everything above the grid."""
    columns = Columns((column,), group=group)
    thresholds = np.broadcast_to(grid, (2, 1, grid.size)).copy()

    def work(steady: SumChannel) -> Int64[np.ndarray, "2 cell"]:
        present = part_sizes(steady, columns).present
        asked = replace(request_of(columns, Moment.BELOW), thresholds=thresholds)
        below = steady(asked).values["below"][:, 0]
        return np.diff(below, axis=1, prepend=0, append=present)

    return over_steady_sites(channel, work)
