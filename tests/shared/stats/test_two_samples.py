"""t and rank tests against R, and under changes that must not matter."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.two_samples import mann_whitney, student_t, welch_t

CASES = json.loads((Path(__file__).parent / "reference" / "r_two_samples.json").read_text())[
    "cases"
]
groups = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=15).map(np.array)


def read(case):
    return np.array(case["first"], dtype=float), np.array(case["second"], dtype=float)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['first'])}")
@pytest.mark.parametrize(("function", "name"), [(student_t, "student"), (welch_t, "welch")])
def test_t_tests_equal_r(function, name: str, case) -> None:
    test = function(*read(case))
    expected = (case[name]["t"], case[name]["df"], case[name]["p"])
    assert (test.t, test.degrees, test.p) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['first'])}")
def test_mann_whitney_equals_r(case) -> None:
    first, second = read(case)
    expected = case["mann_whitney"]
    test = mann_whitney(first, second)
    assert (test.u, test.p) == pytest.approx((expected["u"], expected["p"]), rel=1e-12)
    uncorrected = mann_whitney(first, second, continuity=False)
    assert uncorrected.p == pytest.approx(expected["p_uncorrected"], rel=1e-12)


@given(groups, groups)
def test_swapping_the_groups_turns_the_sign_only(first, second) -> None:
    for function in (student_t, welch_t):
        one, other = function(first, second), function(second, first)
        assert (other.t, other.p) == pytest.approx((-one.t, one.p), nan_ok=True)
    one, other = mann_whitney(first, second), mann_whitney(second, first)
    assert (other.z, other.p) == pytest.approx((-one.z, one.p))
    assert one.u + other.u == first.size * second.size


@given(groups, groups)
def test_ranks_ignore_the_scale_of_the_measurement(first, second) -> None:
    assert mann_whitney(np.exp(first), np.exp(second)) == mann_whitney(first, second)


def test_means_are_compared_in_the_unit_of_the_measurement() -> None:
    test = welch_t(np.array([10.0, 12.0]), np.array([1.0, 2.0]))
    assert test.difference == 9.5


def test_equal_values_everywhere_do_not_differ() -> None:
    same = np.full(4, 2.0)
    assert math.isnan(student_t(same, same).p)
    assert math.isnan(welch_t(same, same).p)
    assert (mann_whitney(same, same).z, mann_whitney(same, same).p) == (0.0, 1.0)


@pytest.mark.parametrize("function", [student_t, welch_t, mann_whitney])
def test_an_empty_group_is_refused(function) -> None:
    with pytest.raises(DataError, match="empty group"):
        function(np.array([1.0, 2.0]), np.array([], dtype=float))


@pytest.mark.parametrize("function", [student_t, welch_t, mann_whitney])
def test_missing_values_are_refused(function) -> None:
    with pytest.raises(DataError, match="1 of 2"):
        function(np.array([1.0, np.nan]), np.array([1.0, 2.0]))


def test_a_variance_of_one_patient_is_refused() -> None:
    with pytest.raises(DataError, match="enough patients"):
        welch_t(np.array([1.0]), np.array([1.0, 2.0]))
    with pytest.raises(DataError, match="enough patients"):
        student_t(np.array([1.0]), np.array([2.0]))
