"""Tests and odds ratios of tables of counts: Pearson, Yates, Fisher, Wald.

Quan 2024 printed Pearson's chi-square without continuity correction for every two-by-two row of
its Table 1, and Wald odds ratios for its Table 2.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from shared.errors import DataError
from shared.stats.intervals import normal_quantile

LARGEST_ENUMERATION = 20_000_000
"""Partial tables held at once by Fisher's test: 320 MB; 400 patients in four columns need fewer."""

SAME_PROBABILITY = 1e-7
"""Relative slack below which two tables count as equally probable, as in R's `fisher.test`."""


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test of a table of counts.

    Attributes:
        statistic: The chi-square; NaN when fewer than two rows or columns have patients.
        degrees: Degrees of freedom, empty rows and columns left out.
        p: Upper-tail P; NaN where the statistic is.
        smallest_expected: Smallest expected count, by which the approximation is judged.
        share_expected_below_5: Share of expected counts below 5, in [0, 1] (Cochran's rule).
    """

    statistic: float
    degrees: int
    p: float
    smallest_expected: float
    share_expected_below_5: float


@dataclass(frozen=True)
class OddsRatio:
    """An odds ratio with Wald's interval.

    Attributes:
        value: The ratio; 0 or infinite with an empty cell, NaN when a margin is empty.
        lower: Lower limit; NaN with an empty cell (Firth's regression answers there).
        upper: Upper limit; NaN with an empty cell.
        p: Two-sided Wald P; NaN with an empty cell.
        log_standard_error: Standard error of the log ratio; NaN with an empty cell.
    """

    value: float
    lower: float
    upper: float
    p: float
    log_standard_error: float


def expected_counts(table: Int[np.ndarray, "_ _"]) -> Float[np.ndarray, "_ _"]:
    """Give the counts expected if rows and columns were independent.

    Source: Pearson 1900, Philosophical Magazine 50.

    Args:
        table: Counts of 0 or more.

    Returns:
        Row total times column total over the grand total.

    Raises:
        DataError: When a count is below 0 or the table is empty.

    Example:
        >>> expected_counts(np.array([[3, 1], [1, 3]])).tolist()
        [[2.0, 2.0], [2.0, 2.0]]
    """
    counts = _checked(table)
    return np.asarray(np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum())


def chi_square(table: Int[np.ndarray, "_ _"], *, yates: bool = False) -> ChiSquare:
    """Test independence of rows and columns.

    Rows and columns without patients are left out first.
    Source: Pearson 1900; Yates 1934 (correction, two-by-two only, never beyond the deviation).
    R: `chisq.test(correct = ...)`.

    Args:
        table: Counts of 0 or more.
        yates: Whether to correct a two-by-two table for continuity; others are not corrected.

    Returns:
        The test.

    Raises:
        DataError: When a count is below 0 or the table is empty.

    Example:
        >>> round(chi_square(np.array([[114, 13], [56, 8]])).p, 3)
        0.637
    """
    counts = _checked(table)
    counts = counts[np.ix_(counts.sum(axis=1) > 0, counts.sum(axis=0) > 0)]
    expected = expected_counts(counts)
    degrees = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    deviation = np.abs(counts - expected)
    if yates and counts.shape == (2, 2):
        deviation -= min(0.5, float(deviation.min()))
    statistic = float(np.sum(deviation**2 / expected)) if degrees else math.nan
    return ChiSquare(
        statistic=statistic,
        degrees=degrees,
        p=float(special.chdtrc(degrees, statistic)) if degrees else math.nan,
        smallest_expected=float(expected.min()),
        share_expected_below_5=float(np.mean(expected < 5)),  # noqa: PLR2004 - Cochran's 5
    )


def fisher_exact(table: Int[np.ndarray, "2 _"]) -> float:
    """Test independence exactly, in a table of two rows and any number of columns.

    P is the probability, given the margins, of all tables no more probable than the one seen.
    Every table is enumerated, column by column.
    Source: Fisher 1935; Freeman and Halton 1951, Biometrika 38. R: `fisher.test`.

    Args:
        table: Counts of 0 or more, two rows.

    Returns:
        Two-sided P, in (0, 1].

    Raises:
        DataError: When a count is below 0, the table is empty, or there are too many tables.

    Example:
        >>> round(fisher_exact(np.array([[3, 1], [1, 3]])), 6)
        0.485714
    """
    counts = _checked(table)
    columns = counts.sum(axis=0)
    # The widest column is implied by the others, so it is not enumerated.
    order = np.argsort(columns)
    columns, first_row = columns[order], int(counts[0].sum())
    seen_parts = counts[0][order].tolist()
    placed, log_weight = np.zeros(1, dtype=np.int64), np.zeros(1)
    for column in columns[:-1].tolist():
        if placed.size * (column + 1) > LARGEST_ENUMERATION:
            raise DataError(
                f"Expected a table small enough to enumerate, got {int(columns.sum())} patients "
                f"in {columns.size} columns. Use the chi-square test, or merge columns."
            )
        here = np.arange(column + 1)
        placed = np.add.outer(placed, here).ravel()
        log_weight = np.add.outer(log_weight, _log_choose(column, here)).ravel()
    last = first_row - placed
    possible = (last >= 0) & (last <= columns[-1])
    log_weight = log_weight[possible] + _log_choose(int(columns[-1]), last[possible])
    seen = float(sum(_log_choose(c, k) for c, k in zip(columns.tolist(), seen_parts, strict=True)))
    weights = np.exp(log_weight - log_weight.max())
    as_rare = log_weight <= seen + math.log1p(SAME_PROBABILITY)
    return min(1.0, float(weights[as_rare].sum() / weights.sum()))


def odds_ratio(table: Int[np.ndarray, "2 2"], level: float = 0.95) -> OddsRatio:
    """Compare the odds of the event between exposed and unexposed patients.

    Equals univariable logistic regression on the exposure, with its Wald interval and P.
    Source: Woolf 1955, Annals of Human Genetics 19.

    Args:
        table: Rows exposed, unexposed; columns event, no event.
        level: Confidence level, in (0, 1).

    Returns:
        The ratio with interval and P.

    Raises:
        DataError: When a count is below 0, the table is empty, or the level is impossible.

    Example:
        >>> thrombus = odds_ratio(np.array([[15, 63], [2, 47]]))
        >>> round(thrombus.value, 3), round(thrombus.lower, 2), round(thrombus.p, 3)
        (5.595, 1.22, 0.027)
    """
    z = normal_quantile(level)
    (a, b), (c, d) = _checked(table).tolist()
    if a * d == 0 or b * c == 0:
        value = math.nan if a * d == b * c else (math.inf if b * c == 0 else 0.0)
        return OddsRatio(value, math.nan, math.nan, math.nan, math.nan)
    log_ratio = math.log(a * d / (b * c))
    error = math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return OddsRatio(
        value=a * d / (b * c),
        lower=math.exp(log_ratio - z * error),
        upper=math.exp(log_ratio + z * error),
        p=float(2 * special.ndtr(-abs(log_ratio) / error)),
        log_standard_error=error,
    )


def _checked(table: Int[np.ndarray, "_ _"]) -> Int[np.ndarray, "_ _"]:
    """Return the table as 64-bit counts, or refuse one that holds no patients."""
    counts = np.asarray(table, dtype=np.int64)
    if counts.size == 0 or counts.min() < 0 or counts.sum() == 0:
        raise DataError(
            f"Expected a table of counts of 0 or more with at least one patient, got shape "
            f"{counts.shape} with {int(counts.sum())} patients. Check who was counted."
        )
    return counts


def _log_choose(total: int, part: int | Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Give the logarithm of a binomial coefficient."""
    k = np.asarray(part, dtype=np.float64)
    n = float(total)
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
