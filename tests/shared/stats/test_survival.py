"""Kaplan-Meier against R's survfit and lifelines, and under changes that must not matter."""

import json
import math
from pathlib import Path

import lifelines
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.survival import (
    EventTable,
    event_table,
    kaplan_meier,
    median_survival,
    survival_at,
)

CASES = json.loads((Path(__file__).parent / "reference" / "r_survival.json").read_text())["cases"]
IDS = [f"n{len(case['time'])}" for case in CASES]


def read(case):
    return np.array(case["time"], dtype=float), np.array(case["event"]) == 1


def numbers(values):
    return np.array([math.nan if v is None or v == "NaN" else v for v in values], dtype=float)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_counts_equal_r(case) -> None:
    table = event_table(*read(case))
    expected = case["km"]
    np.testing.assert_array_equal(table.times, expected["time"])
    np.testing.assert_array_equal(table.at_risk, expected["n_risk"])
    np.testing.assert_array_equal(table.events, expected["n_event"])
    np.testing.assert_array_equal(table.censored, expected["n_censor"])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_curve_error_and_limits_equal_r(case) -> None:
    curve = kaplan_meier(event_table(*read(case)))
    expected = case["km"]
    np.testing.assert_allclose(curve.survival, expected["surv"], rtol=1e-12)
    alive = curve.survival > 0
    np.testing.assert_allclose(
        curve.standard_error[alive], numbers(expected["std_err"])[alive], rtol=1e-11
    )
    np.testing.assert_allclose(curve.lower, numbers(expected["lower"]), rtol=1e-11)
    np.testing.assert_allclose(curve.upper, numbers(expected["upper"]), rtol=1e-11)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_median_and_its_limits_equal_r(case) -> None:
    result = median_survival(kaplan_meier(event_table(*read(case))))
    names = ("median", "median_lower", "median_upper")
    expected = numbers([case["km"].get(name) for name in names])
    np.testing.assert_allclose([result.median, result.lower, result.upper], expected, rtol=1e-14)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_curve_equals_lifelines(case) -> None:
    times, events = read(case)
    theirs = lifelines.KaplanMeierFitter().fit(times, events)
    at = np.linspace(0, times.max(), 50)
    ours = survival_at(kaplan_meier(event_table(times, events)), at)
    np.testing.assert_allclose(ours, theirs.survival_function_at_times(at), rtol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_order_does_not_matter_and_the_unit_only_stretches_time(seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    times, events = rng.integers(0, 15, patients).astype(float), rng.random(patients) < 0.6
    order = rng.permutation(patients)
    one = kaplan_meier(event_table(times, events))
    other = kaplan_meier(event_table(times[order] * 2, events[order]))
    np.testing.assert_array_equal(other.times, one.times * 2)
    np.testing.assert_array_equal(other.survival, one.survival)
    np.testing.assert_array_equal(other.lower, one.lower)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_survival_falls_and_limits_enclose_it(seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    curve = kaplan_meier(
        event_table(rng.integers(0, 9, patients).astype(float), rng.random(patients) < 0.7)
    )
    assert np.all(np.diff(curve.survival) <= 0)
    drawn = ~np.isnan(curve.lower)
    assert np.all(curve.lower[drawn] <= curve.survival[drawn] + 1e-12)
    assert np.all(curve.upper[drawn] >= curve.survival[drawn] - 1e-12)


def test_counts_of_two_sites_on_common_times_give_the_pooled_curve() -> None:
    rng = np.random.default_rng(3)
    times, events = rng.integers(1, 12, 60).astype(float), rng.random(60) < 0.6
    pooled = event_table(times, events)
    at_site = rng.random(60) < 0.5

    def on_common_times(mine):
        return [
            np.array([np.sum(mine & (times >= t)) for t in pooled.times]),
            np.array([np.sum(mine & events & (times == t)) for t in pooled.times]),
            np.array([np.sum(mine & ~events & (times == t)) for t in pooled.times]),
        ]

    sums = [a + b for a, b in zip(on_common_times(at_site), on_common_times(~at_site), strict=True)]
    federated = kaplan_meier(EventTable(pooled.times, *sums))
    np.testing.assert_array_equal(federated.survival, kaplan_meier(pooled).survival)


def test_nobody_with_the_event_has_no_median() -> None:
    curve = kaplan_meier(event_table(np.array([1.0, 2.0]), np.array([False, False])))
    assert curve.survival.tolist() == [1.0, 1.0]
    assert math.isnan(median_survival(curve).median)


def test_once_nobody_is_left_the_error_is_not_a_number() -> None:
    curve = kaplan_meier(event_table(np.array([1.0, 2.0]), np.array([True, True])))
    assert curve.survival[-1] == 0.0
    assert math.isnan(curve.standard_error[-1])
    assert median_survival(curve).median == 1.5


@pytest.mark.parametrize("times", [[-1.0, 2.0], [np.nan, 2.0]])
def test_impossible_times_are_refused(times) -> None:
    with pytest.raises(DataError, match="follow-up times"):
        event_table(np.array(times), np.array([True, False]))


def test_an_empty_cohort_is_refused() -> None:
    with pytest.raises(DataError, match="0 patients"):
        event_table(np.array([], dtype=float), np.array([], dtype=bool))
