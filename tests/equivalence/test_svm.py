"""The machine fitted over sites equals the machine fitted on the pooled patients."""

import dataclasses

import numpy as np
import pytest
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC, LinearSVC

from client.local_moments import answer_moments
from client.local_svm import answer_svm
from server.federated_moments import Columns
from server.federated_svm import SvmSettings, fit_svm
from shared.errors import DataError, DisclosureError, MessageError
from shared.fusion.folds import assign_folds, site_generator
from shared.fusion.standardize import prepare
from shared.fusion.svm import calls, decision_values, lift, probabilities
from shared.messages.moments import MomentsRequest

SECRET = b"thirty-two random bytes, or more"
FEATURES = 32


def cohort(patients: int, seed: int = 0, features: int = FEATURES):
    """Skewed, binary and counted columns; an outcome of about one in five."""
    rng = np.random.default_rng(seed)
    columns = {
        f"x{j}": (
            np.exp(rng.normal(4, 1.5, patients))
            if j % 4 == 0
            else (rng.random(patients) < 0.6).astype(float)
            if j % 4 == 1
            else rng.normal(10, 3, patients)
        )
        for j in range(features)
    }
    logit = 0.8 * np.log(columns["x0"]) + columns["x1"] + 0.3 * columns["x2"] - 8.5
    columns["event"] = (rng.random(patients) < 1 / (1 + np.exp(-logit))).astype(float)
    return columns


def columns_of(table):
    names = tuple(name for name in table if name != "event")
    return Columns(names, logged=tuple(n for n in names if int(n[1:]) % 4 == 0), event="event")


def split(table, sites: int, seed: int = 1):
    where = np.random.default_rng(seed).integers(0, sites, table["event"].size)
    return {f"s{k}": {n: c[where == k] for n, c in table.items()} for k in range(sites)}


def answering(table, site, secret=SECRET):
    def answer(request):
        if isinstance(request, MomentsRequest):
            return answer_moments(request, table, site, masked=True)
        return answer_svm(request, table, site, rotation_secret=secret)

    return answer


def federate(federation, parts, **kwargs):
    return federation({s: answering(t, s) for s, t in parts.items()}, **kwargs)


def pooled(parts):
    return {n: np.concatenate([t[n] for t in parts.values()]) for n in next(iter(parts.values()))}


def exact_solution(design, signs, weights, penalty):
    """Minimise |w|^2/2 + C sum c max(0, 1 - y f)^2 by Newton to machine precision."""
    point = np.zeros(design.shape[1])

    def value(w):
        short = np.maximum(0, 1 - signs * (design @ w))
        return 0.5 * w @ w + penalty * np.sum(weights * short**2)

    for _ in range(200):
        margin = 1 - signs * (design @ point)
        active = margin > 0
        z, c = design[active], weights[active]
        gradient = point - 2 * penalty * z.T @ (c * signs[active] * margin[active])
        if np.abs(gradient).max() < 1e-13:
            return point
        curvature = np.eye(point.size) + 2 * penalty * (z.T * c) @ z
        step, size = -np.linalg.solve(curvature, gradient), 1.0
        while value(point + size * step) > value(point) * (1 + 1e-15) and size > 1e-3:
            size /= 2
        point = point + size * step
    raise AssertionError


@pytest.mark.parametrize(
    ("patients", "sites", "balanced"),
    [(127, 3, False), (127, 6, True), (127, 1, True), (500, 3, True), (500, 6, False)],
)
def test_weights_equal_the_exact_pooled_solution(federation, patients, sites, balanced):
    parts = split(cohort(patients, seed=patients), sites)
    table = pooled(parts)
    settings = SvmSettings(penalties=(0.1,), balanced=balanced, folds=2)
    result = fit_svm(federate(federation, parts), columns_of(table), settings, minimum_sites=1)
    design, _ = lift(prepare(table, result.model.preparation), 1)
    events = table["event"] == 1
    weight = patients / 2 / np.where(events, events.sum(), (~events).sum())
    weights = weight if balanced else np.ones(patients)
    exact = exact_solution(design, np.where(events, 1.0, -1.0), weights, 0.1)
    tolerance = 2e-5 if balanced and patients == 127 else 1e-6
    np.testing.assert_allclose(result.model.weights, exact, atol=tolerance)
    decisions = design @ exact
    np.testing.assert_allclose(decision_values(result.model, table), decisions, atol=1e-5)
    clear = np.abs(decisions) > 1e-5
    unmoved = dataclasses.replace(result.model, threshold=0.0)
    assert (calls(unmoved, table) == (decisions > 0))[clear].all()
    assert result.descent.evaluations <= 33


