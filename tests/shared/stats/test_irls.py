"""Newton on likelihood sums: against statsmodels, over sites, and refusing what has no maximum."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from shared.errors import ConvergenceError
from shared.stats.irls import bernoulli_parts, newton_maximise, solve_information


def cohort(seed: int, patients: int = 120):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(patients), rng.normal(size=(patients, 2))])
    targets = (rng.random(patients) < 1 / (1 + np.exp(-design @ [-0.5, 0.8, -0.3]))).astype(float)
    return design, targets


def maximise(design, targets, offset=None):
    return newton_maximise(
        lambda beta: bernoulli_parts(design, targets, beta, offset), np.zeros(design.shape[1])
    )


def test_gradient_and_information_are_the_derivatives_of_the_value() -> None:
    design, targets = cohort(1)
    offset, at = np.linspace(-1, 1, 120), np.array([0.2, -0.4, 0.9])
    parts = bernoulli_parts(design, targets, at, offset)
    value = lambda b: bernoulli_parts(design, targets, b, offset).value  # noqa: E731
    slope = optimize.approx_fprime(at, value, 1e-7)
    np.testing.assert_allclose(parts.gradient, slope, rtol=1e-4, atol=1e-4)
    curvature = optimize.approx_fprime(
        at, lambda b: bernoulli_parts(design, targets, b, offset).gradient, 1e-7
    )
    np.testing.assert_allclose(parts.information, -curvature, rtol=1e-4, atol=1e-4)


def test_maximum_equals_statsmodels() -> None:
    design, targets = cohort(2)
    found = maximise(design, targets)
    theirs = sm.Logit(targets, design).fit(disp=0, tol=1e-14, method="newton", maxiter=100)
    np.testing.assert_allclose(found.coefficients, theirs.params, rtol=1e-10)
    assert found.parts.value == pytest.approx(theirs.llf, rel=1e-13)
    assert np.abs(found.parts.gradient).max() < 1e-11


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 6]))
def test_sums_over_sites_give_the_pooled_fit(seed: int, sites: int) -> None:
    design, targets = cohort(seed)
    site = np.random.default_rng(seed).integers(0, sites, len(targets))

    def summed(beta):
        parts = [bernoulli_parts(design[site == s], targets[site == s], beta) for s in range(sites)]
        return sum(parts[1:], parts[0])

    federated = newton_maximise(summed, np.zeros(3))
    np.testing.assert_allclose(
        federated.coefficients, maximise(design, targets).coefficients, rtol=1e-10, atol=1e-12
    )


def test_columns_of_very_different_size_keep_their_digits() -> None:
    design, targets = cohort(3)
    scale = np.array([1.0, 1e6, 1e-6])
    np.testing.assert_allclose(
        maximise(design * scale, targets).coefficients * scale,
        maximise(design, targets).coefficients,
        rtol=1e-10,
    )


def test_far_tails_neither_overflow_nor_vanish() -> None:
    parts = bernoulli_parts(np.array([[1.0], [1.0]]), np.array([1.0, 0.0]), np.array([800.0]))
    assert parts.value == -800.0
    near = bernoulli_parts(np.array([[1.0]]), np.array([1.0]), np.array([40.0]))
    assert near.information[0, 0] == pytest.approx(np.exp(-40.0), rel=1e-12)


def test_a_likelihood_without_maximum_is_refused() -> None:
    design = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    with pytest.raises(ConvergenceError, match=r"Firth|separation"):
        newton_maximise(
            lambda beta: bernoulli_parts(design, np.array([0.0, 0.0, 1.0, 1.0]), beta),
            np.zeros(2),
            max_iterations=12,
        )


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.ones((2, 2)), np.full((2, 2), np.nan)])
def test_singular_information_is_refused(matrix) -> None:
    with pytest.raises(ConvergenceError, match="can be inverted"):
        solve_information(matrix, np.ones(2))


def test_solve_takes_many_columns_at_once() -> None:
    matrix = np.array([[4.0, 1.0], [1.0, 3.0]])
    np.testing.assert_allclose(
        solve_information(matrix, np.eye(2)), np.linalg.inv(matrix), rtol=1e-14
    )
