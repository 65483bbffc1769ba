"""Table 1: who the patients are, by outcome, over sites and pooled.

Quan 2024 names t or Mann-Whitney for measurements and chi-square or Fisher for categories. Its
Table 1 prints medians and quartiles throughout, so the Mann-Whitney test stands for measurements
here; Welch's P is computed beside it. Departure: no test of normality chooses between the two,
because that would need patient rows at the server, and a choice made on the data biases both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from server.federated_moments import Columns, column_moments, column_quantiles, part_sizes
from server.federated_statistics import compare_categories
from server.rank_search import compare_values
from shared.aggregation.pooled_tests import welch_from_moments
from shared.aggregation.sum_channel import SumChannel
from shared.cohort.analysis_columns import EVENT, RESPONSE, RESPONSES, Column, table_rows
from shared.cohort.clinical import ClinicalVariable, Kind
from shared.errors import DataError
from shared.stats import association
from shared.stats.contingency import chi_square, fisher_exact
from shared.stats.two_samples import MannWhitney, TTest, mann_whitney, welch_t

SHARES = (0.25, 0.5, 0.75)
Three = tuple[int, int, int]
"""All patients, those without the event, those with it."""


@dataclass(frozen=True)
class Measurement:
    """One measurement by outcome; NaN where a group has no values.

    Attributes:
        name: Column.
        present: Patients with a value: all, disease control, progressive disease.
        quartiles: Lower quartile, median, upper quartile of the same three.
        z: Of the Mann-Whitney test.
        p: Of the Mann-Whitney test.
        t: Of Welch's test.
        welch_p: Of Welch's test.
    """

    name: str
    present: Three
    quartiles: tuple[tuple[float, float, float], ...]
    z: float
    p: float
    t: float
    welch_p: float


@dataclass(frozen=True)
class Category:
    """One yes/no variable by outcome.

    Attributes:
        name: Column.
        present: Patients with a value: all, disease control, progressive disease.
        ones: Those of them with 1.
        test: Which test the table calls for, by Cochran's rule.
        p: Its P; NaN when all patients are alike.
        chi_square: Pearson's statistic, no continuity correction.
        chi_square_p: Its P.
        fisher_p: Fisher's exact P.
    """

    name: str
    present: Three
    ones: Three
    test: str
    p: float
    chi_square: float
    chi_square_p: float
    fisher_p: float


@dataclass(frozen=True)
class Baseline:
    """Table 1.

    Attributes:
        patients: All, disease control, progressive disease.
        responses: Patients by best response: CR, PR, SD, PD.
        measurements: In the order of the table.
        categories: In the order of the table.
    """

    patients: Three
    responses: tuple[int, ...]
    measurements: tuple[Measurement, ...]
    categories: tuple[Category, ...]


def rows_of_kind(*, binary: bool) -> list[ClinicalVariable]:
    """List the rows that are yes/no, or those that are measured."""
    return [v for v in table_rows() if (v.kind is Kind.BINARY) is binary]


def federated_baseline(channel: SumChannel) -> Baseline:
    """Compute Table 1 from sums.

    Raises:
        DataError: When no patient has the event, or all have it.
    """
    names = tuple(variable.name for variable in rows_of_kind(binary=False))
    sizes = part_sizes(channel, Columns(names, group=EVENT))
    control, progressive = (int(n) for n in sizes.patients)
    _require_both(control, progressive)
    grouped = column_quantiles(channel, Columns(names, group=EVENT), SHARES)
    together = column_quantiles(channel, Columns(names), SHARES)
    moments = column_moments(channel, Columns(names, group=EVENT))
    measurements = [
        _measurement(
            name,
            sizes.present[:, place],
            np.concatenate([together[:, :, place], grouped[:, :, place]], axis=1).T,
            _ranks(channel, name, sizes.present[:, place]),
            _welch(moments.count[:, place], moments.mean[:, place], moments.squares[:, place]),
        )
        for place, name in enumerate(names)
    ]
    codes = compare_categories(channel, RESPONSE, EVENT, range(len(RESPONSES)))
    return Baseline(
        patients=(control + progressive, control, progressive),
        responses=tuple(int(n) for n in codes.table.sum(axis=0)),
        measurements=tuple(measurements),
        categories=tuple(_federated_category(channel, v.name) for v in rows_of_kind(binary=True)),
    )


def pooled_baseline(columns: Mapping[str, Column]) -> Baseline:
    """Compute Table 1 from the pooled patients."""
    event = columns[EVENT] == 1
    groups = (np.ones(event.size, dtype=bool), ~event, event)
    control, progressive = (int(np.count_nonzero(group)) for group in groups[1:])
    _require_both(control, progressive)
    return Baseline(
        patients=(event.size, control, progressive),
        responses=tuple(
            int(np.count_nonzero(columns[RESPONSE] == code)) for code in range(len(RESPONSES))
        ),
        measurements=tuple(
            _pooled_measurement(v.name, columns[v.name], groups) for v in rows_of_kind(binary=False)
        ),
        categories=tuple(
            _category(v.name, _table_of(columns[v.name], event)) for v in rows_of_kind(binary=True)
        ),
    )


def _require_both(control: int, progressive: int) -> None:
    if not control or not progressive:
        raise DataError(
            f"Expected patients with progressive disease and with disease control, got "
            f"{progressive} and {control}. Add patients of the other outcome."
        )


def _federated_category(channel: SumChannel, name: str) -> Category:
    try:
        return _category(name, compare_categories(channel, name, EVENT, (0, 1)).table)
    except DataError:  # nobody has a value
        return _category(name, np.zeros((2, 2), dtype=np.int64))


def _category(name: str, table: Int64[np.ndarray, "2 2"]) -> Category:
    """Test a table of outcome (control, progressive) by level (0, 1)."""
    counts = table.tolist()
    if not table.sum():
        gone = math.nan
        return Category(name, (0, 0, 0), (0, 0, 0), "", gone, gone, gone, gone)
    pearson, chosen = chi_square(table), association.compare_categories(table)
    present, ones = table.sum(axis=1).tolist(), [row[1] for row in counts]
    return Category(
        name=name,
        present=(sum(present), *present),
        ones=(sum(ones), *ones),
        test=chosen.test.value,
        p=chosen.p,
        chi_square=pearson.statistic,
        chi_square_p=pearson.p,
        fisher_p=fisher_exact(table),
    )


def _ranks(channel: SumChannel, name: str, present: Int64[np.ndarray, " 2"]) -> MannWhitney | None:
    return compare_values(channel, name, EVENT) if present.all() else None


def _welch(
    count: Int64[np.ndarray, " 2"],
    mean: Float64[np.ndarray, " 2"],
    squares: Float64[np.ndarray, " 2"],
) -> TTest | None:
    return welch_from_moments(count, mean, squares) if count.min() > 1 else None


def _pooled_measurement(name: str, values: Column, groups: Sequence[np.ndarray]) -> Measurement:
    known = [values[group & ~np.isnan(values)] for group in groups]
    present = np.array([part.size for part in known[1:]], dtype=np.int64)
    nothing = np.full(len(SHARES), np.nan)
    quartiles = np.array([np.quantile(part, SHARES) if part.size else nothing for part in known])
    return _measurement(
        name,
        present,
        quartiles,
        mann_whitney(known[1], known[2]) if present.all() else None,
        welch_t(known[1], known[2]) if present.min() > 1 else None,
    )


def _measurement(
    name: str,
    present: Int64[np.ndarray, " 2"],
    quartiles: Float64[np.ndarray, "3 share"],
    ranks: MannWhitney | None,
    means: TTest | None,
) -> Measurement:
    control, progressive = (int(n) for n in present)
    return Measurement(
        name=name,
        present=(control + progressive, control, progressive),
        quartiles=tuple((float(a), float(b), float(c)) for a, b, c in quartiles),
        z=ranks.z if ranks else math.nan,
        p=ranks.p if ranks else math.nan,
        t=means.t if means else math.nan,
        welch_p=means.p if means else math.nan,
    )


def _table_of(values: Column, event: np.ndarray) -> Int64[np.ndarray, "2 2"]:
    return np.array(
        [
            [int(np.count_nonzero((event == happened) & (values == level))) for level in (0, 1)]
            for happened in (False, True)
        ],
        dtype=np.int64,
    )
