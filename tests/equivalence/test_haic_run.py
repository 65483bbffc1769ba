"""A run on MRI and clinic over tiny patients equals the same fits on the pooled patients."""

import struct

import numpy as np
import pytest
import torch
from haic_sites import SETTINGS, haic_settings, run_haic, three_sites

from client.kept_features import kept_features
from server.run_folder import fold_folder, read_best, read_census, read_haic, read_history
from shared.aggregation.fixed_point import encode_sums
from shared.cohort.analysis_columns import EVENT, paper_model, regressors
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.fusion.cross_fitting import development_folds
from shared.fusion.standardize import chosen_columns, prepare
from shared.fusion.svm import LINEAR, Rows, class_weights, lift, loss_and_gradient, probabilities
from shared.messages.disclosure import LEAVING
from shared.messages.image_features import ImageFeaturesReply
from shared.messages.sums import SumField, SumKind
from shared.messages.training import TrainingReply, TrainingRequest
from shared.models.study_network import build_network
from shared.models.weights import load_arrays
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY
from shared.stats.delong import auc_delong, delong_paired_test
from shared.stats.logistic import fit_logistic
from shared.tasks.recipe import recipe_for
from shared.training.mri_features import patient_features

pytestmark = pytest.mark.slow

RUN = haic_settings(rounds=1)
FOLDS = SETTINGS["folds"]
IMAGES = (*IMAGE_FEATURES, IMAGE_SCORE)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished run over three sites."""
    folder = tmp_path_factory.mktemp("haic")
    sites = three_sites(folder / "sites")
    lines: list[str] = []
    run_haic(sites, folder / "run", RUN, progress=lines.append)
    return sites, folder / "run", lines


def numbers(sites, name):
    return development_folds(sites.data[name].patients, FOLDS, RUN.seed, name)


def table(study, *, held_out=False):
    """Put the sites' patients together, with the features that the sites keep."""
    sites, run_dir, _ = study
    run = read_haic(run_dir).run
    parts = []
    for name, data in sites.data.items():
        folds = numbers(sites, name)
        kept = {}
        for fold in range(FOLDS + 1):
            found = kept_features(sites.site(name), run).read(fold)
            rows = np.column_stack([found.columns[column] for column in IMAGES])
            kept |= dict(zip(found.cases.tolist(), rows, strict=True))
        matrix = np.array([kept[p.case] for p in data.patients])
        columns = dict(data.columns) | dict(zip(IMAGES, matrix.T, strict=True))
        chosen = (folds == 0) == held_out
        parts.append({column: values[chosen] for column, values in columns.items()})
    return {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}


