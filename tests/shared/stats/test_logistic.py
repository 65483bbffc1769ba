"""Logistic regression against R's glm, statsmodels and 2x2 tables, and under separation."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.contingency import odds_ratio
from shared.stats.logistic import FitMethod, fit_logistic, fit_stepwise

REFERENCE = json.loads((Path(__file__).parent / "reference" / "r_logistic.json").read_text())
COLUMNS = ("age", "thrombus", "lymphocyte")
DATA = {row_name: np.array([row[row_name] for row in REFERENCE["data"]]) for row_name in
        (*COLUMNS, "event")}  # fmt: skip
FEATURES = np.column_stack([DATA[name] for name in COLUMNS]).astype(float)
EVENTS = DATA["event"] == 1


def compare(fit, expected) -> None:
    tight = {"rtol": 1e-10}
    np.testing.assert_allclose([fit.intercept, *fit.coefficients], expected["coef"], **tight)
    np.testing.assert_allclose(fit.standard_errors, expected["se"][1:], **tight)
    np.testing.assert_allclose(fit.p, expected["p"][1:], **tight)
    np.testing.assert_allclose(np.log(fit.lower), expected["lower"][1:], **tight)
    np.testing.assert_allclose(np.log(fit.upper), expected["upper"][1:], **tight)
    assert fit.log_likelihood == pytest.approx(expected["loglik"], rel=1e-12)


def test_multivariable_fit_equals_r() -> None:
    compare(fit_logistic(FEATURES, EVENTS), REFERENCE["multivariable"])


@pytest.mark.parametrize("column", range(3))
def test_univariable_fit_equals_r(column: int) -> None:
    compare(fit_logistic(FEATURES[:, [column]], EVENTS), REFERENCE["univariable"][COLUMNS[column]])


def test_covariance_equals_statsmodels() -> None:
    fit = fit_logistic(FEATURES, EVENTS)
    theirs = sm.Logit(EVENTS, sm.add_constant(FEATURES)).fit(disp=0, tol=1e-14, maxiter=100)
    np.testing.assert_allclose(fit.covariance, theirs.cov_params(), rtol=1e-8)


def test_one_binary_covariate_equals_the_wald_odds_ratio_of_its_table() -> None:
    table = np.array([[15, 75], [2, 35]])
    exposed = np.repeat([1.0, 1.0, 0.0, 0.0], table.ravel())[:, np.newaxis]
    fit = fit_logistic(exposed, np.repeat([True, False, True, False], table.ravel()))
    ratio = odds_ratio(table)
    np.testing.assert_allclose(
        [fit.odds_ratios[0], fit.lower[0], fit.upper[0], fit.p[0]],
        [ratio.value, ratio.lower, ratio.upper, ratio.p],
        rtol=1e-11,
    )


@given(st.integers(0, 2**32 - 1))
def test_order_unit_and_naming_of_the_event_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(80, 2))
    events = rng.random(80) < 1 / (1 + np.exp(-features[:, 0]))
    order = rng.permutation(80)
    fit = fit_logistic(features, events)
    other = fit_logistic((features * [1000.0, 0.01])[order], ~events[order])
    np.testing.assert_allclose(other.coefficients * [1000.0, 0.01], -fit.coefficients, rtol=1e-9)
    np.testing.assert_allclose(other.p, fit.p, rtol=1e-8)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("cells", [(5, 0, 3, 9), (6, 0, 0, 8)])
def test_separation_is_answered_by_firth(cells) -> None:
    exposed = np.repeat([1.0, 1.0, 0.0, 0.0], cells)[:, np.newaxis]
    fit = fit_logistic(exposed, np.repeat([True, False, True, False], cells))
    a, b, c, d = (cell + 0.5 for cell in cells)
    assert fit.method is FitMethod.FIRTH
    assert fit.odds_ratios[0] == pytest.approx(a * d / (b * c), rel=1e-9)
    assert 1 < fit.lower[0] < fit.odds_ratios[0] < fit.upper[0]
    assert fit.p[0] < 0.05


def test_separation_by_a_covariate_beside_others_is_answered_by_firth() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(40, 3))
    fit = fit_logistic(features, features[:, 1] > 0.2)
    assert fit.method is FitMethod.FIRTH
    assert np.all(np.isfinite(fit.coefficients))
    assert fit.lower[1] > 1


def test_strong_but_overlapping_covariates_keep_maximum_likelihood() -> None:
    marker = np.array([0.0, 1.0, 2.0, 3.0, 100.0, 101.0, 2.5, 110.0])[:, np.newaxis]
    events = np.array([False, False, False, True, True, True, False, True])
    events[[3, 6]] = [False, True]
    fit = fit_logistic(marker, events)
    assert fit.method is FitMethod.MAXIMUM_LIKELIHOOD


def test_covariates_enter_the_multivariable_model_by_their_univariable_p() -> None:
    result = fit_stepwise(FEATURES, EVENTS)
    p = [REFERENCE["univariable"][name]["p"][1] for name in COLUMNS]
    assert result.entered == tuple(i for i, value in enumerate(p) if value < 0.05)
    wide = fit_stepwise(FEATURES, EVENTS, entry_p=1.0)
    assert wide.entered == (0, 1, 2)
    assert wide.multivariable is not None
    np.testing.assert_allclose(
        wide.multivariable.coefficients, fit_logistic(FEATURES, EVENTS).coefficients, rtol=1e-12
    )


def test_no_multivariable_model_where_nothing_enters() -> None:
    assert fit_stepwise(FEATURES, EVENTS, entry_p=0.0).multivariable is None


def test_events_per_variable_counts_the_rarer_class() -> None:
    assert fit_logistic(FEATURES, EVENTS).events_per_variable == pytest.approx(EVENTS.sum() / 3)
    assert fit_logistic(FEATURES, ~EVENTS).events_per_variable == pytest.approx(EVENTS.sum() / 3)


def test_a_constant_covariate_is_refused() -> None:
    with pytest.raises(DataError, match="constant"):
        fit_logistic(np.column_stack([FEATURES, np.ones(len(EVENTS))]), EVENTS)


def test_a_cohort_of_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="0 with"):
        fit_logistic(FEATURES, np.zeros(len(EVENTS), dtype=bool))


def test_intervals_widen_with_the_level() -> None:
    wide, narrow = fit_logistic(FEATURES, EVENTS, 0.99), fit_logistic(FEATURES, EVENTS, 0.9)
    assert np.all(wide.lower < narrow.lower)
    assert np.all(wide.upper > narrow.upper)
    assert math.isclose(wide.intercept, narrow.intercept)
