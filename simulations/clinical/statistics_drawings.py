"""The figures of a cohort's statistics, from what the federation may release."""

from shared.cohort.analysis_columns import SUBGROUPS
from shared.report.drawings import Drawing
from shared.report.statistics_figures import RocLine, SurvivalLine, roc_drawing, survival_drawing
from simulations.clinical.clinical_models import MODEL_LABELS
from simulations.clinical.statistics_tables import limits_text, p_text
from simulations.clinical.study import FEDERATED, Statistics
from simulations.clinical.subgroup_survival import (
    EVERYBODY,
    OUTCOMES,
    SurvivalComparison,
    division_names,
)


def draw_statistics(statistics: Statistics) -> dict[str, Drawing]:
    """Draw the ROC curves and every survival comparison that may be shown, by file stem."""
    minimum = statistics.choices.smallest_shown
    results = statistics.results[FEDERATED]
    drawings = {}
    if results.models is not None:
        drawings["fig_roc"] = _roc(statistics)
    for outcome, division in division_names():
        found = results.survival.comparisons.get(f"{outcome}/{division}")
        if found is not None and min(found.patients) >= minimum:
            name = f"fig_km_{outcome}_{division}"
            drawings[name] = _survival(name, found, outcome, division)
    return drawings


def _roc(statistics: Statistics) -> Drawing:
    models = statistics.results[FEDERATED].models
    lines = []
    for score in models.scores if models else ():
        area = limits_text(score.auc.auc, score.auc.lower, score.auc.upper, 3)
        curve = statistics.rocs[score.name]
        label = f"{MODEL_LABELS[score.name]}\n{area}"
        lines.append(RocLine(label, curve.false_call_rate, curve.sensitivity))
    p = p_text(models.test.p) if models else ""
    smallest = statistics.choices.smallest_shown
    thinned = (
        ""
        if statistics.choices.show_small
        else f" No step of a curve stands for fewer than {smallest} patients; the areas are exact."
    )
    caption = (
        "Out-of-fold scores for progressive disease; every patient is scored by models trained "
        f"without the patient. DeLong's paired test: P = {p}.{thinned}"
    )
    return roc_drawing("fig_roc", "progressive disease", caption, lines)


def _survival(name: str, found: SurvivalComparison, outcome: str, division: str) -> Drawing:
    groups = {group.name: group for group in SUBGROUPS}
    labels: tuple[str, ...]
    if division == EVERYBODY:
        title, labels, result = f"{OUTCOMES[outcome]}, all patients", ("all patients",), ""
    else:
        group = groups[division]
        title, labels = f"{OUTCOMES[outcome]}, {group.label}", (group.zero, group.one)
        result = _result(found)
    lines = [
        SurvivalLine(label, curve.months, curve.survival, curve.at_risk)
        for label, curve in zip(labels, found.curves, strict=True)
    ]
    return survival_drawing(name, title, f"{title}.", result, lines)


def _result(found: SurvivalComparison) -> str:
    tests = found.tests
    if tests is None:
        return ""
    ratio = limits_text(tests.hazard_ratio, tests.lower, tests.upper, 2)
    return f"HR {ratio}\nlog-rank P {_equals(p_text(tests.log_rank_p))}"


def _equals(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"
