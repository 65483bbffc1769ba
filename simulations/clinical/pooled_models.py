"""The same clinical models on the pooled patients, by scikit-learn: what the federation must equal.

Folds, inner and outer, are those of the sites, because another division makes another model. The
machine's threshold is taken over from the federation: it may lie anywhere between two neighbouring
out-of-fold scores, and the federation's lies on a cell edge between them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64
from sklearn.svm import LinearSVC

from server.federated_moments import Columns
from server.federated_svm import SvmSettings
from shared.cohort.analysis_columns import EVENT, Regressor, paper_model
from shared.fusion.folds import assign_folds, site_generator
from shared.fusion.operating_point import choose_penalty
from shared.fusion.standardize import (
    INDICATED_SHARE,
    Preparation,
    chosen_columns,
    prepare,
    with_indicators,
)
from shared.fusion.svm import LINEAR, FittedSvm, calls, probabilities
from shared.messages.moments import SiteColumns
from shared.stats.confusion import confusion_counts
from shared.stats.delong import auc_delong, delong_paired_test
from shared.stats.logistic import fit_logistic
from shared.stats.platt import fit_platt
from simulations.clinical.clinical_models import (
    LOGISTIC,
    SVM,
    ClinicalModels,
    logistic_model,
    machine_columns,
    machine_settings,
    score_of,
    weighted,
)
from simulations.clinical.cohort_file import pooled_columns
from simulations.clinical.masked_sites import OUTER_FOLDS

TOLERANCE = 1e-12
"""Of liblinear; its default, 1e-4, is looser than the federation."""


def pooled_models(
    sites: Mapping[str, SiteColumns],
    seed: int,
    thresholds: Mapping[str, Sequence[float]],
    *,
    paper_mode: bool,
) -> ClinicalModels:
    """Train and evaluate both models on all patients at once.

    Args:
        sites: The sites' columns; only their folds tell them apart.
        seed: Of the folds.
        thresholds: The federation's, by model and fold.
        paper_mode: As in the federation.

    Returns:
        Models and their evaluation.

    Raises:
        HepafedError: When a training part cannot serve.
    """
    columns, covariates = machine_columns(paper_mode=paper_mode), paper_model(paper_mode=paper_mode)
    folds = {
        name: assign_folds(table[EVENT] == 1, OUTER_FOLDS, site_generator(seed, name))
        for name, table in sites.items()
    }
    events = pooled_columns(sites)[EVENT] == 1
    where = np.concatenate([folds[name] for name in sorted(folds)])
    scores = {SVM: np.zeros(events.size), LOGISTIC: np.zeros(events.size)}
    votes = {name: np.zeros(events.size, dtype=bool) for name in scores}
    models: dict[str, list[FittedSvm]] = {SVM: [], LOGISTIC: []}
    penalties = []
    for fold in [*range(OUTER_FOLDS), -1]:
        part = {name: _rows(table, folds[name] != fold) for name, table in sites.items()}
        machine, penalty = _machine(part, columns, machine_settings(seed))
        penalties.append(penalty)
        models[SVM].append(machine)
        models[LOGISTIC].append(_logistic(pooled_columns(part), covariates))
        if fold < 0:
            continue
        inside = pooled_columns({n: _rows(table, folds[n] == fold) for n, table in sites.items()})
        for name, fitted in models.items():
            model = replace(fitted[-1], threshold=thresholds[name][fold])
            scores[name][where == fold] = probabilities(model, inside)
            votes[name][where == fold] = calls(model, inside)
    nothing = [math.nan] * len(penalties)
    return ClinicalModels(
        scores=tuple(
            score_of(
                name,
                auc_delong(scores[name], events),
                confusion_counts(votes[name], events),
                float(np.mean((scores[name] - events) ** 2)),
            )
            for name in scores
        ),
        test=delong_paired_test(scores[SVM], scores[LOGISTIC], events),
        fits={
            name: tuple(weighted(m, c) for m, c in zip(models[name], costs, strict=True))
            for name, costs in ((SVM, penalties), (LOGISTIC, nothing))
        },
    )


def _machine(
    sites: Mapping[str, SiteColumns], columns: Columns, settings: SvmSettings
) -> tuple[FittedSvm, float]:
    """Choose C by cross-validation and fit; everything is fitted inside each training part."""
    table = pooled_columns(sites)
    events = table[EVENT] == 1
    folds = np.concatenate(
        [
            assign_folds(
                sites[name][EVENT] == 1, settings.folds, site_generator(settings.seed, name)
            )
            for name in sorted(sites)
        ]
    )
    indicated = _indicated(table, columns)
    values = np.zeros((len(settings.penalties), events.size))
    for fold in range(settings.folds):
        train = folds != fold
        preparation = _preparation(_rows(table, train), columns, indicated)
        features = prepare(table, preparation)
        for row, penalty in enumerate(settings.penalties):
            weights = _fit(features[train], events[train], penalty)
            values[row, ~train] = features[~train] @ weights[:-1] + weights[-1]
    areas = np.array(
        [[_area(v, events, folds == f) for f in range(settings.folds)] for v in values]
    )
    penalty = choose_penalty(settings.penalties, areas)
    curve = fit_platt(values[settings.penalties.index(penalty)], events)
    preparation = _preparation(table, columns, indicated)
    return FittedSvm(
        preparation=preparation,
        degree=LINEAR,
        weights=_fit(prepare(table, preparation), events, penalty),
        slope=curve.slope,
        intercept=curve.intercept,
        threshold=0.0,
    ), penalty


def _fit(
    features: Float64[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    penalty: float,
) -> Float64[np.ndarray, " coordinate"]:
    machine = LinearSVC(
        C=penalty, dual=False, class_weight="balanced", tol=TOLERANCE, max_iter=100_000
    ).fit(features, events)
    return np.append(machine.coef_[0], machine.intercept_)


def _area(
    values: Float64[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
    chosen: Bool[np.ndarray, " patient"],
) -> float:
    happened = events[chosen]
    if happened.all() or not happened.any():
        return math.nan
    return auc_delong(values[chosen], happened).auc


def _indicated(table: SiteColumns, columns: Columns) -> tuple[str, ...]:
    return tuple(n for n in columns.names if np.isnan(table[n]).mean() >= INDICATED_SHARE)


def _preparation(table: SiteColumns, columns: Columns, indicated: tuple[str, ...]) -> Preparation:
    matrix = chosen_columns(table, columns.names, columns.logged)
    medians = np.nanmedian(matrix, axis=0)
    features = with_indicators(matrix, np.isin(columns.names, indicated), medians)
    scales = features.std(axis=0)
    return Preparation(
        columns=columns.names,
        logged=columns.logged,
        indicated=indicated,
        medians=medians[np.newaxis],
        centres=features.mean(axis=0)[np.newaxis],
        scales=np.where(scales > 0, scales, 1.0)[np.newaxis],
    )


def _logistic(table: SiteColumns, covariates: Sequence[Regressor]) -> FittedSvm:
    names = [r.name for r in covariates]
    matrix = chosen_columns(table, names, [r.name for r in covariates if r.logged])
    complete = ~np.isnan(matrix).any(axis=1)
    events = table[EVENT] == 1
    fit = fit_logistic(matrix[complete], events[complete])
    medians = np.nanmedian(matrix, axis=0)
    return logistic_model(
        covariates, fit.coefficients, fit.intercept, medians, float(events.mean())
    )


def _rows(table: SiteColumns, chosen: Bool[np.ndarray, " patient"]) -> dict[str, np.ndarray]:
    return {name: values[chosen] for name, values in table.items()}
