"""The stages of a run of clinical statistics, each over the road it is given.

Sources: Quan 2024, Tables 1 and 2, survival by subgroup, and its clinical support vector machine.
Departures: measurements are compared by Welch's test, because ranks over sites would show every
value that occurs while shares are read in the clear; laboratory values are logged; the number of
treatment cycles is left out, because it is not known at baseline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from server.clinical_results import (
    Baseline,
    CategoryRow,
    LogisticModel,
    MeasurementRow,
    OddsRow,
    Regression,
    Three,
)
from server.federated_moments import (
    ColumnMoments,
    Columns,
    column_moments,
    column_quantiles,
    part_sizes,
    request_of,
)
from server.federated_statistics import FederatedSurvival, compare_survival, fit_logistic_models
from server.federated_svm import FederatedSvm, SvmSettings, fit_svm
from shared.aggregation.pooled_tests import welch_from_moments
from shared.aggregation.sum_channel import PlainSumChannel, SumChannel, over_steady_sites
from shared.cohort.analysis_columns import EVENT, SUBGROUPS, Regressor, regressors, table_rows
from shared.cohort.clinical import ClinicalVariable, Kind
from shared.errors import ConvergenceError, DataError
from shared.messages.exchange import Ask
from shared.messages.moments import Moment
from shared.privacy.disclosure_rules import suppressed_cells
from shared.stats.association import compare_categories
from shared.stats.logistic import ENTRY_P, LogisticFit

SHARES = (0.25, 0.5, 0.75)


def compare_baseline(ask: Ask) -> Baseline:
    """Compare all variables by outcome: thirteen exchanges.

    Raises:
        HepafedError: What an exchange raises.
    """
    return over_steady_sites(PlainSumChannel(ask), _baseline)


def regress(ask: Ask) -> Regression:
    """Fit each variable alone, then together those with a P below 0.05: about twenty exchanges.

    Raises:
        HepafedError: What an exchange raises.
    """
    return over_steady_sites(PlainSumChannel(ask), _regression)


def _regression(channel: SumChannel) -> Regression:
    covariates = regressors(paper_mode=False)
    names = tuple(r.name for r in covariates)
    spread = np.nan_to_num(column_moments(channel, Columns(names)).squares[0])
    varied = [r for r, squares in zip(covariates, spread, strict=True) if squares > 0]
    refusals = {
        r.name: "All patients with a value are alike." for r in covariates if r not in varied
    }
    alone = _univariable(channel, varied, refusals)
    entered = [r for r in varied if r.name in alone and alone[r.name].rows[0].p < ENTRY_P]
    together = None
    if entered:
        try:
            together = _model(entered, _fit(channel, [entered])[0])
        except (ConvergenceError, DataError) as error:
            refusals["multivariable"] = error.message
    else:
        refusals["multivariable"] = f"No variable has a univariable P below {ENTRY_P}."
    return Regression(alone, together, refusals)


def compare_subgroups(ask: Ask) -> Mapping[str, FederatedSurvival]:
    """Compare survival of all patients and by subgroup: one exchange each.

    Raises:
        HepafedError: What an exchange raises; sites refuse it while sums are not masked.
    """
    channel = PlainSumChannel(ask)
    found = {}
    for outcome in ("os", "pfs"):
        days, event = f"{outcome}_days", f"{outcome}_event"
        found[f"{outcome}/everybody"] = compare_survival(channel, days, event)
        for group in SUBGROUPS:
            name = f"{outcome}/{group.name}"
            found[name] = compare_survival(channel, days, event, group=group.name, groups=2)
    return found


def fit_clinical_svm(ask: Ask, seed: int, salt: str) -> FederatedSvm:
    """Fit the clinical machine on the training patients: about 85 exchanges.

    Args:
        ask: The road to the sites.
        seed: Of the folds.
        salt: New for every attempt; sites answer so many gradients per fit and salt.

    Raises:
        HepafedError: What an exchange raises.
    """
    covariates = regressors(paper_mode=False)
    columns = Columns(
        tuple(r.name for r in covariates),
        logged=tuple(r.name for r in covariates if r.logged),
        event=EVENT,
    )
    return fit_svm(ask, columns, SvmSettings(seed=seed, salt=salt))


def _baseline(channel: SumChannel) -> Baseline:
    measured = [v for v in table_rows() if v.kind is not Kind.BINARY]
    binary = [v for v in table_rows() if v.kind is Kind.BINARY]
    columns = Columns(tuple(v.name for v in measured), group=EVENT)
    patients = part_sizes(channel, columns).patients
    moments = column_moments(channel, columns)
    quartiles = column_quantiles(channel, columns, SHARES)
    tables = _tables(channel, binary)
    return Baseline(
        patients=(int(patients[0]), int(patients[1])),
        measurements=tuple(
            _measurement(variable, moments, quartiles, place)
            for place, variable in enumerate(measured)
        ),
        categories=tuple(
            _category(variable, tables[:, place]) for place, variable in enumerate(binary)
        ),
    )


def _tables(
    channel: SumChannel, variables: Sequence[ClinicalVariable]
) -> Int64[np.ndarray, "2 variable 2"]:
    """Count 0 and 1 per outcome for all yes/no variables in one exchange."""
    columns = Columns(tuple(v.name for v in variables), group=EVENT)
    thresholds = np.broadcast_to(np.array([0.0, 1.0]), (2, len(variables), 2)).copy()
    asked = replace(request_of(columns, Moment.BELOW), thresholds=thresholds)
    return np.asarray(np.diff(channel(asked).values["below"], axis=-1, prepend=0))


def _measurement(
    variable: ClinicalVariable,
    moments: ColumnMoments,
    quartiles: Float64[np.ndarray, "3 2 column"],
    place: int,
) -> MeasurementRow:
    count, mean = moments.count[:, place], moments.mean[:, place]
    test = welch_from_moments(count, mean, moments.squares[:, place]) if count.min() > 1 else None
    deviations = np.sqrt(moments.variance[:, place])
    return MeasurementRow(
        name=variable.name,
        label=variable.label,
        present=(int(count[0]), int(count[1])),
        means=(float(mean[0]), float(mean[1])),
        deviations=(float(deviations[0]), float(deviations[1])),
        quartiles=(_three(quartiles[:, 0, place]), _three(quartiles[:, 1, place])),
        t=test.t if test else np.nan,
        p=test.p if test else np.nan,
    )


def _three(values: Float64[np.ndarray, " 3"]) -> Three:
    lower, median, upper = values.tolist()
    return lower, median, upper


def _category(variable: ClinicalVariable, table: Int64[np.ndarray, "2 2"]) -> CategoryRow:
    present = table.sum(axis=1)
    hidden = suppressed_cells(table)
    ones = [None if hidden[group].any() else int(table[group, 1]) for group in (0, 1)]
    chosen = compare_categories(table) if present.any() else None
    return CategoryRow(
        name=variable.name,
        label=variable.label,
        present=(int(present[0]), int(present[1])),
        ones=(ones[0], ones[1]),
        test=chosen.test.value if chosen else "",
        p=chosen.p if chosen else np.nan,
    )


def _univariable(
    channel: SumChannel, covariates: Sequence[Regressor], refusals: dict[str, str]
) -> dict[str, LogisticModel]:
    """Fit all at once; when one of them cannot be fitted, one by one, to name it."""
    try:
        fits = _fit(channel, [[r] for r in covariates])
    except (ConvergenceError, DataError):
        found = {}
        for r in covariates:
            try:
                found[r.name] = _model([r], _fit(channel, [[r]])[0])
            except (ConvergenceError, DataError) as error:
                refusals[r.name] = error.message
        return found
    return {r.name: _model([r], fit) for r, fit in zip(covariates, fits, strict=True)}


def _fit(channel: SumChannel, models: Sequence[Sequence[Regressor]]) -> list[LogisticFit]:
    used = list(dict.fromkeys(r for model in models for r in model))
    return fit_logistic_models(
        channel,
        [r.name for r in used],
        EVENT,
        [[r.name for r in model] for model in models],
        logged=[r.name for r in used if r.logged],
    )


def _model(covariates: Sequence[Regressor], fit: LogisticFit) -> LogisticModel:
    rows = []
    for place, r in enumerate(covariates):
        unit = np.log(2) if r.logged else 1.0
        rows.append(
            OddsRow(
                name=r.name,
                label=r.label,
                contrast=r.contrast,
                odds_ratio=float(np.exp(unit * fit.coefficients[place])),
                lower=float(fit.lower[place] ** unit),
                upper=float(fit.upper[place] ** unit),
                p=float(fit.p[place]),
                coefficient=float(fit.coefficients[place]),
                standard_error=float(fit.standard_errors[place]),
            )
        )
    return LogisticModel(
        rows=tuple(rows),
        method=fit.method.value,
        patients=fit.patients,
        events=fit.events,
        intercept=fit.intercept,
        log_likelihood=fit.log_likelihood,
    )
