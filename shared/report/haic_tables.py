"""The tables of what the models reached, as text ready to be set.

A dash stands for a number that does not exist or that a site's policy withholds.
"""

from collections.abc import Sequence

from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY, HaicArm, ModelResult
from shared.report.haic_record import BayesAucs, HaicRecord
from shared.report.haic_sentences import mean_alone
from shared.report.haic_words import MODEL_TITLES, model_title
from shared.report.run_record import FEDERATED
from shared.report.tables import Table
from shared.report.wording import NONE, count_text, interval_text, number_text, p_text

_AREAS = (IMAGE_ONLY, CLINICAL_ONLY, FUSION)
_TITLES = tuple(MODEL_TITLES[model] for model in _AREAS)


def auc_table(record: HaicRecord) -> Table:
    """Give the area of every model in every arm, and the best possible ones."""
    rows = [(arm.name, *(_area(arm.model(model)) for model in _AREAS)) for arm in record.arms]
    means = [mean_alone(record, model) for model in _AREAS]
    if len(record.arms_alone()) > 1 and any(mean is not None for mean in means):
        rows.append(("mean of sites alone", *(number_text(mean) for mean in means)))
    if record.bayes != BayesAucs():
        rows.append(("best possible", *_bayes(record.bayes)))
    return Table(
        caption="AUC on the same held-out patients of all sites, by what a model sees and by how "
        f"it was trained; event: {record.endpoint.event}",
        header=("Trained", *_TITLES),
        rows=tuple(rows),
        note="95% intervals after DeLong, which take no account of the choice of patients for "
        "training. Clinic alone is the logistic model of the publication's significant variables.",
    )


def operating_table(record: HaicRecord, arm: HaicArm) -> Table:
    """Give sensitivity to NPV of every method of an arm, as Quan 2024 prints in Table 3."""
    event, none = record.endpoint.event, record.endpoint.no_event
    counted = arm.models[0] if arm.models else None
    patients = NONE if counted is None else count_text(counted.patients)
    events = NONE if counted is None else count_text(counted.events)
    return Table(
        caption=f"Calls of {event} by the {arm.name} models, {patients} held-out patients, "
        f"{events} with the event",
        header=("Method", "AUC", "Sensitivity", "Specificity", "PPV", "NPV", "Accuracy"),
        rows=tuple(_operating_row(result) for result in arm.models),
        note=f"The event is {event}. Sensitivity: share of patients with it for whom it was "
        f"called. Specificity: share of those with {none} for whom it was not. PPV: share of "
        f"called patients who had {event}. NPV: share of patients not called who had {none}. "
        "95% intervals after Clopper and Pearson; of AUCs after DeLong. A reader's AUC is that of "
        "a yes or no and not comparable with the area under a curve.",
    )


def other_calls_table(record: HaicRecord) -> Table:
    """Give sensitivity to NPV of the arms that were not federated."""
    return Table(
        caption=f"Calls of {record.endpoint.event} by the models of the other arms, on the same "
        "held-out patients",
        header=("Trained", "Method", "Sensitivity", "Specificity", "PPV", "NPV", "Accuracy"),
        rows=tuple(
            (arm.name, row[0], *row[2:])
            for arm in record.arms
            if arm.name != FEDERATED
            for row in map(_operating_row, arm.models)
        ),
        words=("Method",),
    )


def threshold_table(record: HaicRecord, arm: HaicArm) -> Table:
    """Give the thresholds of an arm's models and the error of their probabilities."""
    modelled = [result for result in arm.models if result.threshold is not None]
    return Table(
        caption=f"Thresholds and errors of the {arm.name} models' probabilities",
        header=("Model", f"Calls {record.endpoint.event} from", "Brier score"),
        rows=tuple(
            (
                model_title(result.model),
                number_text(result.threshold, 3),
                number_text(result.brier, 3),
            )
            for result in modelled
        ),
        note="Thresholds come from development patients alone. The Brier score is the mean squared "
        "distance of a probability from what happened; always saying the share of events would "
        f"give {_uninformed(modelled)}.",
    )


def cross_table(record: HaicRecord) -> Table:
    """Give out-of-fold areas in the development patients beside those of the held-out."""
    return Table(
        caption="AUC by cross-validation in the development patients, and on the held-out patients",
        header=(
            "Trained",
            "Model",
            "Development patients",
            "Events",
            "Cross-validated",
            "Held out",
        ),
        rows=tuple(
            (
                row.arm,
                model_title(row.model),
                count_text(row.patients),
                count_text(row.events),
                interval_text(row.auc),
                _area(record.result(row.arm, row.model)),
            )
            for row in record.cross_validated
        ),
        note="Cross-validated: every patient scored by models that had not seen that patient.",
        words=("Model",),
    )


def comparisons_table(record: HaicRecord) -> Table:
    """Give DeLong's paired tests."""
    return Table(
        caption="DeLong's paired test of two models on the same held-out patients",
        header=("Trained", "Compared", "Difference of AUC", "z", "P"),
        rows=tuple(
            (
                test.arm,
                f"{model_title(test.first)} less {model_title(test.second).lower()}",
                number_text(test.difference, 3),
                number_text(test.z),
                p_text(test.p).removeprefix("P = "),
            )
            for test in record.tests
        ),
        note="Two-sided; not corrected for the number of tests.",
        words=("Compared",),
    )


def sites_table(arm: HaicArm) -> Table:
    """Give every model's measures on each site's own held-out patients."""
    modelled = [result for result in arm.models if result.sites]
    return Table(
        caption=f"The {arm.name} models on each site's held-out patients",
        header=(
            "Site",
            "Model",
            "Patients",
            "Events",
            "AUC",
            "Accuracy",
            "Sensitivity",
            "Specificity",
        ),
        rows=tuple(
            (
                row.site,
                model_title(result.model),
                count_text(row.patients),
                count_text(row.events),
                interval_text(row.auc),
                interval_text(row.accuracy),
                interval_text(row.sensitivity),
                interval_text(row.specificity),
            )
            for site in dict.fromkeys(row.site for result in modelled for row in result.sites)
            for result in modelled
            for row in result.sites
            if row.site == site
        ),
        note="A dash stands for a number that is undefined or that the site's policy withholds.",
        words=("Model",),
    )


def _area(result: ModelResult | None) -> str:
    return NONE if result is None else interval_text(result.auc)


def _bayes(best: BayesAucs) -> tuple[str, ...]:
    return tuple(number_text(area) for area in (best.image, best.clinical, best.fusion))


def _operating_row(result: ModelResult) -> tuple[str, ...]:
    measures = (
        result.auc,
        result.sensitivity,
        result.specificity,
        result.ppv,
        result.npv,
        result.accuracy,
    )
    return (model_title(result.model), *(interval_text(measure) for measure in measures))


def _uninformed(results: Sequence[ModelResult]) -> str:
    counts = [(r.patients, r.events) for r in results if r.patients and r.events is not None]
    if not counts:
        return NONE
    patients, events = counts[0]
    share = (events or 0) / (patients or 1)
    return number_text(share * (1 - share), 3)
