"""The clinical models, trained and evaluated over sites: support vector machine and logistic.

Five-fold cross-validation inside the sites (Quan 2024, Evaluation): for each fold the sites train
together on the patients outside it, everything fitted there (gaps, scaling, penalty, threshold),
and score the patients inside it at home. The pooled out-of-fold scores are evaluated by sums.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from server.federated_evaluation import compare_models, evaluate
from server.federated_moments import Columns, column_quantiles, part_sizes
from server.federated_statistics import fit_logistic_models
from server.federated_svm import SvmSettings, fit_svm
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.aggregation.sum_channel import PlainSumChannel
from shared.cohort.analysis_columns import EVENT, Regressor, paper_model, regressors
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.fusion.standardize import Preparation
from shared.fusion.svm import LINEAR, FittedSvm
from shared.stats.confusion import ConfusionCounts, ConfusionMeasures, confusion_measures
from shared.stats.delong import AucEstimate, PairedAucTest
from simulations.clinical.fold_models import encode_models
from simulations.clinical.masked_sites import OUTER_FOLDS, MaskedSites

SVM, LOGISTIC = "svm", "logistic"
MODEL_LABELS = {SVM: "Support vector machine", LOGISTIC: "Logistic model"}


@dataclass(frozen=True)
class Score:
    """How well a model's out-of-fold scores tell progressive disease.

    Attributes:
        name: Of the model.
        auc: Area with DeLong's interval.
        counts: Calls against what happened.
        measures: Of the calls, with Clopper-Pearson intervals.
        brier: Mean squared error of the probability.
    """

    name: str
    auc: AucEstimate
    counts: ConfusionCounts
    measures: ConfusionMeasures
    brier: float


@dataclass(frozen=True)
class Roc:
    """A released curve: share of false calls and sensitivity, both rising from 0 to 1."""

    false_call_rate: tuple[float, ...]
    sensitivity: tuple[float, ...]


@dataclass(frozen=True)
class Weighted:
    """One fitted linear model as numbers.

    Attributes:
        features: Their names.
        weights: One per feature, the intercept last, on the model's own scale of features.
        penalty: C of the machine; NaN for the logistic model.
        curve: Slope and intercept from decision value to log odds.
    """

    features: tuple[str, ...]
    weights: tuple[float, ...]
    penalty: float
    curve: tuple[float, float]


@dataclass(frozen=True)
class ClinicalModels:
    """Both models, evaluated on the same patients.

    Attributes:
        scores: By model.
        test: DeLong's paired test, machine less logistic.
        fits: By model: the fits outside folds 0, 1, ..., then the one on everybody.
    """

    scores: tuple[Score, ...]
    test: PairedAucTest
    fits: dict[str, tuple[Weighted, ...]]


@dataclass(frozen=True)
class FederatedModels:
    """What the federation made.

    Attributes:
        models: To be set beside the pooled ones.
        rocs: By model.
        thresholds: By model and fold: decision values from which the event is called.
        sites: Whose patients they are.
    """

    models: ClinicalModels
    rocs: dict[str, Roc]
    thresholds: dict[str, tuple[float, ...]]
    sites: tuple[str, ...]


def machine_columns(*, paper_mode: bool) -> Columns:
    """Say what the machine is made of: the variables of Table 2, skewed ones logged."""
    used = regressors(paper_mode=paper_mode)
    logged = {r.name for r in regressors(paper_mode=False) if r.logged}
    names = tuple("age_years" if r.name == "aged_50_or_more" else r.name for r in used)
    return Columns(names, tuple(n for n in names if n in logged), event=EVENT)


def machine_settings(seed: int) -> SvmSettings:
    """Give the settings of every fit; folds inside a training part are dealt anew."""
    return SvmSettings(seed=seed + 1, salt=f"clinical-{seed}")


def federated_models(
    sites: MaskedSites, seed: int, *, paper_mode: bool, minimum_sites: int, minimum: int
) -> FederatedModels:
    """Train and evaluate both models by messages.

    Args:
        sites: The road to the sites.
        seed: Of the folds inside training parts.
        paper_mode: Whether the number of cycles is a variable, and nothing is logged.
        minimum_sites: Fewer sites in a sum are refused.
        minimum: Smallest number of patients a step of a curve may show.

    Returns:
        Models and their evaluation.

    Raises:
        HepafedError: When a training part cannot serve; the message says why.
    """
    columns, covariates = machine_columns(paper_mode=paper_mode), paper_model(paper_mode=paper_mode)
    fitted: dict[str, list[FittedSvm]] = {SVM: [], LOGISTIC: []}
    penalties = []
    for part in [*(sites.outside(fold) for fold in range(OUTER_FOLDS)), sites]:
        machine = fit_svm(part, columns, machine_settings(seed), minimum_sites=minimum_sites)
        fitted[SVM].append(machine.model)
        penalties.append(machine.penalty)
        fitted[LOGISTIC].append(_logistic(PlainSumChannel(part, minimum_sites), covariates))
    evaluations = {
        name: evaluate(
            sites,
            encode_models(models[:OUTER_FOLDS]),
            name,
            PROGRESSIVE_DISEASE,
            minimum_sites=minimum_sites,
            minimum_count=minimum,
        )
        for name, models in fitted.items()
    }
    compared = compare_models(
        sites, {SVM: {}, LOGISTIC: {}}, PROGRESSIVE_DISEASE, minimum_sites=minimum_sites
    )
    nothing = [math.nan] * len(penalties)
    return FederatedModels(
        models=ClinicalModels(
            scores=tuple(_score(name, found) for name, found in evaluations.items()),
            test=compared.tests[(SVM, LOGISTIC)],
            fits={
                name: tuple(
                    weighted(model, penalty) for model, penalty in zip(models, costs, strict=True)
                )
                for (name, models), costs in zip(fitted.items(), (penalties, nothing), strict=True)
            },
        ),
        rocs={name: _roc(found) for name, found in evaluations.items()},
        thresholds={
            name: tuple(model.threshold for model in models[:OUTER_FOLDS])
            for name, models in fitted.items()
        },
        sites=compared.sites,
    )


def logistic_model(
    covariates: Sequence[Regressor],
    coefficients: np.ndarray,
    intercept: float,
    medians: np.ndarray,
    share: float,
) -> FittedSvm:
    """Write a logistic model as one that scores patients: gaps take the training median.

    The event is called from the training share of the event on: the probability that the model
    gives a patient about whom it knows nothing.
    """
    names, count = tuple(r.name for r in covariates), len(covariates)
    return FittedSvm(
        preparation=Preparation(
            columns=names,
            logged=tuple(r.name for r in covariates if r.logged),
            indicated=(),
            medians=medians.reshape(1, count),
            centres=np.zeros((1, count)),
            scales=np.ones((1, count)),
        ),
        degree=LINEAR,
        weights=np.append(coefficients, intercept),
        slope=1.0,
        intercept=0.0,
        threshold=math.log(share / (1 - share)),
    )


def weighted(model: FittedSvm, penalty: float) -> Weighted:
    """Give a model's numbers."""
    return Weighted(
        (*model.preparation.features, "intercept"),
        tuple(float(weight) for weight in model.weights),
        penalty,
        (model.slope, model.intercept),
    )


