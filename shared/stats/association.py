"""Choose the test for one row of a baseline table, and say which was chosen.

Quan 2024 (Methods, statistics) names t or Mann-Whitney for measurements and chi-square or Fisher
for categories, without saying when. The rules here are the usual ones, written down.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float, Int
from scipy import stats as scipy_stats

from shared.stats.contingency import chi_square, fisher_exact
from shared.stats.two_samples import mann_whitney, welch_t

NORMALITY_P = 0.05
"""A group whose Shapiro-Wilk P is below this is not taken as normal."""

SMALLEST_FOR_SHAPIRO = 3
"""Shapiro and Wilk need three values; a smaller group goes to Mann-Whitney."""

LARGEST_FOR_SHAPIRO = 5000
"""Royston's P is calibrated to here; larger groups are compared by mean at any distribution."""

COCHRAN_SHARE = 0.2
"""Cochran 1954: chi-square stands when at most a fifth of expected counts are below 5 ..."""

COCHRAN_SMALLEST = 1.0
"""... and none is below 1."""


class TableTest(StrEnum):
    """A test that a row of a baseline table may use."""

    WELCH = "Welch t"
    MANN_WHITNEY = "Mann-Whitney"
    CHI_SQUARE = "Pearson chi-square"
    FISHER = "Fisher exact"


@dataclass(frozen=True)
class Comparison:
    """A P value and the test it comes from.

    Attributes:
        test: Which test.
        statistic: t, z or chi-square; None for Fisher.
        p: Two-sided P; NaN when the row cannot differ (one category, or no spread).
    """

    test: TableTest
    statistic: float | None
    p: float


def compare_measurements(
    first: Float[np.ndarray, " _"], second: Float[np.ndarray, " _"]
) -> Comparison:
    """Compare a measurement between two groups: Welch when both look normal, else Mann-Whitney.

    Departure: Welch instead of Student's t, which the paper's wording leaves open, because it
    holds with unequal variances and loses nothing without (Delacre 2017).
    Source: Shapiro and Wilk 1965, Biometrika 52; Royston 1995 for its P.

    Args:
        first: Finite measurements of the first group.
        second: Finite measurements of the second group.

    Returns:
        The chosen test and its P.

    Raises:
        DataError: When a group is empty or a value is not finite.

    Example:
        >>> skewed = np.array([1.0, 1.0, 2.0, 2.0, 3.0, 90.0])
        >>> compare_measurements(skewed, skewed + 1).test.value
        'Mann-Whitney'
    """
    if _looks_normal(first) and _looks_normal(second):
        test = welch_t(first, second)
        return Comparison(TableTest.WELCH, test.t, test.p)
    ranks = mann_whitney(first, second)
    return Comparison(TableTest.MANN_WHITNEY, ranks.z, ranks.p)


def compare_categories(table: Int[np.ndarray, "2 _"]) -> Comparison:
    """Compare categories between two groups: Pearson's chi-square, or Fisher by Cochran's rule.

    Without continuity correction, as in Table 1 of Quan 2024. Departure: that table used
    chi-square for the response row too, where two of eight expected counts are below 5; call
    `chi_square` to reproduce it.
    Source: Cochran 1954, Biometrics 10.

    Args:
        table: Counts, one row per group, one column per category.

    Returns:
        The chosen test and its P.

    Raises:
        DataError: When a count is below 0 or the table is empty.

    Example:
        >>> compare_categories(np.array([[3, 1], [1, 3]])).test.value
        'Fisher exact'
        >>> round(compare_categories(np.array([[101, 26], [45, 19]])).p, 3)
        0.157
    """
    test = chi_square(table)
    too_small = (
        test.share_expected_below_5 > COCHRAN_SHARE or test.smallest_expected < COCHRAN_SMALLEST
    )
    if test.degrees and too_small:
        return Comparison(TableTest.FISHER, None, fisher_exact(table))
    return Comparison(TableTest.CHI_SQUARE, test.statistic, test.p)


def _looks_normal(values: Float[np.ndarray, " _"]) -> bool:
    """Judge a group by Shapiro-Wilk; a group without spread is not normal."""
    if values.size < SMALLEST_FOR_SHAPIRO or not np.all(np.isfinite(values)) or np.ptp(values) == 0:
        return False
    if values.size > LARGEST_FOR_SHAPIRO:
        return True
    return bool(scipy_stats.shapiro(values).pvalue >= NORMALITY_P)
