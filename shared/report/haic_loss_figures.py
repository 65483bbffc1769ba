"""The figures of training: losses by round of every fold, and of every candidate network."""

from collections.abc import Sequence

from shared.report.drawings import Drawing, drawing_of
from shared.report.figure_data import csv_text
from shared.report.figure_style import FEDERATED_LOOK, INK, MUTED, POOLED_LOOK, LineLook, site_look
from shared.report.figures import Plot, panels, styled, whole_numbers
from shared.report.haic_record import Candidate, FoldTraining, HaicRecord, LossRound
from shared.report.haic_words import network_words
from shared.report.wording import number_text

_TRAINING_LOOK = LineLook(MUTED, (0.0, (3.5, 1.6)), 1.2)
_CANDIDATE_LOOKS = (FEDERATED_LOOK, POOLED_LOOK, site_look(0), site_look(1), site_look(4))
_COLUMNS = 3
_FEW_ROUNDS = 20
_HEADER = ("round", "learning_rate", "training_loss", "validation_loss")


def loss_drawings(record: HaicRecord) -> Sequence[Drawing]:
    """Draw the losses that the record has."""
    drawn = (fold_losses(record), candidate_losses(record))
    return [drawing for drawing in drawn if drawing is not None]


def fold_losses(record: HaicRecord) -> Drawing | None:
    """Draw training and validation loss by round, a panel per training; None without rounds."""
    trained = [training for training in record.trainings if training.rounds]
    if not trained:
        return None
    columns = min(_COLUMNS, len(trained))
    rows = -(-len(trained) // columns)
    with styled():
        figure, all_axes = panels(7.4, 0.5 + 1.75 * rows, rows, columns)
        for axes, training in zip(all_axes, trained, strict=False):
            _fold_panel(axes, training)
        all_axes[0].set_xlim(0.6, max(len(training.rounds) for training in trained) + 0.4)
        whole_numbers(all_axes[0])  # of all: the panels share it
        for place, axes in enumerate(all_axes):
            axes.set_visible(place < len(trained))
            if place % columns == 0:
                axes.set_ylabel("Loss")
            if place + columns >= len(trained):
                axes.set_xlabel("Round")
                axes.tick_params(labelbottom=True)
        all_axes[0].legend(loc="upper right", fontsize=7.5, borderaxespad=0.1, handlelength=2.6)
    return drawing_of(
        "fig_losses",
        "Loss by round",
        "Cross-entropy by round of every federated training: over the sites' slices (training) "
        "and over the inner-validation patients (validation), which scores the weights that the "
        "round made. The circle marks the round whose weights were kept; a dotted line a fall of "
        "the learning rate, with the new rate.",
        "Loss by round. " + " ".join(_fold_sentence(training) for training in trained),
        figure,
        csv_text(("fold", *_HEADER), ((t.fold, *_row(r)) for t in trained for r in t.rounds)),
    )


def candidate_losses(record: HaicRecord) -> Drawing | None:
    """Draw the losses of the networks that were compared; None without any."""
    compared = [candidate for candidate in record.candidates if candidate.rounds]
    if not compared:
        return None
    with styled():
        figure, all_axes = panels(7.4, 3.0, 1, 2)
        for axes, title, training in zip(
            all_axes, ("Training", "Inner validation"), (True, False), strict=True
        ):
            for candidate, look in zip(compared, _CANDIDATE_LOOKS, strict=False):
                _candidate_line(axes, candidate, look, training=training)
            axes.set_title(title, loc="left", fontsize=9)
            axes.set_xlabel("Round")
            axes.grid(visible=True, axis="y")
        all_axes[0].set_xlim(0.6, max(len(one.rounds) for one in compared) + 0.4)
        whole_numbers(all_axes[0])
        all_axes[0].set_ylabel("Loss")
        all_axes[1].legend(loc="upper right", fontsize=7.5, borderaxespad=0.1, handlelength=3)
    best = "; ".join(
        f"{network_words(c.network)} {number_text(_loss_at(c.rounds, c.best_round), 3)} in round "
        f"{c.best_round}"
        for c in compared
        if c.best_round is not None
    )
    return drawing_of(
        "fig_candidates",
        "Candidate networks",
        "Cross-entropy by round of networks trained under the same conditions. Circles mark the "
        "lowest validation loss, by which the publication chose its network.",
        f"Loss by round of candidate networks. Lowest validation loss: {best or 'not known'}.",
        figure,
        csv_text(
            ("network", *_HEADER), ((c.network, *_row(r)) for c in compared for r in c.rounds)
        ),
    )


def _fold_panel(axes: Plot, training: FoldTraining) -> None:
    few = len(training.rounds) <= _FEW_ROUNDS
    for words, look, points in (
        ("training", _TRAINING_LOOK, _points(training.rounds, training=True)),
        ("validation", FEDERATED_LOOK, _points(training.rounds, training=False)),
    ):
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=look.color,
            linestyle=look.dash,
            linewidth=1.6 if look is FEDERATED_LOOK else look.width,
            marker="o" if few else None,
            markersize=2.2,
            label=words,
        )
    kept = _loss_at(training.rounds, training.best_round)
    if kept is not None and training.best_round is not None:
        _circle(axes, training.best_round, kept, INK)
    for before, after in zip(training.rounds, training.rounds[1:], strict=False):
        if after.learning_rate < before.learning_rate:
            axes.axvline(after.round - 0.5, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
            axes.annotate(
                f"{after.learning_rate:.1g}",
                (after.round - 0.5, 0.02),
                xycoords=("data", "axes fraction"),
                xytext=(2, 0),
                textcoords="offset points",
                fontsize=7,
                color=MUTED,
            )
    title = f"Fold {training.fold} left out" if training.fold else "All development patients"
    axes.set_title(title, loc="left", fontsize=9)
    axes.grid(visible=True, axis="y")


def _candidate_line(axes: Plot, candidate: Candidate, look: LineLook, *, training: bool) -> None:
    points = _points(candidate.rounds, training=training)
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        color=look.color,
        linestyle=look.dash,
        linewidth=1.5,
        label=network_words(candidate.network),
    )
    best = _loss_at(candidate.rounds, candidate.best_round)
    if not training and best is not None and candidate.best_round is not None:
        _circle(axes, candidate.best_round, best, look.color)


def _circle(axes: Plot, place: int, height: float, color: str) -> None:
    axes.plot(
        [place],
        [height],
        marker="o",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=color,
        markeredgewidth=1.2,
        zorder=5,
    )


def _points(rounds: Sequence[LossRound], *, training: bool) -> list[tuple[int, float]]:
    return [
        (r.round, loss)
        for r in rounds
        if (loss := r.training_loss if training else r.validation_loss) is not None
    ]


def _loss_at(rounds: Sequence[LossRound], best: int | None) -> float | None:
    return next((r.validation_loss for r in rounds if r.round == best), None)


def _row(item: LossRound) -> tuple[object, ...]:
    return item.round, item.learning_rate, item.training_loss, item.validation_loss


def _fold_sentence(training: FoldTraining) -> str:
    title = f"Fold {training.fold} left out" if training.fold else "All development patients"
    if training.best_round is None:
        return f"{title}: {len(training.rounds)} rounds."
    return (
        f"{title}: {len(training.rounds)} rounds, kept round {training.best_round} with a "
        f"validation loss of {number_text(_loss_at(training.rounds, training.best_round), 3)}."
    )