def test_weights_equal_scikit_learn_within_its_own_tolerance(federation):
    parts = split(cohort(200, seed=3), 3)
    table = pooled(parts)
    settings = SvmSettings(penalties=(0.03,), folds=2)
    model = fit_svm(federate(federation, parts), columns_of(table), settings).model
    reference = LinearSVC(
        C=0.03, loss="squared_hinge", dual=False, class_weight="balanced", tol=1e-12
    ).fit(prepare(table, model.preparation), table["event"])
    np.testing.assert_allclose(model.weights[:-1], reference.coef_[0], atol=1e-6)
    assert model.weights[-1] == pytest.approx(reference.intercept_[0], abs=1e-6)


def test_cross_validation_and_calibration_equal_the_pooled_ones(federation):
    parts = split(cohort(200, seed=5), 4)
    table = pooled(parts)
    result = fit_svm(federate(federation, parts), columns_of(table), SvmSettings(seed=9))
    events = table["event"] == 1
    folds = np.concatenate(
        [assign_folds(t["event"] == 1, 5, site_generator(9, s)) for s, t in parts.items()]
    )
    names = columns_of(table)
    matrix = np.stack(
        [np.log(table[n]) if n in names.logged else table[n] for n in names.names], axis=1
    )
    areas = np.zeros((5, 5))
    scores = np.zeros((5, events.size))
    for row, penalty in enumerate(SvmSettings().penalties):
        for fold in range(5):
            training = folds != fold
            scaled = (matrix - matrix[training].mean(axis=0)) / matrix[training].std(axis=0)
            model = LinearSVC(C=penalty, dual=False, class_weight="balanced", tol=1e-12)
            model.fit(scaled[training], events[training])
            scores[row, ~training] = model.decision_function(scaled[~training])
            areas[row, fold] = roc_auc_score(events[~training], scores[row, ~training])
    np.testing.assert_allclose(result.fold_aucs, areas, atol=1e-12)
    assert result.penalty == SvmSettings().penalties[int(np.argmax(areas.mean(axis=1).round(12)))]
    chosen = scores[SvmSettings().penalties.index(result.penalty)]
    assert result.out_of_fold_auc.auc == pytest.approx(roc_auc_score(events, chosen), abs=1e-12)
    platt = _SigmoidCalibration().fit(chosen, events)
    assert result.model.slope == pytest.approx(-platt.a_, abs=2e-6)
    assert result.model.intercept == pytest.approx(-platt.b_, abs=2e-6)
    called = chosen >= result.model.threshold
    youden = called[events].mean() - called[~events].mean()
    every = [(chosen >= t)[events].mean() - (chosen >= t)[~events].mean() for t in chosen]
    assert youden == pytest.approx(max(every), abs=1e-12)
    assert 0 < probabilities(result.model, table).mean() < 1


def test_the_machine_does_not_depend_on_how_patients_are_divided(federation):
    table = cohort(150, seed=7)
    settings = SvmSettings(penalties=(0.03,), folds=2)
    models = [
        fit_svm(
            federate(federation, split(table, sites, seed=sites)),
            columns_of(table),
            settings,
            minimum_sites=1,
        ).model.weights
        for sites in (1, 6)
    ]
    np.testing.assert_allclose(models[1], models[0], atol=1e-6)