def test_features_are_those_of_the_network_that_left_the_patient_out(study):
    sites, run_dir, _ = study
    run = read_haic(run_dir).run
    network = build_network(recipe_for(RUN).network)
    for fold in range(FOLDS + 1):
        load_arrays(network, read_best(fold_folder(run_dir, fold))[1])
        for name, data in sites.data.items():
            found = kept_features(sites.site(name), run).read(fold)
            chosen = [
                p for p, n in zip(data.patients, numbers(sites, name), strict=True) if n == fold
            ]
            expected = [patient_features(network, p.images, torch.device("cpu")) for p in chosen]
            assert found.cases.tolist() == [p.case for p in chosen]
            rows = np.column_stack([found.columns[column] for column in IMAGES])
            wanted = [[*e.features, e.score] for e in expected]
            assert np.allclose(rows, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("model", [IMAGE_ONLY, CLINICAL_ONLY])
def test_a_logistic_model_equals_the_pooled_one(study, model):
    found = read_haic(study[1])
    fitted = found.image if model == IMAGE_ONLY else found.clinical
    covariates = [] if model == IMAGE_ONLY else paper_model(paper_mode=False)
    names = tuple(r.name for r in covariates) or (IMAGE_SCORE,)
    logged = tuple(r.name for r in covariates if r.logged)
    pooled = table(study)
    design = chosen_columns(pooled, names, logged)
    complete = ~np.isnan(design).any(axis=1)
    fit = fit_logistic(design[complete], pooled[EVENT][complete] == 1)
    assert fitted.columns == names
    assert np.allclose(fitted.fit.coefficients, fit.coefficients, rtol=1e-8, atol=1e-8)
    assert np.allclose(fitted.fit.standard_errors, fit.standard_errors, rtol=1e-8, atol=1e-8)
    assert fitted.fit.intercept == pytest.approx(fit.intercept, abs=1e-8)
    assert (fitted.patients, fitted.events) == (pooled[EVENT].size, pooled[EVENT].sum())
    held_out = table(study, held_out=True)
    filled = chosen_columns(held_out, names, logged)
    filled = np.where(np.isnan(filled), np.nanmedian(design, axis=0), filled)
    odds = fit.intercept + filled @ fit.coefficients
    assert np.allclose(probabilities(fitted.model, held_out), 1 / (1 + np.exp(-odds)), atol=1e-8)
    prevalence = pooled[EVENT].mean()
    assert fitted.model.threshold == pytest.approx(np.log(prevalence / (1 - prevalence)))


def minimum_of(rows, penalty):
    """Minimise |w|^2/2 + C sum c max(0, 1 - y f)^2 by Newton's method with halving."""
    point = np.zeros(rows.design.shape[1])

    def value(w):
        return loss_and_gradient(rows, w, penalty)[0] + 0.5 * w @ w

    for _ in range(200):
        gradient = loss_and_gradient(rows, point, penalty)[1] + point
        active = rows.signs * (rows.design @ point) < 1
        weighted = rows.design[active] * (2 * penalty * rows.weights[active])[:, np.newaxis]
        step = np.linalg.solve(weighted.T @ rows.design[active] + np.eye(point.size), gradient)
        size = 1.0
        while value(point - size * step) > value(point) and size > 1e-9:
            size /= 2
        point = point - size * step
        if np.abs(step).max() < 1e-13:
            break
    return point


def test_the_fusion_machine_equals_the_pooled_one(study):
    found, pooled = read_haic(study[1]).fusion, table(study)
    names = (*(r.name for r in regressors(paper_mode=False)), *IMAGE_FEATURES)
    preparation = found.model.preparation
    assert preparation.columns == names
    matrix = chosen_columns(pooled, names, preparation.logged)
    assert np.array_equal(preparation.medians[0], np.nanmedian(matrix, axis=0))
    events = pooled[EVENT] == 1
    design, widths = lift(prepare(pooled, preparation), LINEAR)
    weights = class_weights(int(events.sum()), int((~events).sum()), balanced=True)
    rows = Rows(design, widths, np.where(events, 1.0, -1.0), np.where(events, *weights))
    assert np.abs(found.model.weights - minimum_of(rows, found.penalty)).max() < 5e-5
    assert (found.patients, found.events) == (events.size, events.sum())


def test_the_held_out_areas_and_tests_equal_the_pooled_ones(study):
    found, held_out = read_haic(study[1]), table(study, held_out=True)
    events = held_out[EVENT] == 1
    machines = {
        IMAGE_ONLY: found.image.model,
        CLINICAL_ONLY: found.clinical.model,
        FUSION: found.fusion.model,
    }
    scores = {name: probabilities(model, held_out) for name, model in machines.items()}
    assert list(found.evaluation.models) == list(machines)
    for name, evaluation in found.evaluation.models.items():
        expected = auc_delong(scores[name], events)
        assert evaluation.auc_error_bound == 0
        assert evaluation.auc.auc == pytest.approx(expected.auc, abs=1e-12)
        assert evaluation.auc.variance == pytest.approx(expected.variance, abs=1e-12)
        assert evaluation.patients == events.size
    assert len(found.evaluation.tests) == 3
    for test in found.evaluation.tests:
        expected = delong_paired_test(scores[test.first], scores[test.second], events)
        assert test.difference == pytest.approx(expected.difference, abs=1e-12)
        assert test.p == pytest.approx(expected.p, abs=1e-9)


def test_predictive_values_and_calibration_are_those_of_the_pooled_patients(study):
    found, held_out = read_haic(study[1]), table(study, held_out=True)
    events = held_out[EVENT] == 1
    scores = probabilities(found.fusion.model, held_out)
    evaluation = found.evaluation.models[FUSION]
    counts = evaluation.confusion
    ppv, npv = evaluation.measures.ppv.value, evaluation.measures.npv.value
    assert ppv == pytest.approx(
        counts.event_called / (counts.event_called + counts.no_event_called)
    )
    cleared = counts.no_event_cleared + counts.event_missed
    assert npv == pytest.approx(counts.no_event_cleared / cleared)
    bins = evaluation.calibration
    assert sum(part.patients for part in bins) == events.size
    assert min(part.patients for part in bins) >= 5
    ordered = np.argsort(scores, kind="stable")
    start = 0
    for part in bins:
        chosen = ordered[start : start + part.patients]
        assert part.events == events[chosen].sum()
        assert part.mean_predicted == pytest.approx(scores[chosen].mean(), abs=1 / 512)
        start += part.patients


def test_the_out_of_fold_area_of_the_image_score_equals_the_pooled_one(study):
    pooled, found = table(study), read_haic(study[1]).out_of_fold
    expected = auc_delong(pooled[IMAGE_SCORE], pooled[EVENT] == 1)
    assert found.auc == pytest.approx(expected.auc, abs=1e-12)
    assert found.variance == pytest.approx(expected.variance, abs=1e-12)


def test_the_census_and_the_trainings_count_the_same_patients(study):
    sites, run_dir, _ = study
    totals = read_census(run_dir).totals
    assert totals["patients"] == sum(len(data.patients) for data in sites.data.values())
    rounds = {fold: read_history(fold_folder(run_dir, fold))[0] for fold in range(FOLDS + 1)}
    assert sum(s.patients for s in rounds[0].sites.values()) == totals["training_patients"]
    for name in sites.data:
        folds = numbers(sites, name)
        for fold in range(1, FOLDS + 1):
            left = np.isin(folds, [0, fold, fold % FOLDS + 1]).sum()
            assert rounds[fold].sites[name].patients == folds.size - left


def test_every_training_is_told_its_fold(study):
    sites, _, _ = study
    asked = [(r.fold, r.folds) for _, r in sites.requests if isinstance(r, TrainingRequest)]
    assert list(dict.fromkeys(asked)) == [(1, 3), (2, 3), (3, 3), (0, 3)]


def test_only_listed_replies_leave_and_a_count_stands_for_the_features(study):
    sites, run_dir, _ = study
    left = {type(reply).__name__ for _, reply in sites.replies}
    assert left <= set(LEAVING)
    assert left == {
        "CensusReply", "TrainingReply", "ImageFeaturesReply", "SumReply", "SvmModelReply",
        "SiteResultReply",
    }  # fmt: skip
    counts = [reply.patients for _, reply in sites.replies if isinstance(reply, ImageFeaturesReply)]
    assert sum(counts) == sum(len(data.patients) for data in sites.data.values())
    kept = read_haic(run_dir).features
    assert sum(n for by_site in kept.values() for n in by_site.values()) == sum(counts)


def spellings(values):
    """Give the bytes in which a number could stand in a reply."""
    spelled = set()
    for value in values:
        spelled |= {struct.pack("<d", value), struct.pack("<f", value)}
        for kind in (SumKind.FIXED, SumKind.WIDE):
            fields = (SumField("x", (), kind),)
            spelled.add(encode_sums(fields, {"x": np.asarray(value)}).tobytes())
    return spelled


def units(array):
    """Give the bytes of each number of an array, and of each two neighbours."""
    size, content = array.itemsize, np.ascontiguousarray(array).tobytes()
    places = range(0, len(content), size)
    return {content[i : i + n * size] for i in places for n in (1, 2)}


def test_no_image_feature_of_a_patient_leaves(study):
    sites, run_dir, _ = study
    run = read_haic(run_dir).run
    values = set()
    for name in sites.data:
        for fold in range(FOLDS + 1):
            found = kept_features(sites.site(name), run).read(fold)
            values |= {value for column in IMAGES for value in found.columns[column].tolist()}
    assert len(values) > 600
    hidden, crossed = spellings(values), 0
    # The weights of a training are made before the features.
    replies = [reply for _, reply in sites.replies if not isinstance(reply, TrainingReply)]
    for reply in replies:
        for array in (v for v in vars(reply).values() if isinstance(v, np.ndarray)):
            found = units(array)
            crossed += len(found)
            assert hidden.isdisjoint(found)
    assert crossed > 10_000


def test_the_run_says_what_it_does(study):
    lines = study[2]
    assert any(line.startswith("Fold 2, round 1/1: training loss") for line in lines)
    assert any(line.startswith("Stage 7/7 evaluation: 3 sites") for line in lines)
