"""The tables of how a run on MRI and clinic went: patients, trainings, machine, seeds, time.

A dash stands for a number that does not exist or that a site's policy withholds.
"""

from collections.abc import Sequence

from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY
from shared.report.haic_record import FoldTraining, HaicRecord, HaicSeedRow
from shared.report.haic_words import MODEL_TITLES, feature_words
from shared.report.tables import Table
from shared.report.wording import (
    NONE,
    bytes_text,
    count_text,
    duration_text,
    interval_text,
    number_text,
)

_TITLES = tuple(MODEL_TITLES[model] for model in (IMAGE_ONLY, CLINICAL_ONLY, FUSION))


def exclusions_table(record: HaicRecord) -> Table:
    """Give who was left out, by site and reason."""
    return Table(
        caption="Patients left out, and why",
        header=("Site", "Reason", "Patients"),
        rows=tuple(
            (item.site, item.reason, count_text(item.patients)) for item in record.exclusions
        ),
        words=("Reason",),
        note="Who they are is in each site's own list, which stays there. No image was made up.",
    )


def trainings_table(record: HaicRecord) -> Table:
    """Give every federated training of the network."""
    return Table(
        caption="Federated trainings of the network",
        header=(
            "Patients left out",
            "Rounds",
            "Kept round",
            "Its validation loss",
            "Last learning rate",
            "Sent",
            "Received",
            "Time",
        ),
        rows=tuple(_training_row(training) for training in record.trainings),
        note="Each fold's network scores the patients it did not see; these scores train the "
        "fusion machine. The network of all development patients scores the held-out patients "
        "and is the one released.",
    )


def penalties_table(record: HaicRecord) -> Table:
    """Give the penalties that were tried for the fusion machine; without one, no rows."""
    machine = record.fusion
    if machine is None:
        return Table("Penalties tried", ("C", "Mean AUC over the folds", "Choice"), ())
    folds = ", ".join(number_text(area) for area in machine.fold_aucs)
    return Table(
        caption="Penalties of the support vector machine that were tried",
        header=("C", "Mean AUC over the folds", "Choice"),
        rows=tuple(
            (f"{c:g}", number_text(area, 3), "chosen" if c == machine.penalty else "")
            for c, area in zip(machine.penalties, machine.mean_fold_aucs, strict=True)
        ),
        note=f"{machine.kernel.capitalize()} kernel, {machine.features} features, "
        f"{machine.patients} development patients, {machine.events} with the event. Single folds "
        f"at the chosen C: {folds}; all out-of-fold scores together: "
        f"{interval_text(machine.out_of_fold_auc)}.",
    )


def weights_table(record: HaicRecord) -> Table:
    """Give the machine's weights, the largest first."""
    weights = record.fusion.weights if record.fusion is not None else ()
    by_sequence = scored_by_sequence(record)
    return Table(
        caption="Weights of the fusion machine, per standard deviation of a feature",
        header=("Feature", "Weight"),
        rows=tuple(
            (feature_words(w.feature, by_sequence=by_sequence), number_text(w.weight, 4))
            for w in sorted(weights, key=lambda w: -abs(w.weight))
        ),
    )


def scored_by_sequence(record: HaicRecord) -> bool:
    """Tell whether the n-th image feature is the score of the n-th sequence."""
    return record.settings.get("reading") != "five_channel"


def haic_seeds_table(record: HaicRecord) -> Table:
    """Give the areas of every repetition with another seed, and their means."""
    columns = [list(column) for column in zip(*map(_seed_numbers, record.seeds), strict=True)]
    return Table(
        caption="AUC on held-out patients, repeated with other seeds",
        header=(
            "Seed",
            *(f"{title}, federated" for title in _TITLES),
            "Fusion, pooled-central",
            "Fusion, mean of sites alone",
            "Fusion, best possible",
        ),
        rows=tuple(
            (str(row.seed), *(number_text(value, 3) for value in _seed_numbers(row)))
            for row in record.seeds
        ),
        total=("Mean", *(_mean(column) for column in columns)) if columns else (),
    )


def seconds_table(record: HaicRecord) -> Table:
    """Give the wall time of each step."""
    return Table(
        caption="Wall time by step",
        header=("Step", "Time"),
        rows=tuple(
            (f"{step[:1].upper()}{step[1:]}", duration_text(seconds))
            for step, seconds in record.seconds.items()
        ),
        total=("Together", duration_text(sum(record.seconds.values()))) if record.seconds else (),
    )


def fold_words(fold: int) -> str:
    """Say which patients a training left out."""
    return "held-out patients alone" if fold == 0 else f"held-out patients and fold {fold}"


def _training_row(training: FoldTraining) -> tuple[str, ...]:
    kept = next((r for r in training.rounds if r.round == training.best_round), None)
    last = training.rounds[-1].learning_rate if training.rounds else None
    return (
        fold_words(training.fold),
        count_text(len(training.rounds)),
        count_text(training.best_round),
        number_text(kept.validation_loss if kept is not None else None, 3),
        NONE if last is None else f"{last:.2g}",
        NONE if training.bytes_sent is None else bytes_text(training.bytes_sent),
        NONE if training.bytes_received is None else bytes_text(training.bytes_received),
        duration_text(training.seconds),
    )


def _seed_numbers(row: HaicSeedRow) -> tuple[float | None, ...]:
    federated = row.federated
    return (
        federated.image,
        federated.clinical,
        federated.fusion,
        row.pooled_central.fusion,
        row.site_alone_mean.fusion,
        row.bayes.fusion,
    )


def _mean(column: Sequence[float | None]) -> str:
    known = [value for value in column if value is not None]
    return number_text(sum(known) / len(known), 3) if known and len(known) == len(column) else NONE