def score_of(name: str, auc: AucEstimate, counts: ConfusionCounts, brier: float) -> Score:
    """Put a model's evaluation together."""
    return Score(name, auc, counts, confusion_measures(counts), brier)


def _logistic(channel: PlainSumChannel, covariates: Sequence[Regressor]) -> FittedSvm:
    names = tuple(r.name for r in covariates)
    logged = tuple(r.name for r in covariates if r.logged)
    (fit,) = fit_logistic_models(channel, names, EVENT, [names], logged=logged)
    medians = column_quantiles(channel, Columns(names, logged), [0.5])[0]
    sizes = part_sizes(channel, Columns(names, event=EVENT))
    share = int(sizes.events[0]) / int(sizes.patients[0])
    return logistic_model(covariates, fit.coefficients, fit.intercept, medians, share)


def _score(name: str, found: FederatedEvaluation) -> Score:
    if found.auc is None:
        # Both classes were needed to train, so an evaluation without one cannot come here.
        gone = math.nan
        auc = AucEstimate(gone, gone, gone, gone, gone, found.events, 0)
    else:
        auc = found.auc
    return Score(name, auc, found.confusion, found.measures, found.brier)


def _roc(found: FederatedEvaluation) -> Roc:
    if found.roc is None:
        return Roc((), ())
    return Roc(tuple(found.roc.false_call_rate.tolist()), tuple(found.roc.sensitivity.tolist()))
