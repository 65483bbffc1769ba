"""Net benefit against its definition, patient by patient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.decision_curve import net_benefit

THRESHOLDS = np.array([0.05, 0.2, 0.5, 0.8])


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_every_point_equals_the_definition(seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    p, events = np.round(rng.random(patients), 1), rng.random(patients) < 0.4
    curve = net_benefit(p, events, THRESHOLDS)
    for threshold, value in zip(THRESHOLDS, curve.model, strict=True):
        called = p >= threshold
        weight = threshold / (1 - threshold)
        expected = np.mean(called & events) - np.mean(called & ~events) * weight
        assert value == pytest.approx(expected, abs=1e-13)


def test_calling_everybody_is_the_model_that_always_says_one() -> None:
    events = np.arange(30) % 4 == 0
    curve = net_benefit(np.ones(30), events, THRESHOLDS)
    np.testing.assert_allclose(curve.model, curve.everybody, atol=1e-14)


def test_calling_everybody_is_worth_nothing_at_the_prevalence() -> None:
    events = np.arange(20) % 5 == 0
    assert net_benefit(np.ones(20), events, np.array([0.2])).everybody[0] == pytest.approx(0)


def test_a_perfect_model_is_worth_the_prevalence_everywhere() -> None:
    events = np.arange(20) % 5 == 0
    curve = net_benefit(events.astype(float), events, THRESHOLDS)
    np.testing.assert_allclose(curve.model, 0.2)


@pytest.mark.parametrize(
    ("p", "threshold"), [([0.5, 1.2], 0.5), ([0.5, 0.6], 1.0), ([0.5, 0.6], 0.0)]
)
def test_values_out_of_range_are_refused(p, threshold: float) -> None:
    with pytest.raises(DataError, match="out of range"):
        net_benefit(np.array(p), np.array([True, False]), np.array([threshold]))


def test_an_empty_cohort_is_refused() -> None:
    with pytest.raises(DataError, match="0 patients"):
        net_benefit(np.array([], dtype=float), np.array([], dtype=bool), THRESHOLDS)
