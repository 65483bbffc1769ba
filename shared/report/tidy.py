"""The tidy table: every number of a run, one per line, for a spreadsheet or a statistics program.

Columns: run, round, site, split, metric, value, lower, upper, n. ``run`` is the run's name for the
federated model and ``NAME/ARM`` for a baseline; ``NAME@seed=8`` for a repetition. ``n`` counts the
patients behind the number. An empty cell is a number that does not exist or is withheld.
"""

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from io import StringIO

from shared.report.run_record import FEDERATED, Arm, Measure, RunRecord, SiteResult
from shared.vocabulary import Split

COLUMNS = ("run", "round", "site", "split", "metric", "value", "lower", "upper", "n")
ALL_SITES = "all"


@dataclass(frozen=True)
class TidyRow:
    """One number, in the order of ``COLUMNS``."""

    run: str
    round: int | None
    site: str
    split: str
    metric: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None


def tidy_rows(record: RunRecord) -> tuple[TidyRow, ...]:
    """Give every number of a run: cohort, rounds, arms, repetitions."""
    return (
        *_cohort_rows(record),
        *_round_rows(record),
        *(row for arm in record.arms for row in _arm_rows(record, arm)),
        *_seed_rows(record),
    )


def tidy_csv(record: RunRecord) -> str:
    """Give the tidy table as CSV, full precision, lines ended by a newline."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in tidy_rows(record))
    return buffer.getvalue()


def _cohort_rows(record: RunRecord) -> Iterator[TidyRow]:
    for site in record.sites:
        for split, metric, count in (
            ("", "patients", site.patients),
            ("", "events", site.events),
            (Split.TRAINING, "patients", site.training_patients),
            (Split.INNER_VALIDATION, "patients", site.inner_validation_patients),
            (Split.HELD_OUT, "patients", site.held_out_patients),
            ("", "excluded_patients", site.excluded_patients),
            ("", "slices_per_phase", site.slices),
        ):
            yield TidyRow(record.run, None, site.site, str(split), metric, count, n=site.patients)
    if record.bayes_auc is not None:
        yield TidyRow(record.run, None, ALL_SITES, "", "bayes_auc", record.bayes_auc)


def _round_rows(record: RunRecord) -> Iterator[TidyRow]:
    for item in record.rounds:
        for split, metric, value in (
            ("", "learning_rate", item.learning_rate),
            (Split.TRAINING, "loss", item.training_loss),
            (Split.INNER_VALIDATION, "loss", item.validation_loss),
            ("", "bytes_sent", item.bytes_sent),
            ("", "bytes_received", item.bytes_received),
            ("", "seconds", item.seconds),
        ):
            yield TidyRow(record.run, item.round, ALL_SITES, str(split), metric, value)
        for site, loss in item.site_training_losses.items():
            yield TidyRow(record.run, item.round, site, Split.TRAINING.value, "loss", loss)
        for site in item.failed_sites:
            yield TidyRow(record.run, item.round, site, "", "failed", 1)


def _arm_rows(record: RunRecord, arm: Arm) -> Iterator[TidyRow]:
    run = record.run if arm.name == FEDERATED else f"{record.run}/{arm.name}"
    yield from _measure_rows(run, ALL_SITES, arm)
    yield TidyRow(
        run,
        None,
        ALL_SITES,
        Split.HELD_OUT.value,
        "auc_standard_error",
        arm.auc_standard_error,
        n=arm.patients,
    )
    for row in arm.sites:
        yield from _measure_rows(run, row.site, row)


def _measure_rows(run: str, site: str, row: Arm | SiteResult) -> Iterator[TidyRow]:
    held_out, n = Split.HELD_OUT.value, row.patients
    yield TidyRow(run, None, site, held_out, "events", row.events, n=n)
    measures: tuple[tuple[str, Measure], ...] = (
        ("auc", row.auc),
        ("accuracy", row.accuracy),
        ("sensitivity", row.sensitivity),
        ("specificity", row.specificity),
        ("f1", row.f1),
    )
    for metric, measure in measures:
        yield TidyRow(
            run, None, site, held_out, metric, measure.value, measure.lower, measure.upper, n
        )


def _seed_rows(record: RunRecord) -> Iterator[TidyRow]:
    for seed in record.seeds:
        for metric, value in (
            ("auc_federated", seed.federated),
            ("auc_pooled_central", seed.pooled_central),
            ("auc_site_alone_mean", seed.site_alone_mean),
            ("bayes_auc", seed.bayes_auc),
        ):
            run = f"{record.run}@seed={seed.seed}"
            yield TidyRow(run, None, ALL_SITES, Split.HELD_OUT.value, metric, value)
