"""Outcomes follow their probabilities, and the Bayes AUC is the expectation of drawn AUCs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from simulations.synthetic.factors import draw_factors
from simulations.synthetic.outcome import (
    bayes_auc,
    draw_outcome,
    drawn_auc,
    expected_auc,
    log_odds,
)


def population(patients, effect_scale, seed=3):
    rng = np.random.default_rng(seed)
    return [draw_outcome(draw_factors(rng), effect_scale, 0.0, rng) for _ in range(patients)]


def test_objective_response_happens_as_often_as_its_probability_says():
    outcomes = population(6000, 1.0)
    probability = np.array([outcome.probability for outcome in outcomes])
    event = np.array([outcome.event for outcome in outcomes])
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        chosen = (probability >= low) & (probability < high)
        error = 4.0 * np.sqrt(0.25 / chosen.sum())
        assert event[chosen].mean() == pytest.approx(probability[chosen].mean(), abs=error)


def test_bayes_auc_is_the_auc_of_the_truth_in_a_large_draw():
    for scale in (1.0, 5.0):
        outcomes = population(6000, scale)
        drawn = roc_auc_score([o.event for o in outcomes], [o.probability for o in outcomes])
        assert bayes_auc(scale) == pytest.approx(drawn, abs=0.02)


def test_demo_signal_is_strong_and_paper_signal_is_near_the_papers_auc():
    assert bayes_auc(5.0) > 0.95
    assert bayes_auc(1.0) == pytest.approx(0.80, abs=0.03)
    assert bayes_auc(0.0) == pytest.approx(0.5)


@given(st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.9]), min_size=2, max_size=12))
def test_expected_auc_equals_the_sum_over_pairs(values):
    p = np.array(values)
    better = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    weight = p[:, None] * (1.0 - p[None, :])
    assert expected_auc(p) == pytest.approx((weight * better).sum() / weight.sum())


def test_drawn_auc_equals_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    p = rng.integers(0, 6, 200) / 6.0
    event = rng.random(200) < expit(p)
    assert drawn_auc(p, event) == pytest.approx(roc_auc_score(event, p))


def test_drawn_auc_of_one_class_is_not_a_number():
    assert np.isnan(drawn_auc(np.array([0.2, 0.7]), np.array([True, True])))


def test_a_sites_shift_moves_every_patients_log_odds_alike():
    factors = draw_factors(np.random.default_rng(1))
    assert log_odds(factors, 2.0, 0.6) - log_odds(factors, 2.0, 0.0) == pytest.approx(0.6)


def test_effect_scale_does_not_change_the_patients_who_are_drawn():
    first, second = (np.random.default_rng(4) for _ in range(2))
    draw_outcome(draw_factors(first), 1.0, 0.0, first)
    draw_outcome(draw_factors(second), 5.0, 0.0, second)
    assert first.random() == second.random()
