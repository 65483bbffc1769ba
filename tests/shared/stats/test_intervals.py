"""Proportion intervals against R, statsmodels and the printed tables of Quan 2024."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from shared.errors import DataError
from shared.stats.intervals import (
    LIMITS_OF_METHOD,
    IntervalMethod,
    clopper_pearson,
    normal_quantile,
    proportion,
    wald_cut,
    wilson,
    wilson_corrected,
)

REFERENCE = json.loads((Path(__file__).parent / "reference" / "r_intervals.json").read_text())
CASES = REFERENCE["cases"]
FUNCTIONS = {
    "clopper_pearson": clopper_pearson,
    "wilson": wilson,
    "wilson_corrected": wilson_corrected,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['count']}of{case['total']}")
def test_limits_equal_r(name: str, case) -> None:
    limits = FUNCTIONS[name](case["count"], case["total"])
    np.testing.assert_allclose(limits, case[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['count']}of{case['total']}")
def test_another_level_equals_r(case) -> None:
    limits = wilson(case["count"], case["total"], level=0.99)
    np.testing.assert_allclose(limits, case["wilson_99"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("function", "name"), [(clopper_pearson, "beta"), (wilson, "wilson"), (wald_cut, "normal")]
)
def test_limits_of_many_counts_equal_statsmodels(function, name: str) -> None:
    counts = np.arange(18)
    lower, upper = function(counts, np.full(18, 17))
    theirs = proportion_confint(counts, np.full(18, 17), method=name)
    np.testing.assert_allclose(lower, np.clip(theirs[0], 0, 1), rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(upper, np.clip(theirs[1], 0, 1), rtol=1e-10, atol=1e-15)


@given(st.sampled_from(IntervalMethod), st.integers(1, 300), st.data())
def test_counting_the_others_mirrors_the_interval(method, total: int, data) -> None:
    count = data.draw(st.integers(0, total))
    lower, upper = LIMITS_OF_METHOD[method](count, total)
    mirrored = LIMITS_OF_METHOD[method](total - count, total)
    np.testing.assert_allclose([lower, upper], [1 - mirrored[1], 1 - mirrored[0]], atol=1e-12)


@given(st.sampled_from(IntervalMethod), st.integers(1, 300), st.data())
def test_limits_enclose_the_proportion(method, total: int, data) -> None:
    result = proportion(data.draw(st.integers(0, total)), total, method=method)
    assert 0 <= result.lower <= result.value <= result.upper <= 1


def test_default_is_clopper_pearson() -> None:
    assert proportion(10, 13) == proportion(10, 13, method=IntervalMethod.CLOPPER_PEARSON)
    assert round(proportion(10, 13).lower, 4) == 0.4619


@pytest.mark.parametrize("method", IntervalMethod)
def test_nobody_asked_gives_nan_throughout(method: IntervalMethod) -> None:
    result = proportion(0, 0, method=method)
    assert all(map(math.isnan, (result.value, result.lower, result.upper)))


@pytest.mark.parametrize(("count", "total"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(count: int, total: int) -> None:
    with pytest.raises(DataError, match="counts from 0 to their totals"):
        proportion(count, total)


@pytest.mark.parametrize("method", IntervalMethod)
def test_impossible_level_is_refused(method: IntervalMethod) -> None:
    with pytest.raises(DataError, match="confidence level"):
        proportion(1, 2, 1.5, method)


def test_normal_quantile_is_the_familiar_one() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959963984540054, rel=1e-15)
