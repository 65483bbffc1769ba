"""The P that a printed ratio and interval imply."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from shared.errors import DataError
from shared.stats.printed_ratio import implied_p


@given(st.floats(-2, 3), st.floats(0.1, 1.0))
def test_the_true_p_lies_in_the_range_of_its_printed_row(log_ratio: float, error: float) -> None:
    z = scipy_stats.norm.ppf(0.975)
    ratio, lower, upper = (round(math.exp(log_ratio + shift * error), 3) for shift in (0, -z, z))
    if lower > 0.01:
        p = 2 * scipy_stats.norm.sf(abs(log_ratio) / error)
        implied = implied_p(ratio, lower, upper)
        assert implied.lowest - 1e-12 <= p <= implied.highest + 1e-12


def test_a_ratio_that_may_be_one_allows_any_large_p() -> None:
    assert implied_p(1.0, 0.9, 1.1).highest == 1.0


def test_limits_that_print_alike_allow_any_small_p() -> None:
    implied = implied_p(1.0, 1.0, 1.0)
    assert (implied.lowest, implied.highest) == (0.0, 1.0)


@pytest.mark.parametrize("numbers", [(1.0, 2.0, 1.5), (0.0, 0.5, 1.5), (1.0, 0.0, 1.5)])
def test_numbers_that_are_no_ratio_are_refused(numbers) -> None:
    with pytest.raises(DataError, match="ratio above 0"):
        implied_p(*numbers)
