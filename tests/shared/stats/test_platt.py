"""Platt scaling against scikit-learn and a brute-force maximum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from sklearn.calibration import _SigmoidCalibration

from shared.errors import DataError
from shared.stats.platt import PlattScaling, apply_platt, fit_platt, platt_targets


def cohort(seed: int, patients: int = 100):
    rng = np.random.default_rng(seed)
    events = rng.random(patients) < 0.25
    events[:2] = [True, False]
    return rng.normal(size=patients) + 1.2 * events, events


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_line_equals_scikit_learn(seed: int) -> None:
    scores, events = cohort(seed)
    theirs = _SigmoidCalibration().fit(scores, events)
    ours = fit_platt(scores, events)
    # Scikit-learn stops its own search at about eight digits.
    assert (ours.slope, ours.intercept) == pytest.approx((-theirs.a_, -theirs.b_), abs=1e-7)


def test_line_is_where_the_softened_loss_is_least() -> None:
    scores, events = cohort(4)
    targets = np.where(events, *platt_targets(int(events.sum()), int((~events).sum())))

    def slope_of_loss(line):
        p = 1 / (1 + np.exp(-(line[0] * scores + line[1])))
        return np.array([np.sum((p - targets) * scores), np.sum(p - targets)])

    root = optimize.fsolve(slope_of_loss, [1.0, 0.0], xtol=1e-13)
    ours = fit_platt(scores, events)
    assert (ours.slope, ours.intercept) == pytest.approx(tuple(root), abs=1e-8)


@given(st.integers(0, 2**32 - 1))
def test_probabilities_ignore_the_scale_of_the_score(seed: int) -> None:
    scores, events = cohort(seed, 40)
    one = apply_platt(fit_platt(scores, events), scores)
    moved = 250.0 * scores - 3.0
    other = apply_platt(fit_platt(moved, events), moved)
    np.testing.assert_allclose(other, one, rtol=1e-8)
    assert np.all((one > 0) & (one < 1))


def test_scores_that_separate_the_classes_get_a_finite_line() -> None:
    line = fit_platt(np.array([-3.0, -2.0, 2.0, 3.0]), np.array([False, False, True, True]))
    assert 0 < line.slope < 10


def test_scores_that_run_the_wrong_way_get_a_falling_line() -> None:
    scores, events = cohort(5)
    assert fit_platt(-scores, events).slope < 0


def test_far_scores_are_probabilities_without_overflow() -> None:
    line = PlattScaling(slope=1.0, intercept=0.0)
    assert apply_platt(line, np.array([-1e6, 1e6])).tolist() == [0.0, 1.0]


def test_one_score_for_everybody_is_refused() -> None:
    with pytest.raises(DataError, match="scores that differ"):
        fit_platt(np.ones(4), np.array([True, False, True, False]))


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(DataError, match="4 with and 0 without"):
        fit_platt(np.arange(4.0), np.ones(4, dtype=bool))
