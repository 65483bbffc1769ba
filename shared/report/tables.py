"""The tables of a report, as text ready to be set, and the machine-readable tidy table.

Every table is built from a run record alone. A dash stands for a number that does not exist or
that a site's policy withholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.report.haic_record import HaicRecord
from shared.report.run_record import Arm, Measure, RunRecord, SiteResult
from shared.report.wording import (
    NONE,
    bytes_text,
    count_text,
    duration_text,
    interval_text,
    listed,
    number_text,
)


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        caption: What the table shows, with units.
        header: One heading per column; the first column heads the rows, the others hold numbers.
        rows: One text per column.
        total: A closing row, or nothing.
        note: A sentence below, or nothing.
        words: Headings of the columns that hold words, set to the left.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    note: str = ""
    words: tuple[str, ...] = ()


_MEASURES = ("AUC", "Accuracy", "Sensitivity", "Specificity", "F1")
_INTERVALS = (
    "Estimates with 95% intervals; a dash stands for a number that is undefined or withheld. "
    "Sensitivity is the share of patients with {event} who were called, "
    "specificity the share with {no_event} who were not."
)


def cohort_table(record: RunRecord | HaicRecord, slices: str = "Slices per phase") -> Table:
    """Give what each site brought, with totals where every site told its count.

    Args:
        record: Of the run.
        slices: Heading of the last column.
    """
    rows = tuple(
        (
            site.site,
            *map(
                count_text,
                (
                    site.patients,
                    site.events,
                    site.training_patients,
                    site.inner_validation_patients,
                    site.held_out_patients,
                    site.excluded_patients,
                    site.slices,
                ),
            ),
        )
        for site in record.sites
    )
    columns = (
        [s.patients for s in record.sites],
        [s.events for s in record.sites],
        [s.training_patients for s in record.sites],
        [s.inner_validation_patients for s in record.sites],
        [s.held_out_patients for s in record.sites],
        [s.excluded_patients for s in record.sites],
        [s.slices for s in record.sites],
    )
    return Table(
        caption=f"Patients per site; event: {record.endpoint.event}",
        header=(
            "Site",
            "Patients",
            "With event",
            "Training",
            "Inner validation",
            "Held out",
            "Excluded",
            slices,
        ),
        rows=rows,
        total=("All sites", *(_sum_text(column) for column in columns)),
        note="A dash stands for a count that the site's policy withholds; its total is not given.",
    )


def arms_table(record: RunRecord) -> Table:
    """Give every arm's measures on the held-out patients of all sites."""
    return Table(
        caption="Each way to train, evaluated on the same held-out patients of all sites",
        header=("Trained", "Patients", "Events", *_MEASURES),
        rows=tuple(
            (arm.name, count_text(arm.patients), count_text(arm.events), *_measures(arm))
            for arm in record.arms
        ),
        note=_INTERVALS.format(event=record.endpoint.event, no_event=record.endpoint.no_event),
    )


def site_results_table(arm: Arm) -> Table:
    """Give one arm's measures on each site's own held-out patients."""
    return Table(
        caption=f"The {arm.name} model on each site's held-out patients",
        header=("Site", "Patients", "Events", *_MEASURES),
        rows=tuple(
            (row.site, count_text(row.patients), count_text(row.events), *_measures(row))
            for row in arm.sites
        ),
        note="A dash stands for a number that is undefined or that the site's policy withholds.",
    )


def rounds_table(record: RunRecord) -> Table:
    """Give losses, bytes and time of every round."""
    return Table(
        caption="Rounds; the kept one is marked",
        header=(
            "Round",
            "Learning rate",
            "Training loss",
            "Validation loss",
            "Sent",
            "Received",
            "Time",
            "Sites that failed",
        ),
        rows=tuple(
            (
                f"{r.round} (kept)" if r.round == record.best_round else str(r.round),
                f"{r.learning_rate:.2g}",
                number_text(r.training_loss, 3),
                number_text(r.validation_loss, 3),
                bytes_text(r.bytes_sent),
                bytes_text(r.bytes_received),
                duration_text(r.seconds),
                listed(r.failed_sites) or "none",
            )
            for r in record.rounds
        ),
        total=_rounds_total(record),
        note="The validation loss of a round is that of the weights the round made.",
    )


