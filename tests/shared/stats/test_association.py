"""The chooser of baseline-table tests picks by stated rules and returns the chosen test's P."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from shared.errors import DataError
from shared.stats.association import TableTest, compare_categories, compare_measurements


def test_two_normal_groups_are_compared_by_welch() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(60, 9, 40), rng.normal(57, 12, 50)
    result = compare_measurements(first, second)
    assert result.test is TableTest.WELCH
    assert result.p == pytest.approx(scipy_stats.ttest_ind(first, second, equal_var=False).pvalue)


def test_one_skewed_group_suffices_for_ranks() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(60, 9, 40), rng.lognormal(4, 1, 50)
    result = compare_measurements(first, second)
    assert result.test is TableTest.MANN_WHITNEY
    assert result.p == pytest.approx(
        scipy_stats.mannwhitneyu(first, second, method="asymptotic").pvalue
    )


@pytest.mark.parametrize("first", [np.array([1.0, 2.0]), np.full(9, 3.0)])
def test_groups_too_small_or_without_spread_go_to_ranks(first) -> None:
    result = compare_measurements(first, np.array([1.0, 2.0, 3.0, 4.0]))
    assert result.test is TableTest.MANN_WHITNEY


def test_groups_beyond_the_normality_test_are_compared_by_mean() -> None:
    rng = np.random.default_rng(4)
    result = compare_measurements(rng.exponential(size=5001), rng.exponential(size=5002))
    assert result.test is TableTest.WELCH


def test_missing_measurements_are_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        compare_measurements(np.array([1.0, np.nan, 2.0]), np.array([1.0, 2.0, 3.0]))


def test_well_filled_tables_go_to_chi_square_without_correction() -> None:
    table = np.array([[78, 49], [41, 23]])
    result = compare_categories(table)
    assert result.test is TableTest.CHI_SQUARE
    assert result.p == pytest.approx(scipy_stats.chi2_contingency(table, correction=False).pvalue)


def test_a_two_by_two_table_with_one_small_expectation_goes_to_fisher() -> None:
    table = np.array([[16, 99], [1, 11]])
    result = compare_categories(table)
    assert result.test is TableTest.FISHER
    assert result.p == pytest.approx(scipy_stats.fisher_exact(table).pvalue)


def test_a_fifth_of_small_expectations_is_still_chi_square() -> None:
    table = np.array([[4, 30, 30, 30, 30], [4, 31, 31, 31, 31]])
    assert compare_categories(table).test is TableTest.CHI_SQUARE


def test_a_category_that_nobody_leaves_has_no_p() -> None:
    assert math.isnan(compare_categories(np.array([[5, 0], [9, 0]])).p)
