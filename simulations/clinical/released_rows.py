"""Table 2, survival, models and differences as rows of plain values, after the disclosure rules.

With the margins that Table 1 shows, a univariable odds ratio gives a withheld two-by-two table
back, so it is withheld too. The field ``withheld`` tells what is withheld from what does not exist.
"""

from collections.abc import Mapping

from shared.aggregation.pooled_tests import DAYS_PER_MONTH
from shared.cohort.analysis_columns import SUBGROUPS, Regressor, regressors
from shared.privacy.disclosure_rules import may_release_parts
from shared.stats.intervals import Proportion
from simulations.clinical.clinical_models import MODEL_LABELS
from simulations.clinical.regression import Model, RegressionTable
from simulations.clinical.released_baseline import (
    Row,
    hidden_responses,
    number,
    withheld_categories,
)
from simulations.clinical.study import FEDERATED, Results, Statistics
from simulations.clinical.subgroup_survival import (
    EVERYBODY,
    OUTCOMES,
    SurvivalComparison,
    SurvivalResults,
    division_names,
)


def regression_rows(table: RegressionTable, hidden: set[str], *, paper_mode: bool) -> list[Row]:
    """Give Table 2: one row per covariate and kind of model."""
    rows: list[Row] = []
    for regressor in regressors(paper_mode=paper_mode):
        saturated = regressor.table_column in hidden
        found = table.univariable.get(regressor.name)
        rows.append(_odds_row(regressor, "univariable", found, table.refusals, saturated))
        joint = table.multivariable
        if joint is not None and regressor.name in table.entered:
            alone = saturated and len(joint.rows) == 1
            rows.append(_odds_row(regressor, "multivariable", joint, table.refusals, alone))
    return rows


def survival_rows(results: SurvivalResults, minimum: int) -> list[Row]:
    """Give the survival table: one row per outcome, division and group."""
    labels = {group.name: group for group in SUBGROUPS}
    rows: list[Row] = []
    for outcome, division in division_names():
        name = f"{outcome}/{division}"
        words = ("all",) if division == EVERYBODY else (labels[division].zero, labels[division].one)
        for place, group in enumerate(words):
            base: Row = {
                "outcome": OUTCOMES[outcome],
                "divided_by": "" if division == EVERYBODY else labels[division].label,
                "group": group,
            }
            found = results.comparisons.get(name)
            if found is None or min(found.patients) < minimum:
                reason = results.refusals.get(name, "a group is too small")
                rows.append({**base, **_no_survival(), "withheld": reason})
            else:
                rows.append({**base, **_survival(found, place, minimum)})
    return rows


def model_rows(results: Results) -> list[Row]:
    """Give the clinical models: one row per model."""
    if results.models is None:
        return []
    test = results.models.test
    return [
        {
            "model": MODEL_LABELS[score.name],
            "event": "progressive disease",
            "patients": score.counts.patients,
            "events": score.counts.events,
            "auc": number(score.auc.auc),
            "auc_lower": number(score.auc.lower),
            "auc_upper": number(score.auc.upper),
            "auc_standard_error": number(score.auc.standard_error),
            **_proportions(
                {
                    "sensitivity": score.measures.sensitivity,
                    "specificity": score.measures.specificity,
                    "ppv": score.measures.ppv,
                    "npv": score.measures.npv,
                }
            ),
            "brier": number(score.brier),
            "delong_difference": number(test.difference),
            "delong_z": number(test.z),
            "delong_p": number(test.p),
        }
        for score in results.models.scores
    ]


def difference_rows(statistics: Statistics) -> list[Row]:
    """Give every number computed twice; the two numbers only where they may be shown."""
    minimum = statistics.choices.smallest_shown
    hidden = tuple(_hidden_paths(statistics.results[FEDERATED], minimum))
    rows: list[Row] = []
    for item in statistics.differences:
        shown = not f"{item.table}/{item.quantity}/".startswith(hidden)
        rows.append(
            {
                "table": item.table,
                "quantity": item.quantity,
                "federated": number(item.federated) if shown else None,
                "pooled": number(item.pooled) if shown else None,
                "absolute_difference": number(item.absolute),
                "relative_difference": number(item.relative),
            }
        )
    return rows


