"""Tests, curves and regressions over sites equal those of the pooled patients."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from client.local_moments import answer_moments
from client.local_statistics import answer_statistics
from server.federated_statistics import (
    compare_categories,
    compare_means,
    compare_ranks,
    compare_survival,
    fit_logistic_models,
)
from shared.aggregation.sum_channel import PlainSumChannel
from shared.errors import ConvergenceError, DataError, DisclosureError
from shared.messages.moments import MomentsRequest
from shared.stats.contingency import chi_square, fisher_exact
from shared.stats.cox import hazard_ratio
from shared.stats.logistic import FitMethod, fit_logistic
from shared.stats.logrank import grouped_event_table, log_rank
from shared.stats.survival import event_table, kaplan_meier, median_survival, survival_at
from shared.stats.two_samples import mann_whitney, welch_t


def cohort(size: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    group = (rng.random(size) < 0.6).astype(float)
    group[:4] = 0, 0, 1, 1
    died = np.ceil(rng.exponential(250 * np.exp(-0.5 * group)))
    lost = np.ceil(rng.uniform(30, 700, size))
    ast = np.rint(np.exp(rng.normal(4, 0.7, size)))
    albumin = rng.normal(38, 5, size)
    logit = 0.02 * (ast - 60) - 0.1 * (albumin - 38) + 0.7 * group - 1.2
    return {
        "group": group,
        "days": np.minimum(died, lost),
        "dead": (died <= lost).astype(float),
        "ast": ast,
        "albumin": albumin,
        "stage": rng.integers(0, 3, size).astype(float),
        "event": (rng.random(size) < 1 / (1 + np.exp(-logit))).astype(float),
    }


def channel(federation, table, sites, **kwargs):
    size = table["group"].size
    order = np.argsort(np.arange(size) % sites, kind="stable")
    parts = np.array_split(order, sites)

    def answering(part, site):
        own = {name: column[part] for name, column in table.items()}

        def answer(request):
            if isinstance(request, MomentsRequest):
                return answer_moments(request, own, site, masked=True)
            return answer_statistics(request, own, masked=True)

        return answer

    answers = {f"s{k}": answering(part, f"s{k}") for k, part in enumerate(parts)}
    return PlainSumChannel(federation(answers, **kwargs), minimum_sites=1)


SITES = pytest.mark.parametrize("sites", [1, 3, 6])
SIZES = pytest.mark.parametrize("size", [36, 191])


@SITES
@SIZES
def test_survival_equals_that_of_the_pooled_patients(federation, sites, size):
    table = cohort(size)
    result = compare_survival(
        channel(federation, table, sites), "days", "dead", group="group", groups=2
    )
    groups, dead = table["group"].astype(int), table["dead"] == 1
    grouped = grouped_event_table(table["days"], dead, groups, 2)
    test, ratio = log_rank(grouped), hazard_ratio(grouped)
    assert result.log_rank.chi_square == pytest.approx(test.chi_square, rel=1e-12)
    assert result.log_rank.p == pytest.approx(test.p, rel=1e-12)
    assert result.hazard_ratio.log_hazard == pytest.approx(ratio.log_hazard, rel=1e-12)
    assert result.hazard_ratio.log_standard_error == pytest.approx(
        ratio.log_standard_error, rel=1e-12
    )
    for place in (0, 1):
        own = groups == place
        curve = kaplan_meier(event_table(table["days"][own], dead[own]))
        assert str(result.medians[place]) == str(median_survival(curve))
        released = result.curves[place]
        days = released.months * 30.4375
        np.testing.assert_allclose(released.survival, survival_at(curve, days), rtol=1e-12)
        at_risk = [(table["days"][own] >= day).sum() for day in days]
        assert released.at_risk.tolist() == at_risk
        assert min(at_risk) >= 5


def test_a_released_curve_has_no_day_of_a_single_patient(federation):
    result = compare_survival(channel(federation, cohort(191), 3), "days", "dead")
    (curve,) = result.curves
    assert np.diff(curve.months).tolist() == [1] * (curve.months.size - 1)
    assert result.log_rank is None


@pytest.mark.parametrize(
    ("day", "expected"), [(12.5, "whole days"), (-1.0, "whole days"), (9000.0, "7305")]
)
def test_a_day_off_the_grid_is_refused_not_cut(federation, day, expected):
    table = cohort(60)
    table["days"][3] = day
    with pytest.raises(DataError, match=expected):
        compare_survival(channel(federation, table, 3), "days", "dead")


def test_a_group_without_patients_is_refused(federation):
    with pytest.raises(DataError, match="each of 3 groups"):
        compare_survival(
            channel(federation, cohort(60), 3), "days", "dead", group="group", groups=3
        )


@SITES
@SIZES
def test_means_compare_as_in_the_pooled_patients(federation, sites, size):
    table = cohort(size)
    table["albumin"][::7] = np.nan
    result = compare_means(channel(federation, table, sites), "albumin", "group")
    values = [table["albumin"][table["group"] == g] for g in (0, 1)]
    pooled = welch_t(*(v[~np.isnan(v)] for v in values))
    for name in ("difference", "t", "degrees", "p"):
        assert getattr(result, name) == pytest.approx(getattr(pooled, name), rel=1e-11)


@SITES
@SIZES
@pytest.mark.parametrize("continuity", [True, False])
def test_ranks_of_whole_numbers_compare_exactly(federation, sites, size, continuity):
    table = cohort(size)
    grid = np.arange(1.0, 3001.0)
    result = compare_ranks(
        channel(federation, table, sites), "ast", "group", grid, continuity=continuity
    )
    first, second = (table["ast"][table["group"] == g] for g in (0, 1))
    pooled = mann_whitney(first, second, continuity=continuity)
    assert result.u == pooled.u
    assert result.z == pytest.approx(pooled.z, rel=1e-14)
    assert result.p == pytest.approx(
        scipy_stats.mannwhitneyu(
            first, second, method="asymptotic", use_continuity=continuity
        ).pvalue,
        rel=1e-12,
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=12, max_size=40))
def test_heavily_tied_ranks_compare_exactly(federation, values):
    table = {
        "x": np.array(values, dtype=float),
        "group": (np.arange(len(values)) % 2).astype(float),
    }
    # Two sites' worth of rows each: the smallest cohort a site answers for is five.
    result = compare_ranks(channel(federation, table, 2), "x", "group", np.arange(7.0))
    pooled = mann_whitney(*(table["x"][table["group"] == g] for g in (0, 1)))
    assert (result.u, result.z, result.p) == (pooled.u, pooled.z, pooled.p)


def test_values_beyond_the_grid_stay_in_the_open_cells(federation):
    table = cohort(191)
    inner = np.arange(30.0, 90.0)
    result = compare_ranks(channel(federation, table, 3), "ast", "group", inner)
    clipped = np.clip(table["ast"], 30, 90)
    pooled = mann_whitney(*(clipped[table["group"] == g] for g in (0, 1)))
    assert result.u == pooled.u


@SITES
def test_categories_compare_exactly(federation, sites):
    table = cohort(191)
    result = compare_categories(channel(federation, table, sites), "stage", "group", (0, 1, 2))
    counts = np.array(
        [[np.sum((table["group"] == g) & (table["stage"] == s)) for s in range(3)] for g in (0, 1)]
    )
    assert result.table.tolist() == counts.tolist()
    assert result.chi_square == chi_square(counts)
    assert result.fisher_p == fisher_exact(counts)
    assert result.recommended.p == result.chi_square.p


def test_a_code_above_the_levels_is_refused(federation):
    with pytest.raises(DataError, match="codes up to 1"):
        compare_categories(channel(federation, cohort(60), 3), "stage", "group", (0, 1))


MODELS = (("ast",), ("albumin",), ("group",), ("ast", "albumin", "group"))


@SITES
@SIZES
def test_regressions_equal_those_of_the_pooled_patients(federation, sites, size):
    table = cohort(size)
    ask = channel(federation, table, sites)
    fits = fit_logistic_models(ask, ("ast", "albumin", "group"), "event", MODELS)
    for fit, model in zip(fits, MODELS, strict=True):
        design = np.stack([table[name] for name in model], axis=1)
        pooled = fit_logistic(design, table["event"] == 1)
        reference = sm.Logit(table["event"], sm.add_constant(design)).fit(disp=0, tol=1e-14)
        assert fit.method is FitMethod.MAXIMUM_LIKELIHOOD
        np.testing.assert_allclose(fit.coefficients, pooled.coefficients, rtol=1e-10)
        np.testing.assert_allclose(fit.coefficients, reference.params[1:], rtol=1e-8)
        np.testing.assert_allclose(fit.standard_errors, pooled.standard_errors, rtol=1e-10)
        np.testing.assert_allclose(fit.p, pooled.p, rtol=1e-9)
        np.testing.assert_allclose(fit.upper, pooled.upper, rtol=1e-9)
        assert fit.log_likelihood == pytest.approx(pooled.log_likelihood, rel=1e-12)
        assert (fit.patients, fit.events) == (pooled.patients, pooled.events)


def test_models_leave_out_only_patients_who_lack_their_own_columns(federation):
    table = cohort(191)
    table["ast"][::5] = np.nan
    fits = fit_logistic_models(
        channel(federation, table, 3), ("ast", "albumin"), "event", (("ast",), ("albumin",))
    )
    complete = ~np.isnan(table["ast"])
    pooled = fit_logistic(table["ast"][complete, np.newaxis], table["event"][complete] == 1)
    assert [fit.patients for fit in fits] == [int(complete.sum()), 191]
    np.testing.assert_allclose(fits[0].coefficients, pooled.coefficients, rtol=1e-10)


@pytest.mark.parametrize("kind", ["complete", "quasi"])
@SITES
def test_separation_is_proven_and_answered_by_firth(federation, kind, sites):
    table = cohort(60)
    if kind == "complete":
        table["marker"] = table["event"] * 3 + np.linspace(0, 1, 60)
    else:
        table["marker"] = table["event"] * (np.arange(60) % 2)
    models = (("marker",), ("albumin",), ("marker", "albumin"))
    fits = fit_logistic_models(
        channel(federation, table, sites), ("marker", "albumin"), "event", models
    )
    for fit, model in zip(fits, models, strict=True):
        design = np.stack([table[name] for name in model], axis=1)
        pooled = fit_logistic(design, table["event"] == 1)
        assert fit.method is pooled.method
        np.testing.assert_allclose(fit.coefficients, pooled.coefficients, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(fit.standard_errors, pooled.standard_errors, rtol=1e-6)
        np.testing.assert_allclose(fit.p, pooled.p, rtol=1e-5)
        if fit.method is FitMethod.FIRTH:
            assert np.isnan(fit.lower).all()
            assert np.isnan(fit.upper).all()


def test_a_constant_column_is_refused_not_estimated(federation):
    table = cohort(90)
    table["constant"] = np.full(90, 2.0)
    with pytest.raises(ConvergenceError, match="constant"):
        fit_logistic_models(channel(federation, table, 3), ("constant",), "event", (("constant",),))


def test_one_class_is_refused(federation):
    table = cohort(90)
    table["event"] = np.zeros(90)
    with pytest.raises(DataError, match="with and without the event"):
        fit_logistic_models(channel(federation, table, 3), ("ast",), "event", (("ast",),))


def test_too_many_coefficients_for_the_patients_are_refused(federation):
    table = cohort(36)
    names = tuple(f"x{k}" for k in range(13))
    table |= {name: np.random.default_rng(k).random(36) for k, name in enumerate(names)}
    with pytest.raises(DisclosureError, match="at most 12 parameters"):
        fit_logistic_models(channel(federation, table, 3), names, "event", (names,))


def test_a_site_that_drops_out_leaves_the_regression_of_the_others(federation):
    table = cohort(191)
    ask = channel(federation, table, 4, gone_at={"s1": 4})
    (fit,) = fit_logistic_models(ask, ("ast",), "event", (("ast",),))
    order = np.argsort(np.arange(191) % 4, kind="stable")
    rest = np.concatenate([p for k, p in enumerate(np.array_split(order, 4)) if k != 1])
    pooled = fit_logistic(table["ast"][rest, np.newaxis], table["event"][rest] == 1)
    np.testing.assert_allclose(fit.coefficients, pooled.coefficients, rtol=1e-10)
    assert fit.patients == rest.size