def seeds_table(record: RunRecord) -> Table:
    """Give the areas of every repetition with another seed, and their mean."""
    columns = [
        [s.federated for s in record.seeds],
        [s.pooled_central for s in record.seeds],
        [s.site_alone_mean for s in record.seeds],
        [s.bayes_auc for s in record.seeds],
    ]
    return Table(
        caption="AUC on held-out patients, repeated with other seeds",
        header=("Seed", "Federated", "Pooled-central", "Mean of sites alone", "Best possible"),
        rows=tuple(
            (
                str(row.seed),
                number_text(row.federated, 3),
                number_text(row.pooled_central, 3),
                number_text(row.site_alone_mean, 3),
                number_text(row.bayes_auc, 3),
            )
            for row in record.seeds
        ),
        total=("Mean", *(_mean_text(column) for column in columns)),
    )


def steps_table(record: RunRecord) -> Table:
    """Give the wall time of each step that was part of the run."""
    steps = record.steps
    named = (
        ("Cohort", steps.cohort),
        ("Preparation", steps.preparation),
        ("Training", steps.training),
        ("Evaluation", steps.evaluation),
        ("Baselines", steps.baselines),
        ("Report", steps.report),
    )
    known = [(name, seconds) for name, seconds in named if seconds is not None]
    return Table(
        caption="Wall time by step",
        header=("Step", "Time"),
        rows=tuple((name, duration_text(seconds)) for name, seconds in known),
        total=("Together", duration_text(sum(seconds for _, seconds in known))) if known else (),
    )


def environment_table(record: RunRecord | HaicRecord) -> Table:
    """Give what the run was computed with."""
    env = record.environment
    return Table(
        caption="Environment",
        header=("Item", "Value"),
        rows=(
            ("HepaFed", env.hepafed),
            ("Python", env.python),
            ("PyTorch", env.torch),
            ("Flower", env.flwr),
            ("System", env.platform),
            ("Processor", f"{env.cpu}, {env.cores} cores"),
            ("Device", env.device),
            ("Seed", str(record.seed)),
            ("Code digest", record.code_digest or NONE),
            ("Started", record.started),
            ("Finished", record.finished),
        ),
    )


def settings_table(record: RunRecord | HaicRecord) -> Table:
    """Give the run config, one key per row."""
    return Table(
        caption="Run config",
        header=("Key", "Value"),
        rows=tuple((key, _setting_text(record.settings[key])) for key in sorted(record.settings)),
    )


def _measures(row: Arm | SiteResult) -> tuple[str, ...]:
    values: tuple[Measure, ...] = (
        row.auc,
        row.accuracy,
        row.sensitivity,
        row.specificity,
        row.f1,
    )
    return tuple(interval_text(value) for value in values)


def _sum_text(column: Sequence[int | None]) -> str:
    known = [count for count in column if count is not None]
    return count_text(sum(known)) if known and len(known) == len(column) else NONE


def _mean_text(column: Sequence[float | None]) -> str:
    known = [value for value in column if value is not None]
    return number_text(sum(known) / len(known), 3) if known and len(known) == len(column) else NONE


def _rounds_total(record: RunRecord) -> tuple[str, ...]:
    if not record.rounds:
        return ()
    return (
        "Together",
        "",
        "",
        "",
        bytes_text(sum(r.bytes_sent for r in record.rounds)),
        bytes_text(sum(r.bytes_received for r in record.rounds)),
        duration_text(sum(r.seconds for r in record.rounds)),
        "",
    )


def _setting_text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value != "" else "(empty)"
