"""Firth's fit against closed forms and against brute force on the penalised likelihood."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from shared.stats.firth import maximise_penalised, penalised_log_likelihood


def table_2x2(a: int, b: int, c: int, d: int):
    """Exposed with and without the event, unexposed with and without."""
    sizes = [a, b, c, d]
    exposed = np.repeat([1.0, 1.0, 0.0, 0.0], sizes)
    return (
        np.column_stack([np.ones(sum(sizes)), exposed]),
        np.repeat([True, False, True, False], sizes),
    )


def cohort(seed: int, patients: int, covariates: int, *, separated: bool):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(patients, covariates))
    risk = x[:, 0] if separated else x[:, 0] + rng.logistic(size=patients)
    return np.column_stack([np.ones(patients), x]), risk > 0.4


def by_definition(design, events, beta) -> float:
    """Log-likelihood plus half the log determinant, written out."""
    predictor = design @ beta
    p = 1 / (1 + np.exp(-predictor))
    information = design.T @ np.diag(p * (1 - p)) @ design
    log_likelihood = -np.sum(np.logaddexp(0, np.where(events, -predictor, predictor)))
    return float(log_likelihood + 0.5 * np.linalg.slogdet(information)[1])


def brute_maximum(design, events):
    """Maximise without derivatives, to the precision of the values."""
    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 20000, "maxfev": 20000}

    def loss(beta):
        return -by_definition(design, events, beta)

    rough = optimize.minimize(
        loss, np.zeros(design.shape[1]), method="Nelder-Mead", options=options
    )
    fine = optimize.minimize(loss, rough.x, method="Nelder-Mead", options=options)
    return fine.x, -fine.fun


def test_penalised_likelihood_equals_the_definition() -> None:
    design, events = cohort(1, 40, 3, separated=False)
    for beta in (np.zeros(4), np.array([0.3, -1.0, 2.0, 0.1])):
        ours = penalised_log_likelihood(design, events, beta)
        assert ours == pytest.approx(by_definition(design, events, beta), rel=1e-12)


def test_a_singular_information_is_infinitely_unlikely() -> None:
    design = np.zeros((3, 1))
    assert penalised_log_likelihood(design, np.array([True, False, True]), np.zeros(1)) == -math.inf


@pytest.mark.parametrize("cells", [(15, 63, 2, 47), (5, 0, 3, 9), (0, 6, 4, 5), (5, 0, 0, 5)])
def test_one_binary_covariate_adds_one_half_to_every_cell(cells) -> None:
    a, b, c, d = (cell + 0.5 for cell in cells)
    found = maximise_penalised(*table_2x2(*cells))
    expected = [math.log(c / d), math.log(a * d / (b * c))]
    np.testing.assert_allclose(found.coefficients, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("separated", [True, False])
def test_maximum_equals_brute_force(separated: bool) -> None:  # noqa: FBT001 - a parameter of the test
    design, events = cohort(2, 25, 2, separated=separated)
    found = maximise_penalised(design, events)
    coefficients, value = brute_maximum(design, events)
    # The brute value is flat to rounding within about 1e-7 of its top.
    np.testing.assert_allclose(found.coefficients, coefficients, rtol=2e-6, atol=2e-6)
    assert found.log_likelihood == pytest.approx(value, rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_scale_and_order_do_not_matter(seed: int, separated: bool) -> None:  # noqa: FBT001
    design, events = cohort(seed, 20, 2, separated=separated)
    if events.all() or not events.any():
        return
    found = maximise_penalised(design, events)
    order = np.random.default_rng(seed).permutation(20)
    scale = np.array([1.0, 1e3, 1e-2])
    other = maximise_penalised((design * scale)[order], events[order])
    np.testing.assert_allclose(other.coefficients * scale, found.coefficients, rtol=1e-7, atol=1e-9)


def test_naming_the_other_class_turns_the_signs() -> None:
    design, events = cohort(6, 30, 2, separated=True)
    one, other = maximise_penalised(design, events), maximise_penalised(design, ~events)
    np.testing.assert_allclose(other.coefficients, -one.coefficients, rtol=1e-9)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)
