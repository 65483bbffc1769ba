"""The log-rank test against R's survdiff and lifelines, and where groups say nothing."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines.statistics import multivariate_logrank_test

from shared.errors import DataError
from shared.stats.logrank import GroupedEventTable, grouped_event_table, log_rank

CASES = json.loads((Path(__file__).parent / "reference" / "r_survival.json").read_text())["cases"]
IDS = [f"n{len(case['time'])}" for case in CASES]


def cohort(seed: int, patients: int, groups: int):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, patients)
    times = np.ceil(rng.exponential(8, patients) * (1 + 0.4 * group))
    return times, rng.random(patients) < 0.7, group


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_two_groups_equal_r(case) -> None:
    table = grouped_event_table(
        np.array(case["time"], float), np.array(case["event"]) == 1, np.array(case["group"]), 2
    )
    test, expected = log_rank(table), case["logrank"]
    assert test.degrees == 1
    assert test.chi_square == pytest.approx(expected["x2"], rel=1e-11)
    assert test.p == pytest.approx(expected["p"], rel=1e-11)
    np.testing.assert_array_equal(test.observed, expected["observed"])
    np.testing.assert_allclose(test.expected, expected["expected"], rtol=1e-12)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_many_groups_equal_lifelines(groups: int) -> None:
    times, events, group = cohort(4, 90, groups)
    test = log_rank(grouped_event_table(times, events, group, groups))
    theirs = multivariate_logrank_test(times, group, events)
    assert test.chi_square == pytest.approx(theirs.test_statistic, rel=1e-9)
    assert test.p == pytest.approx(theirs.p_value, rel=1e-9)
    assert test.degrees == groups - 1


@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.sampled_from([2, 3]))
def test_order_and_names_of_groups_do_not_matter(seed: int, patients: int, groups: int) -> None:
    times, events, group = cohort(seed, patients, groups)
    order = np.random.default_rng(seed).permutation(patients)
    one = log_rank(grouped_event_table(times, events, group, groups))
    other = log_rank(
        grouped_event_table(times[order] ** 2, events[order], groups - 1 - group[order], groups)
    )
    assert other.degrees == one.degrees
    assert other.chi_square == pytest.approx(one.chi_square, rel=1e-8, abs=1e-12, nan_ok=True)
    np.testing.assert_allclose(other.expected[::-1], one.expected, rtol=1e-12, atol=1e-14)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_expected_events_sum_to_observed(seed: int, patients: int) -> None:
    test = log_rank(grouped_event_table(*cohort(seed, patients, 3), 3))
    assert test.expected.sum() == pytest.approx(test.observed.sum(), abs=1e-10)


def test_tables_of_sites_on_common_times_add_up() -> None:
    times, events, group = cohort(6, 80, 2)
    pooled = grouped_event_table(times, events, group, 2)
    here = np.random.default_rng(1).random(80) < 0.3
    parts = []
    for mine in (here, ~here):
        at_risk = [
            [np.sum(mine & (group == g) & (times >= t)) for t in pooled.times] for g in (0, 1)
        ]
        died = [
            [np.sum(mine & events & (group == g) & (times == t)) for t in pooled.times]
            for g in (0, 1)
        ]
        parts.append((np.array(at_risk), np.array(died)))
    summed = GroupedEventTable(pooled.times, *(a + b for a, b in zip(*parts, strict=True)))
    assert log_rank(summed).chi_square == log_rank(pooled).chi_square


def test_an_empty_group_takes_no_degree_of_freedom() -> None:
    times, events, group = cohort(7, 50, 2)
    with_empty = log_rank(grouped_event_table(times, events, group * 2, 3))
    without = log_rank(grouped_event_table(times, events, group, 2))
    assert with_empty.degrees == 1
    assert with_empty.chi_square == pytest.approx(without.chi_square, rel=1e-12)


@pytest.mark.parametrize("events", [[False] * 4, [False, False, True, True]])
def test_groups_never_at_risk_of_an_event_together_have_no_test(events) -> None:
    times, group = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
    test = log_rank(grouped_event_table(times, np.array(events), group, 2))
    assert test.degrees == 0
    assert math.isnan(test.chi_square)
    assert math.isnan(test.p)


@pytest.mark.parametrize(("times", "group"), [([-1.0, 1.0], [0, 1]), ([1.0, 1.0], [0, 2])])
def test_values_out_of_range_are_refused(times, group) -> None:
    with pytest.raises(DataError, match="groups from 0 to 1"):
        grouped_event_table(np.array(times), np.array([True, True]), np.array(group), 2)
