"""Calibration against R's glm and scikit-learn, and against the truth it should find."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from shared.errors import DataError
from shared.stats.calibration import (
    ReliabilityBins,
    brier_score,
    calibration_line,
    expected_calibration_error,
    reliability_bins,
)

CASES = json.loads((Path(__file__).parent / "reference" / "r_calibration.json").read_text())[
    "cases"
]


def read(case):
    return np.array(case["p"], dtype=float), np.array(case["y"]) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"n{len(case['p'])}")
def test_line_equals_r(case) -> None:
    line = calibration_line(*read(case))
    ours = [
        line.intercept,
        line.slope,
        line.intercept_error,
        line.slope_error,
        line.in_the_large,
        line.in_the_large_error,
    ]
    names = ["intercept", "slope", "intercept_se", "slope_se", "in_the_large", "in_the_large_se"]
    # R takes the errors from the weights one step before its last: eight digits are right.
    np.testing.assert_allclose(ours, [case[name] for name in names], rtol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"n{len(case['p'])}")
def test_brier_equals_r_and_scikit_learn(case) -> None:
    p, events = read(case)
    assert brier_score(p, events) == pytest.approx(case["brier"], rel=1e-13)
    assert brier_score(p, events) == pytest.approx(metrics.brier_score_loss(events, p), rel=1e-13)


def test_predictions_stretched_twofold_have_half_the_slope() -> None:
    p, events = read(CASES[1])
    log_odds = np.log(p / (1 - p))
    stretched = calibration_line(1 / (1 + np.exp(-2 * log_odds)), events)
    assert stretched.slope == pytest.approx(calibration_line(p, events).slope / 2, rel=1e-9)


def test_recalibrated_predictions_lie_on_the_diagonal() -> None:
    p, events = read(CASES[1])
    line = calibration_line(p, events)
    corrected = 1 / (1 + np.exp(-(line.intercept + line.slope * np.log(p / (1 - p)))))
    again = calibration_line(corrected, events)
    assert (again.intercept, again.slope) == pytest.approx((0, 1), abs=1e-9)
    assert again.in_the_large == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("p", [[0.3, 0.3, 0.3, 0.3], [0.1, 0.2, 0.8, 0.9]])
def test_predictions_alike_or_separating_have_no_line_but_an_intercept(p) -> None:
    line = calibration_line(np.array(p), np.array([False, False, True, True]))
    assert math.isnan(line.slope)
    assert math.isfinite(line.in_the_large)


def test_certain_predictions_are_finite_and_far_out() -> None:
    p, events = np.array([0.0, 1.0, 0.0, 1.0, 0.5]), np.array([True, False, False, True, True])
    line = calibration_line(p, events)
    assert math.isfinite(line.slope)
    assert abs(line.slope) < 0.1


@given(st.integers(0, 2**32 - 1))
def test_naming_the_other_class_mirrors_the_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, 60)
    events = rng.random(60) < 0.5
    one, other = calibration_line(p, events), calibration_line(1 - p, ~events)
    assert other.slope == pytest.approx(one.slope, rel=1e-7, abs=1e-9)
    assert other.in_the_large == pytest.approx(-one.in_the_large, rel=1e-7, abs=1e-9)
    assert brier_score(1 - p, ~events) == pytest.approx(brier_score(p, events), rel=1e-12)


def test_error_over_bins_equals_its_definition() -> None:
    rng = np.random.default_rng(4)
    p, events = rng.random(200), rng.random(200) < 0.4
    total = 0.0
    for k in range(10):
        inside = (p >= k / 10) & (p < (k + 1) / 10)
        total += inside.mean() * abs(p[inside].mean() - events[inside].mean())
    table = reliability_bins(p, events)
    assert expected_calibration_error(table) == pytest.approx(total, rel=1e-12)
    assert table.patients.sum() == 200


def test_bins_of_two_sites_add_up() -> None:
    rng = np.random.default_rng(5)
    p, events = rng.random(80), rng.random(80) < 0.4
    one, other = reliability_bins(p[:30], events[:30]), reliability_bins(p[30:], events[30:])
    summed = ReliabilityBins(
        one.edges,
        one.patients + other.patients,
        one.probability_sum + other.probability_sum,
        one.events + other.events,
    )
    pooled = expected_calibration_error(reliability_bins(p, events))
    assert expected_calibration_error(summed) == pytest.approx(pooled, rel=1e-12)


def test_zero_and_one_fall_into_the_outer_bins() -> None:
    table = reliability_bins(np.array([0.0, 1.0]), np.array([False, True]), 4)
    assert table.patients.tolist() == [1, 0, 0, 1]
    assert expected_calibration_error(table) == 0.0


@pytest.mark.parametrize("function", [calibration_line, brier_score, reliability_bins])
def test_values_that_are_no_probabilities_are_refused(function) -> None:
    with pytest.raises(DataError, match=r"probabilities in \[0, 1\]"):
        function(np.array([0.5, 1.5]), np.array([True, False]))


def test_no_bins_are_refused() -> None:
    with pytest.raises(DataError, match="at least one bin"):
        reliability_bins(np.array([0.5]), np.array([True]), 0)