def test_second_order_features_solve_the_corrected_kernel_machine(federation):
    parts = split(cohort(90, seed=8, features=5), 3)
    table = pooled(parts)
    settings = SvmSettings(penalties=(1.0,), degree=2, balanced=False, folds=2, gradients=150)
    model = fit_svm(federate(federation, parts), columns_of(table), settings).model
    features = prepare(table, model.preparation)
    lifted, lacking = lift(features, 2)
    kernel = lifted[:, :-1] @ lifted[:, :-1].T
    dual = SVC(C=1.0, kernel="precomputed", tol=1e-10)
    dual.fit(kernel + np.diag(lacking), table["event"])
    expected = kernel[:, dual.support_] @ dual.dual_coef_[0] + dual.intercept_
    np.testing.assert_allclose(decision_values(model, table), expected, atol=1e-6)


def test_second_order_features_come_close_to_the_gaussian_kernel():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 32))
    lifted, lacking = lift(features, 2)
    kernel = lifted[:, :-1] @ lifted[:, :-1].T + np.diag(lacking)
    squared = np.sum((features[:, None] - features[None]) ** 2, axis=2)
    np.testing.assert_allclose(np.diag(kernel), 1, atol=1e-12)
    error = np.abs(kernel - np.exp(-squared / 32))
    assert error.max() < 0.1
    assert error.mean() < 2e-3


def test_missing_values_are_filled_and_indicated(federation):
    table = cohort(200, seed=2)
    table["x2"][np.random.default_rng(0).random(200) < 0.2] = np.nan
    settings = SvmSettings(penalties=(0.03,), folds=2)
    model = fit_svm(federate(federation, split(table, 3)), columns_of(table), settings).model
    assert model.preparation.features[-1] == "x2 missing"
    assert model.weights.size == FEATURES + 2
    assert np.isfinite(decision_values(model, table)).all()


def test_a_site_with_one_class_and_a_constant_column_takes_part(federation):
    parts = split(cohort(200, seed=4), 4)
    parts["s1"]["event"] = np.zeros_like(parts["s1"]["event"])
    for table in parts.values():
        table["x2"] = np.full_like(table["x2"], 7.0)
    settings = SvmSettings(penalties=(0.03,), folds=2)
    result = fit_svm(federate(federation, parts), columns_of(pooled(parts)), settings)
    assert result.sites == ("s0", "s1", "s2", "s3")
    assert abs(result.model.weights[2]) < 1e-10


def test_a_site_that_drops_out_mid_round_leaves_the_fit_of_the_others(federation):
    parts = split(cohort(240, seed=6), 4)
    settings = SvmSettings(penalties=(0.03,), folds=2)
    columns = columns_of(pooled(parts))
    result = fit_svm(federate(federation, parts, gone_at={"s2": 12}), columns, settings)
    rest = {s: t for s, t in parts.items() if s != "s2"}
    alone = fit_svm(federate(federation, rest), columns, settings)
    assert result.sites == ("s0", "s1", "s3")
    assert result.patients == pooled(rest)["event"].size
    np.testing.assert_allclose(result.model.weights, alone.model.weights, atol=1e-7)


def test_one_class_everywhere_is_refused(federation):
    table = cohort(90)
    table["event"] = np.zeros(90)
    with pytest.raises(DataError, match="with and without the event"):
        fit_svm(federate(federation, split(table, 3)), columns_of(table), SvmSettings())


def test_sites_with_different_secrets_are_refused_before_anything_is_summed(federation):
    parts = split(cohort(90), 3)
    answers = {s: answering(t, s) for s, t in parts.items()}
    answers["s1"] = answering(parts["s1"], "s1", secret=b"another secret, thirty-two bytes")
    with pytest.raises(MessageError, match="one rotation secret"):
        fit_svm(federation(answers), columns_of(pooled(parts)), SvmSettings())


def test_two_sites_are_refused(federation):
    parts = split(cohort(90), 2)
    with pytest.raises(DisclosureError, match="at least 3 sites"):
        fit_svm(federate(federation, parts), columns_of(pooled(parts)), SvmSettings())


def test_a_short_secret_is_refused(federation):
    parts = split(cohort(90), 3)
    answers = {s: answering(t, s, secret=b"short") for s, t in parts.items()}
    with pytest.raises(DataError, match="at least 16 bytes"):
        fit_svm(federation(answers), columns_of(pooled(parts)), SvmSettings())
