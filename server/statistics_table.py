"""The findings of a run of clinical statistics as one tidy table: one number per row."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from server.checkpoint import write_file
from server.clinical_results import (
    Baseline,
    ClinicalStatistics,
    LogisticModel,
    Regression,
)
from server.federated_statistics import FederatedSurvival
from server.federated_svm import FederatedSvm
from shared.aggregation.pooled_evaluation import FederatedEvaluation

Row = tuple[str, str, str, str, float | int | str]
"""Stage, item, group, quantity, value."""

_HEADER = ("stage", "item", "group", "quantity", "value")
_GROUPS = ("disease control", "progressive disease")


def write_statistics_csv(path: Path, found: ClinicalStatistics) -> None:
    """Write all results that there are; a number that is not known is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(_rows(found))
    write_file(path, stream.getvalue().encode())


def _rows(found: ClinicalStatistics) -> Iterator[tuple[object, ...]]:
    for record in found.stages:
        yield "run", record.name, "", "state", record.state.value
    yield from map(_printed, _results(found))


def _results(found: ClinicalStatistics) -> Iterator[Row]:
    if found.baseline is not None:
        yield from _baseline(found.baseline)
    if found.regression is not None:
        yield from _regression(found.regression)
    for name, survival in (found.survival or {}).items():
        yield from _survival(name, survival)
    if found.model is not None:
        yield from _model(found.model)
    if found.evaluation is not None:
        yield from _evaluation(found.evaluation)


def _printed(row: Row) -> tuple[object, ...]:
    value = row[-1]
    unknown = isinstance(value, float) and not math.isfinite(value)
    return (*row[:-1], "" if unknown else value)


def _baseline(table: Baseline) -> Iterator[Row]:
    for place, group in enumerate(_GROUPS):
        yield "baseline", "", group, "patients", table.patients[place]
        for m in table.measurements:
            lower, median, upper = m.quartiles[place]
            numbers = {
                "patients with a value": m.present[place],
                "mean": m.means[place],
                "standard deviation": m.deviations[place],
                "lower quartile": lower,
                "median": median,
                "upper quartile": upper,
            }
            for quantity, value in numbers.items():
                yield "baseline", m.name, group, quantity, value
        for c in table.categories:
            ones = c.ones[place]
            yield "baseline", c.name, group, "patients with a value", c.present[place]
            yield "baseline", c.name, group, "patients with 1", "withheld" if ones is None else ones
    for m in table.measurements:
        yield "baseline", m.name, "", "P, Welch t", m.p
    for c in table.categories:
        yield "baseline", c.name, "", f"P, {c.test}", c.p


def _regression(tables: Regression) -> Iterator[Row]:
    for name, model in tables.univariable.items():
        yield from _logistic(f"univariable {name}", model)
    if tables.multivariable is not None:
        yield from _logistic("multivariable", tables.multivariable)


def _logistic(item: str, model: LogisticModel) -> Iterator[Row]:
    yield "regression", item, "", "patients", model.patients
    yield "regression", item, "", "method", model.method
    for row in model.rows:
        numbers = {
            "odds ratio": row.odds_ratio,
            "lower 95% limit": row.lower,
            "upper 95% limit": row.upper,
            "P": row.p,
            "coefficient": row.coefficient,
            "standard error": row.standard_error,
        }
        for quantity, value in numbers.items():
            yield "regression", item, f"{row.name}, {row.contrast}", quantity, value


def _survival(name: str, found: FederatedSurvival) -> Iterator[Row]:
    for group, (patients, events, median) in enumerate(
        zip(found.patients, found.events, found.medians, strict=True)
    ):
        yield "survival", name, str(group), "patients", patients
        yield "survival", name, str(group), "events", events
        yield "survival", name, str(group), "median, days", median.median
    if found.log_rank is not None:
        yield "survival", name, "", "P, log-rank", found.log_rank.p
    if found.hazard_ratio is not None:
        yield "survival", name, "", "hazard ratio", found.hazard_ratio.value


def _model(found: FederatedSvm) -> Iterator[Row]:
    yield "model", "", "", "patients", found.patients
    yield "model", "", "", "events", found.events
    yield "model", "", "", "C", found.penalty
    yield "model", "", "", "out-of-fold AUC", found.out_of_fold_auc.auc
    features = (*found.model.preparation.features, "intercept")
    for name, weight in zip(features, found.model.weights.tolist(), strict=True):
        yield "model", name, "", "weight", weight


def _evaluation(found: FederatedEvaluation) -> Iterator[Row]:
    yield "evaluation", "", "", "patients", found.patients
    yield "evaluation", "", "", "events", found.events
    if found.auc is not None:
        yield "evaluation", "", "", "AUC", found.auc.auc
        yield "evaluation", "", "", "AUC, standard error (DeLong)", found.auc.standard_error
    yield "evaluation", "", "", "Brier score", found.brier
