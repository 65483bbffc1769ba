"""Profile intervals of Firth's fit against brute force on the penalised likelihood."""

import math

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as scipy_stats

from shared.errors import DataError
from shared.stats.firth import maximise_penalised, penalised_log_likelihood
from shared.stats.firth_profile import profile


def cohort(seed: int, patients: int, covariates: int, *, separated: bool):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, covariates))
    risk = x[:, 0] if separated else x[:, 0] + rng.logistic(size=patients)
    return np.column_stack([np.ones(patients), x]), risk > 0.4


def brute_profile(design, events, column: int, value: float) -> float:
    """Maximise over the other coefficients without derivatives, from many starts."""

    def loss(free):
        return -penalised_log_likelihood(design, events, np.insert(free, column, value))

    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20000, "maxfev": 20000}
    best = math.inf
    for start in (0.0, 1.0, -1.0):
        rough = np.full(design.shape[1] - 1, start)
        for _ in range(2):
            found = optimize.minimize(loss, rough, method="Nelder-Mead", options=options)
            rough = found.x
        best = min(best, found.fun)
    return -best


@pytest.mark.parametrize(("seed", "separated"), [(3, True), (3, False), (8, True)])
def test_limits_lie_where_brute_force_drops_by_the_quantile(seed: int, separated: bool) -> None:  # noqa: FBT001 - a parameter of the test
    design, events = cohort(seed, 25, 2, separated=separated)
    found = maximise_penalised(design, events)
    result = profile(design, events, found, 2)
    for limit in (result.lower, result.upper):
        drop = 2 * (found.log_likelihood - brute_profile(design, events, 2, limit))
        assert drop == pytest.approx(scipy_stats.chi2.ppf(0.95, 1), rel=1e-6)


@pytest.mark.parametrize("separated", [True, False])
def test_p_is_that_of_the_brute_force_likelihood_ratio(separated: bool) -> None:  # noqa: FBT001
    design, events = cohort(3, 25, 2, separated=separated)
    found = maximise_penalised(design, events)
    for column in (1, 2):
        ratio = 2 * (found.log_likelihood - brute_profile(design, events, column, 0.0))
        expected = scipy_stats.chi2.sf(ratio, 1)
        assert profile(design, events, found, column).p == pytest.approx(expected, rel=1e-7)


def test_separation_gives_a_finite_ratio_with_one_wide_side() -> None:
    design, events = cohort(4, 30, 1, separated=True)
    found = maximise_penalised(design, events)
    result = profile(design, events, found, 1)
    assert 0 < result.lower < found.coefficients[1] < result.upper
    assert result.upper - found.coefficients[1] > found.coefficients[1] - result.lower
    assert result.p < 0.001


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_the_unit_of_a_covariate_only_stretches_its_limits(unit: float) -> None:
    design, events = cohort(5, 30, 2, separated=False)
    one = profile(design, events, maximise_penalised(design, events), 2)
    scaled = design * [1.0, 1.0, unit]
    other = profile(scaled, events, maximise_penalised(scaled, events), 2)
    expected = (one.lower, one.upper, one.p)
    assert (other.lower * unit, other.upper * unit, other.p) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(10, 16))
def test_every_separated_cohort_gets_limits_around_its_estimate(seed: int) -> None:
    design, events = cohort(seed, 12 + 5 * (seed - 10), 2, separated=True)
    found = maximise_penalised(design, events)
    for column in (1, 2):
        result = profile(design, events, found, column)
        assert result.lower < found.coefficients[column] < result.upper
        assert 0 <= result.p <= 1


def test_an_impossible_level_is_refused() -> None:
    design, events = cohort(6, 20, 1, separated=False)
    with pytest.raises(DataError, match="confidence level"):
        profile(design, events, maximise_penalised(design, events), 1, level=1.0)
