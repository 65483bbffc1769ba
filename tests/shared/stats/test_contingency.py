"""Chi-square, Fisher and odds ratios against R, scipy and statsmodels."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import Table2x2

from shared.errors import DataError
from shared.stats.contingency import chi_square, expected_counts, fisher_exact, odds_ratio

CASES = json.loads((Path(__file__).parent / "reference" / "r_contingency.json").read_text())[
    "cases"
]
small_tables = st.lists(
    st.lists(st.integers(0, 12), min_size=2, max_size=2), min_size=2, max_size=2
).map(np.array)


def name(case) -> str:
    return "-".join(",".join(map(str, row)) for row in case["table"])


@pytest.mark.parametrize("case", CASES, ids=name)
def test_chi_square_equals_r(case) -> None:
    test = chi_square(np.array(case["table"]))
    assert test.degrees == case["pearson"]["df"]
    assert test.statistic == pytest.approx(case["pearson"]["x2"], rel=1e-12, abs=1e-15)
    assert test.p == pytest.approx(case["pearson"]["p"], rel=1e-12)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_continuity_correction_equals_r(case) -> None:
    test = chi_square(np.array(case["table"]), yates=True)
    assert test.statistic == pytest.approx(case["yates"]["x2"], rel=1e-12, abs=1e-15)
    assert test.p == pytest.approx(case["yates"]["p"], rel=1e-12)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_fisher_equals_r(case) -> None:
    # R's network algorithm itself is good to about 1e-11.
    assert fisher_exact(np.array(case["table"])) == pytest.approx(case["fisher"], rel=1e-10)


@given(small_tables)
def test_fisher_equals_scipy_on_small_tables(table) -> None:
    if table.sum():
        theirs = scipy_stats.fisher_exact(table).pvalue
        assert fisher_exact(table) == pytest.approx(theirs, rel=1e-9)


@given(small_tables)
def test_transposing_and_reordering_change_no_p(table) -> None:
    if table.sum():
        p = fisher_exact(table)
        assert fisher_exact(table.T) == pytest.approx(p, rel=1e-9)
        assert fisher_exact(table[::-1, ::-1]) == pytest.approx(p, rel=1e-9)
        one, other = chi_square(table), chi_square(table.T[::-1])
        assert (one.statistic, one.p) == pytest.approx(
            (other.statistic, other.p), rel=1e-9, nan_ok=True
        )


def test_expected_counts_keep_the_margins() -> None:
    table = np.array([[2, 22, 86, 17], [3, 9, 39, 13]])
    expected = expected_counts(table)
    np.testing.assert_allclose(expected.sum(axis=0), table.sum(axis=0), rtol=1e-14)
    np.testing.assert_allclose(expected.sum(axis=1), table.sum(axis=1), rtol=1e-14)


def test_an_empty_category_is_left_out() -> None:
    with_empty = chi_square(np.array([[3, 0, 9], [5, 0, 4]]))
    without = chi_square(np.array([[3, 9], [5, 4]]))
    assert with_empty == without


def test_a_table_that_cannot_differ_has_no_chi_square() -> None:
    test = chi_square(np.array([[4, 0], [7, 0]]))
    assert test.degrees == 0
    assert math.isnan(test.p)
    assert fisher_exact(np.array([[4, 0], [7, 0]])) == 1.0


def test_odds_ratio_equals_statsmodels() -> None:
    table = np.array([[15, 63], [2, 47]])
    ours, theirs = odds_ratio(table), Table2x2(table)
    assert ours.value == pytest.approx(theirs.oddsratio, rel=1e-13)
    assert (ours.lower, ours.upper) == pytest.approx(theirs.oddsratio_confint(), rel=1e-12)
    assert ours.p == pytest.approx(theirs.log_oddsratio_pvalue(), rel=1e-12)


def test_swapping_the_exposure_inverts_the_ratio() -> None:
    table = np.array([[9, 88], [8, 22]])
    one, other = odds_ratio(table), odds_ratio(table[::-1])
    assert other.value == pytest.approx(1 / one.value, rel=1e-13)
    assert (other.lower, other.upper) == pytest.approx((1 / one.upper, 1 / one.lower), rel=1e-13)
    assert other.p == pytest.approx(one.p, rel=1e-12)


@pytest.mark.parametrize(
    ("table", "value"),
    [([[0, 5], [3, 4]], 0.0), ([[5, 0], [3, 4]], math.inf), ([[0, 0], [3, 4]], math.nan)],
)
def test_an_empty_cell_gives_no_interval(table, value: float) -> None:
    ratio = odds_ratio(np.array(table))
    assert ratio.value == pytest.approx(value, nan_ok=True)
    assert math.isnan(ratio.lower)
    assert math.isnan(ratio.p)


@pytest.mark.parametrize("function", [chi_square, fisher_exact, odds_ratio])
@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[1, 2], [-1, 3]]])
def test_tables_without_patients_are_refused(function, table) -> None:
    with pytest.raises(DataError, match="at least one patient"):
        function(np.array(table))


def test_a_table_too_large_to_enumerate_is_refused() -> None:
    with pytest.raises(DataError, match="small enough to enumerate"):
        fisher_exact(np.full((2, 8), 200))