def _hidden_paths(results: Results, minimum: int) -> list[str]:
    """List the beginnings of the quantities that are withheld elsewhere."""
    categories = withheld_categories(results.baseline, minimum)
    paths = [f"table 1/categories/{name}/" for name in categories]
    if any(hidden_responses(results.baseline, minimum)):
        paths.append("table 1/responses/")
    joint = results.regression.multivariable
    for regressor in regressors(paper_mode=True):
        if regressor.table_column in categories:
            paths.append(f"table 2/univariable/{regressor.name}/")
            if joint is not None and results.regression.entered == (regressor.name,):
                paths.append("table 2/multivariable/")
    for name, found in results.survival.comparisons.items():
        if min(found.patients) < minimum:
            paths.append(f"survival/{name}/")
        if not _shows_events(found, minimum):
            paths.append(f"survival/{name}/events/")
    return paths


def _odds_row(
    regressor: Regressor,
    kind: str,
    model: Model | None,
    refusals: Mapping[str, str],
    hidden: bool,  # noqa: FBT001 - said by name where it is called from
) -> Row:
    row: Row = {
        "variable": regressor.name,
        "label": regressor.label,
        "contrast": regressor.contrast,
        "model": kind,
        "odds_ratio": None,
        "lower": None,
        "upper": None,
        "p": None,
        "method": "",
        "patients": None,
        "events": None,
        "events_per_variable": None,
        "after_baseline": regressor.post_baseline,
        "withheld": hidden,
        "refusal": "",
    }
    if model is None:
        return {**row, "refusal": refusals.get(regressor.name, "")}
    found = next(item for item in model.rows if item.name == regressor.name)
    row |= {
        "method": model.method.value,
        "patients": model.patients,
        "events": model.events,
        "events_per_variable": number(model.events_per_variable),
    }
    if hidden:
        return row
    return row | {
        "odds_ratio": number(found.odds_ratio),
        "lower": number(found.lower),
        "upper": number(found.upper),
        "p": number(found.p),
    }


def _survival(found: SurvivalComparison, place: int, minimum: int) -> Row:
    shows = _shows_events(found, minimum)
    median, lower, upper = (number(days / DAYS_PER_MONTH) for days in found.medians[place])
    tests = found.tests
    return {
        "patients": found.patients[place],
        "events": found.events[place] if shows else None,
        "median_months": median,
        "median_lower": lower,
        "median_upper": upper,
        "hazard_ratio": number(tests.hazard_ratio) if tests else None,
        "hazard_lower": number(tests.lower) if tests else None,
        "hazard_upper": number(tests.upper) if tests else None,
        "cox_p": number(tests.cox_p) if tests else None,
        "log_rank_chi_square": number(tests.chi_square) if tests else None,
        "log_rank_p": number(tests.log_rank_p) if tests else None,
        "withheld": "" if shows else "events",
    }


def _no_survival() -> Row:
    return dict.fromkeys(
        (
            "patients",
            "events",
            "median_months",
            "median_lower",
            "median_upper",
            "hazard_ratio",
            "hazard_lower",
            "hazard_upper",
            "cox_p",
            "log_rank_chi_square",
            "log_rank_p",
        )
    )


def _shows_events(found: SurvivalComparison, minimum: int) -> bool:
    """Show the events of every group or of none: one withheld number follows from the others."""
    return all(
        may_release_parts((events, patients - events), minimum)
        for events, patients in zip(found.events, found.patients, strict=True)
    )


def _proportions(measures: Mapping[str, Proportion]) -> Row:
    row: Row = {}
    for name, measure in measures.items():
        row[name] = number(measure.value)
        row[f"{name}_lower"] = number(measure.lower)
        row[f"{name}_upper"] = number(measure.upper)
    return row
