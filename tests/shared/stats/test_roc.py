"""ROC points and areas against scikit-learn, with ties, and under changes that must not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from shared.errors import DataError
from shared.stats.roc import auc, roc_curve


def cohort(seed: int, patients: int, *, grid: int):
    rng = np.random.default_rng(seed)
    events = rng.random(patients) < 0.4
    events[:2] = [True, False]
    return np.round((rng.normal(size=patients) + events) * grid) / grid, events


@pytest.mark.parametrize("grid", [1, 3, 10_000])
def test_points_equal_scikit_learn(grid: int) -> None:
    scores, events = cohort(1, 90, grid=grid)
    rate, sensitivity, thresholds = metrics.roc_curve(events, scores, drop_intermediate=False)
    curve = roc_curve(scores, events)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.sensitivity, sensitivity, rtol=1e-14)
    np.testing.assert_allclose(curve.specificity, 1 - rate, atol=1e-14)


@pytest.mark.parametrize("grid", [1, 3, 10_000])
def test_area_equals_scikit_learn(grid: int) -> None:
    scores, events = cohort(2, 90, grid=grid)
    assert auc(scores, events) == pytest.approx(metrics.roc_auc_score(events, scores), rel=1e-14)


@given(st.integers(0, 2**32 - 1), st.integers(3, 50), st.sampled_from([1, 2, 1000]))
def test_area_is_the_trapezoid_under_the_curve(seed: int, patients: int, grid: int) -> None:
    scores, events = cohort(seed, patients, grid=grid)
    curve = roc_curve(scores, events)
    area = np.trapezoid(curve.sensitivity, 1 - curve.specificity)
    assert auc(scores, events) == pytest.approx(area, abs=1e-13)


@given(st.integers(0, 2**32 - 1), st.integers(3, 50))
def test_order_and_rising_transforms_do_not_matter(seed: int, patients: int) -> None:
    scores, events = cohort(seed, patients, grid=2)
    order = np.random.default_rng(seed).permutation(patients)
    assert auc(np.exp(scores[order]), events[order]) == auc(scores, events)


@given(st.integers(0, 2**32 - 1), st.integers(3, 50))
def test_naming_the_other_class_gives_the_complement(seed: int, patients: int) -> None:
    scores, events = cohort(seed, patients, grid=2)
    assert auc(scores, ~events) == pytest.approx(1 - auc(scores, events), abs=1e-14)


def test_curve_starts_with_nobody_called_and_ends_with_everybody() -> None:
    scores, events = cohort(3, 30, grid=1)
    curve = roc_curve(scores, events)
    assert (curve.sensitivity[0], curve.specificity[0]) == (0.0, 1.0)
    assert (curve.sensitivity[-1], curve.specificity[-1]) == (1.0, 0.0)


@pytest.mark.parametrize("function", [auc, roc_curve])
def test_one_class_alone_is_refused(function) -> None:
    with pytest.raises(DataError, match="0 with and 3 without"):
        function(np.array([1.0, 2.0, 3.0]), np.zeros(3, dtype=bool))


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 3"):
        auc(np.array([1.0, np.nan, 3.0]), np.array([True, False, False]))
