"""The sentences and large numbers of a cohort's statistics."""

from shared.aggregation.sum_channel import MINIMUM_SITES
from shared.report.page import Headline
from shared.report.wording import plural
from simulations.clinical.clinical_models import MODEL_LABELS
from simulations.clinical.differences import largest
from simulations.clinical.statistics_tables import limits_text, p_text
from simulations.clinical.study import FEDERATED, TOLERANCES, Statistics

NO_BCLC = (
    "The paper's sixth subgroup, BCLC stage, is not compared: it is not one of the 27 variables."
)


def summary_sentences(statistics: Statistics) -> list[str]:
    """Say who the patients are and whether both ways agree."""
    everybody, _, progressive = statistics.results[FEDERATED].baseline.patients
    sites = statistics.site_patients
    excluded = (
        f" {plural(statistics.excluded, 'row')} of the file left out."
        if statistics.excluded
        else ""
    )
    sentences = [
        (
            f"{plural(everybody, 'patient')} of {plural(len(sites), 'site')}, {progressive} with "
            f"progressive disease.{excluded}"
        ),
        _agreement(statistics),
    ]
    if statistics.choices.show_small:
        sentences.append("Small counts are shown: for the eyes of whoever holds these data.")
    return sentences


def reading_points(statistics: Statistics) -> list[str]:
    """Say what a reader must know to read the tables."""
    choices = statistics.choices
    points = [
        (
            "Table 1 tests: Mann-Whitney for measurements (medians are printed), Pearson's "
            "chi-square or, by Cochran's rule, Fisher's exact test for categories."
        ),
        NO_BCLC,
        "Number of HAIC cycles is known only after treatment began. "
        + (
            "Paper mode: it is in Table 2 and in the models all the same, and laboratory values "
            "enter Table 2 per unit."
            if choices.paper_mode
            else "It is in Table 1 only; --paper-mode puts it into Table 2 and the models."
        ),
    ]
    if statistics.models_refusal:
        points.append(f"No clinical models: {statistics.models_refusal}")
    else:
        points.append(
            "The logistic model has the paper's variables ("
            + ("all five" if choices.paper_mode else "four of five: without cycles")
            + "). It calls the event from the training share of progressive disease on; the "
            "machine from the Youden point of its inner cross-validation."
        )
    if len(statistics.site_patients) < MINIMUM_SITES:
        points.append(
            f"A real federation refuses sums over fewer than {MINIMUM_SITES} sites: one could work "
            "out another's share."
        )
    if not choices.show_small:
        points.append(
            f"Counts from 1 to {choices.minimum - 1} are withheld, with what would give them back. "
            "For your own data: --show-small-counts."
        )
    return points


def curve_sentence(statistics: Statistics) -> str:
    """Say how the curves are read."""
    minimum = statistics.choices.smallest_shown
    ending = "" if minimum == 1 else f" and end where fewer than {minimum} patients are at risk"
    return f"Kaplan-Meier curves are read once a month{ending}; tests and medians use every day."


def headline(statistics: Statistics) -> tuple[Headline, ...]:
    """Give the large numbers at the top of the page."""
    models = statistics.results[FEDERATED].models
    items = []
    for score, kind in zip(models.scores if models else (), ("federated", "pooled"), strict=False):
        area = limits_text(score.auc.auc, score.auc.lower, score.auc.upper, 2)
        value, _, limits = area.partition(" (")
        items.append(
            Headline(
                f"AUC, {MODEL_LABELS[score.name].lower()}",
                value,
                f"95% CI {limits.rstrip(')')}",
                kind,
            )
        )
    if models:
        items.append(Headline("DeLong, the two models", p_text(models.test.p), "two-sided P"))
    exact = [item for item in largest(statistics.differences) if "weights" not in item.table]
    tables = [item.relative for item in exact if item.table in {"table 1", "table 2", "survival"}]
    if tables:
        items.append(
            Headline(
                "Largest relative difference", f"{max(tables):.0e}", "Tables 1 and 2, survival"
            )
        )
    return tuple(items)


def _agreement(statistics: Statistics) -> str:
    beyond = [
        item
        for item in statistics.differences
        if item.table in TOLERANCES and not item.within(TOLERANCES[item.table])
    ]
    count = len(statistics.differences)
    if not beyond:
        return (
            f"All {count} numbers were computed twice, over the sites from sums alone and on the "
            "pooled patients, and agree as closely as expected."
        )
    first = beyond[0]
    return (
        f"{len(beyond)} of {count} numbers computed over the sites differ from the pooled ones by "
        f"more than expected, among them {first.quantity} ({first.table}); see differences.csv."
    )
