"""The tidy table of a run on MRI and clinic: every number, one per line.

Columns: run, arm, model, fold, round, site, split, metric, value, lower, upper, n. ``run`` is
``NAME@seed=8`` for a repetition. ``n`` counts the patients behind the number. An empty cell is a
number that does not exist, does not apply, or is withheld.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from shared.report.figure_data import csv_text
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY, HaicArm, ModelResult
from shared.report.haic_record import ArmAucs, BayesAucs, HaicRecord
from shared.report.run_record import FEDERATED, POOLED_CENTRAL, Measure
from shared.report.tidy import ALL_SITES
from shared.vocabulary import Split

COLUMNS = (
    "run",
    "arm",
    "model",
    "fold",
    "round",
    "site",
    "split",
    "metric",
    "value",
    "lower",
    "upper",
    "n",
)
DEVELOPMENT = "development"
"""Training and inner-validation patients together, each scored by models that had not seen them."""

_HELD_OUT = Split.HELD_OUT.value


@dataclass(frozen=True)
class HaicTidyRow:
    """One number, in the order of ``COLUMNS``."""

    run: str
    arm: str = ""
    model: str = ""
    fold: int | None = None
    round: int | None = None
    site: str = ALL_SITES
    split: str = ""
    metric: str = ""
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None


def haic_tidy_csv(record: HaicRecord) -> str:
    """Give the tidy table as CSV, full precision, lines ended by a newline."""
    return csv_text(COLUMNS, (astuple(row) for row in haic_tidy_rows(record)))


def haic_tidy_rows(record: HaicRecord) -> tuple[HaicTidyRow, ...]:
    """Give every number of a run."""
    return (
        *_cohort_rows(record),
        *_training_rows(record),
        *(row for arm in record.arms for row in _arm_rows(record.run, arm)),
        *_comparison_rows(record),
        *_fusion_rows(record),
        *_best_rows(record.run, record.bayes),
        *_seed_rows(record),
        *(
            HaicTidyRow(record.run, metric=f"seconds/{step}", value=seconds)
            for step, seconds in record.seconds.items()
        ),
    )


def _cohort_rows(record: HaicRecord) -> Iterator[HaicTidyRow]:
    for site in record.sites:
        for split, metric, count in (
            ("", "patients", site.patients),
            ("", "events", site.events),
            (Split.TRAINING, "patients", site.training_patients),
            (Split.INNER_VALIDATION, "patients", site.inner_validation_patients),
            (Split.HELD_OUT, "patients", site.held_out_patients),
            ("", "excluded_patients", site.excluded_patients),
            ("", "slices_per_sequence", site.slices),
        ):
            yield HaicTidyRow(
                record.run,
                site=site.site,
                split=str(split),
                metric=metric,
                value=count,
                n=site.patients,
            )
    for item in record.exclusions:
        yield HaicTidyRow(
            record.run, site=item.site, metric=f"excluded: {item.reason}", value=item.patients
        )


def _training_rows(record: HaicRecord) -> Iterator[HaicTidyRow]:
    for training in record.trainings:
        for metric, value in (
            ("best_round", training.best_round),
            ("seconds", training.seconds),
            ("bytes_sent", training.bytes_sent),
            ("bytes_received", training.bytes_received),
        ):
            yield HaicTidyRow(record.run, FEDERATED, fold=training.fold, metric=metric, value=value)
    curves = [(FEDERATED, "", training.fold, training.rounds) for training in record.trainings]
    curves += [("candidate", c.network, 0, c.rounds) for c in record.candidates]
    for arm, model, fold, rounds in curves:
        for item in rounds:
            for split, metric, value in (
                ("", "learning_rate", item.learning_rate),
                (Split.TRAINING, "loss", item.training_loss),
                (Split.INNER_VALIDATION, "loss", item.validation_loss),
            ):
                yield HaicTidyRow(
                    record.run,
                    arm,
                    model,
                    fold,
                    item.round,
                    split=str(split),
                    metric=metric,
                    value=value,
                )


def _arm_rows(run: str, arm: HaicArm) -> Iterator[HaicTidyRow]:
    for result in arm.models:
        yield from _result_rows(run, arm.name, result)
        for row in result.sites:
            yield _held_out(
                run, arm.name, result.model, row.site, "events", row.events, row.patients
            )
            for metric, measure in (
                ("auc", row.auc),
                ("accuracy", row.accuracy),
                ("sensitivity", row.sensitivity),
                ("specificity", row.specificity),
            ):
                yield _held_out(
                    run, arm.name, result.model, row.site, metric, measure, row.patients
                )


def _result_rows(run: str, arm: str, result: ModelResult) -> Iterator[HaicTidyRow]:
    for metric, value in (
        ("events", result.events),
        ("auc", result.auc),
        ("auc_standard_error", result.auc_standard_error),
        ("sensitivity", result.sensitivity),
        ("specificity", result.specificity),
        ("ppv", result.ppv),
        ("npv", result.npv),
        ("accuracy", result.accuracy),
        ("brier", result.brier),
        ("threshold", result.threshold),
    ):
        yield _held_out(run, arm, result.model, ALL_SITES, metric, value, result.patients)


def _held_out(  # noqa: PLR0913, PLR0917  # the columns of one row, in their order
    run: str,
    arm: str,
    model: str,
    site: str,
    metric: str,
    value: Measure | float | None,
    n: int | None,
) -> HaicTidyRow:
    found = value if isinstance(value, Measure) else Measure(value)
    return HaicTidyRow(
        run,
        arm,
        model,
        site=site,
        split=_HELD_OUT,
        metric=metric,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        n=n,
    )


def _comparison_rows(record: HaicRecord) -> Iterator[HaicTidyRow]:
    for row in record.cross_validated:
        yield HaicTidyRow(
            record.run,
            row.arm,
            row.model,
            split=DEVELOPMENT,
            metric="auc",
            value=row.auc.value,
            lower=row.auc.lower,
            upper=row.auc.upper,
            n=row.patients,
        )
    for test in record.tests:
        pair = f"{test.first} less {test.second}"
        for metric, value in (("auc_difference", test.difference), ("z", test.z), ("p", test.p)):
            yield HaicTidyRow(
                record.run, test.arm, pair, split=_HELD_OUT, metric=f"delong_{metric}", value=value
            )


def _fusion_rows(record: HaicRecord) -> Iterator[HaicTidyRow]:
    machine = record.fusion
    if machine is None:
        return
    n = machine.patients
    for penalty, area in zip(machine.penalties, machine.mean_fold_aucs, strict=True):
        yield HaicTidyRow(
            record.run,
            FEDERATED,
            FUSION,
            split=DEVELOPMENT,
            metric=f"mean_fold_auc/C={penalty:g}",
            value=area,
            n=n,
        )
    yield HaicTidyRow(
        record.run, FEDERATED, FUSION, split=DEVELOPMENT, metric="C", value=machine.penalty, n=n
    )
    for weight in machine.weights:
        yield HaicTidyRow(
            record.run,
            FEDERATED,
            FUSION,
            split=DEVELOPMENT,
            metric=f"weight/{weight.feature}",
            value=weight.weight,
            n=n,
        )


def _best_rows(run: str, best: BayesAucs) -> Iterator[HaicTidyRow]:
    yield from _area_rows(run, "best possible", ArmAucs(best.image, best.clinical, best.fusion))


def _seed_rows(record: HaicRecord) -> Iterator[HaicTidyRow]:
    for row in record.seeds:
        run = f"{record.run}@seed={row.seed}"
        yield from _area_rows(run, FEDERATED, row.federated)
        yield from _area_rows(run, POOLED_CENTRAL, row.pooled_central)
        yield from _area_rows(run, "mean of sites alone", row.site_alone_mean)
        yield from _best_rows(run, row.bayes)


def _area_rows(run: str, arm: str, areas: ArmAucs) -> Iterator[HaicTidyRow]:
    for model, area in (
        (IMAGE_ONLY, areas.image),
        (CLINICAL_ONLY, areas.clinical),
        (FUSION, areas.fusion),
    ):
        if area is not None:
            yield HaicTidyRow(run, arm, model, split=_HELD_OUT, metric="auc", value=area)
