"""Table 2: logistic regression for progressive disease, over sites and pooled.

Source: Quan 2024, Table 2: each variable alone, then together those with a univariable P below
0.05. Where a variable separates the outcomes Firth's likelihood answers, and the row says so.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from server.federated_moments import Columns, column_moments
from server.federated_statistics import fit_logistic_models
from shared.aggregation.sum_channel import SumChannel
from shared.cohort.analysis_columns import EVENT, Column, Regressor
from shared.errors import HepafedError
from shared.stats.logistic import ENTRY_P, FitMethod, LogisticFit, fit_logistic

FEW_EVENTS_PER_VARIABLE = 10
"""Below, odds ratios are shaky (Peduzzi 1996, J Clin Epidemiol 49)."""

_DOUBLING = math.log(2)


@dataclass(frozen=True)
class OddsRow:
    """One covariate of one model.

    Attributes:
        name: Column.
        odds_ratio: Per unit, per doubling, or of the contrast.
        lower: Lower 95% limit; NaN for Firth's fit over sites.
        upper: Upper 95% limit; NaN likewise.
        p: Two-sided; Wald's, or of Firth's likelihood ratio.
        coefficient: log(odds_ratio).
        standard_error: Of the coefficient.
    """

    name: str
    odds_ratio: float
    lower: float
    upper: float
    p: float
    coefficient: float
    standard_error: float


@dataclass(frozen=True)
class Model:
    """One logistic model.

    Attributes:
        rows: Its covariates.
        method: Which likelihood was maximised.
        patients: Patients with a value of every covariate.
        events: Those of them with the event.
        intercept: Log odds at covariates of 0.
        log_likelihood: At the maximum.
        events_per_variable: Patients of the rarer class per covariate.
    """

    rows: tuple[OddsRow, ...]
    method: FitMethod
    patients: int
    events: int
    intercept: float
    log_likelihood: float
    events_per_variable: float


@dataclass(frozen=True)
class RegressionTable:
    """Table 2.

    Attributes:
        univariable: By column; those that could not be fitted are missing.
        entered: Columns with a univariable P below 0.05, in order.
        multivariable: The model of those; None when none entered or it could not be fitted.
        refusals: Why a column, or "multivariable", has no result.
    """

    univariable: Mapping[str, Model]
    entered: tuple[str, ...]
    multivariable: Model | None
    refusals: Mapping[str, str]


FitModels = Callable[[Sequence[Sequence[Regressor]]], list[LogisticFit]]
"""Fits several models."""


def federated_regression(channel: SumChannel, covariates: Sequence[Regressor]) -> RegressionTable:
    """Compute Table 2 from sums: about twenty exchanges."""

    def fit(models: Sequence[Sequence[Regressor]]) -> list[LogisticFit]:
        used = list(dict.fromkeys(r for model in models for r in model))
        return fit_logistic_models(
            channel,
            [r.name for r in used],
            EVENT,
            [[r.name for r in model] for model in models],
            logged=[r.name for r in used if r.logged],
        )

    names = tuple(r.name for r in covariates)
    moments = column_moments(channel, Columns(names))
    spread = np.nan_to_num(moments.squares[0])
    return _table(covariates, {n for n, s in zip(names, spread, strict=True) if s > 0}, fit)


def pooled_regression(
    columns: Mapping[str, Column], covariates: Sequence[Regressor]
) -> RegressionTable:
    """Compute Table 2 from the pooled patients."""

    def fit(models: Sequence[Sequence[Regressor]]) -> list[LogisticFit]:
        fits = []
        for model in models:
            design = np.stack([_values(columns, r) for r in model], axis=1)
            complete = ~np.isnan(design).any(axis=1)
            fits.append(fit_logistic(design[complete], columns[EVENT][complete] == 1))
        return fits

    varied = {
        r.name
        for r in covariates
        if np.unique(columns[r.name][~np.isnan(columns[r.name])]).size > 1
    }
    return _table(covariates, varied, fit)


def _table(covariates: Sequence[Regressor], varied: set[str], fit: FitModels) -> RegressionTable:
    refusals = {
        r.name: "All patients with a value are alike." for r in covariates if r.name not in varied
    }
    usable = [r for r in covariates if r.name in varied]
    univariable = _univariable(usable, fit, refusals)
    entered = [r for r in usable if r.name in univariable and _enters(univariable[r.name])]
    multivariable = None
    if entered:
        try:
            multivariable = _model(entered, fit([entered])[0])
        except HepafedError as error:
            refusals["multivariable"] = error.message
    else:
        refusals["multivariable"] = f"No variable has a univariable P below {ENTRY_P}."
    names = tuple(r.name for r in entered)
    return RegressionTable(univariable, names, multivariable, refusals)


def _univariable(
    usable: Sequence[Regressor], fit: FitModels, refusals: dict[str, str]
) -> dict[str, Model]:
    """Fit all at once; when one of them cannot be fitted, one by one, to name it."""
    try:
        fits = fit([[r] for r in usable])
    except HepafedError:
        found = {}
        for r in usable:
            try:
                found[r.name] = _model([r], fit([[r]])[0])
            except HepafedError as error:
                refusals[r.name] = error.message
        return found
    return {r.name: _model([r], one) for r, one in zip(usable, fits, strict=True)}


def _enters(model: Model) -> bool:
    return model.rows[0].p < ENTRY_P


def _model(covariates: Sequence[Regressor], fit: LogisticFit) -> Model:
    rows = []
    for place, r in enumerate(covariates):
        unit = _DOUBLING if r.logged else 1.0
        rows.append(
            OddsRow(
                name=r.name,
                odds_ratio=math.exp(unit * float(fit.coefficients[place])),
                lower=float(fit.lower[place]) ** unit,
                upper=float(fit.upper[place]) ** unit,
                p=float(fit.p[place]),
                coefficient=unit * float(fit.coefficients[place]),
                standard_error=unit * float(fit.standard_errors[place]),
            )
        )
    return Model(
        rows=tuple(rows),
        method=fit.method,
        patients=fit.patients,
        events=fit.events,
        intercept=fit.intercept,
        log_likelihood=fit.log_likelihood,
        events_per_variable=fit.events_per_variable,
    )


def _values(columns: Mapping[str, Column], regressor: Regressor) -> Column:
    values = columns[regressor.name]
    return np.log(values) if regressor.logged else values
