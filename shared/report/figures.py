"""The figures of a run's report; the only module that knows Matplotlib (without ``pyplot``)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from shared.report.figure_style import (
    FEDERATED_LOOK,
    INK,
    LONGEST_NAME,
    MUTED,
    PAPER,
    POOLED_LOOK,
    RULE,
    LineLook,
    arm_label,
    arm_look,
    site_look,
)
from shared.report.run_record import FEDERATED, SITE_ALONE_PREFIX, Arm, RunRecord
from shared.report.wording import interval_text, number_text, shortened

Drawn = Figure  # what this module gives, for those who may not know Matplotlib
Plot = Axes

_MEGABYTE = 1e6
PRINT_DPI = 300
_FEW_ROUNDS = 20  # beyond, bars and gaps are too thin for hatching and markers


@contextmanager
def styled(svg_letters: str = "path") -> Iterator[None]:
    """Draw and write inside this, for the look that all figures share."""
    with mpl.rc_context():
        # This typeface ships with Matplotlib: the same picture everywhere.
        mpl.rc("font", **{"family": "sans-serif", "sans-serif": ["DejaVu Sans"], "size": 9.0})
        mpl.rc("text", color=INK)
        mpl.rc("axes", edgecolor=MUTED, labelcolor=INK, linewidth=0.7)
        mpl.rc("axes.spines", top=False, right=False)
        mpl.rc("xtick", color=MUTED, labelcolor=INK)
        mpl.rc("ytick", color=MUTED, labelcolor=INK)
        mpl.rc("legend", frameon=False)
        mpl.rc("grid", color=RULE, linewidth=0.6)
        mpl.rc("svg", hashsalt="hepafed", fonttype=svg_letters)  # same record, same bytes
        yield


def svg_text(figure: Figure, *, text_as_paths: bool) -> str:
    """Write a figure as SVG.

    Args:
        figure: One of this module's figures.
        text_as_paths: Whether letters become outlines (a file that looks the same everywhere) or
            stay text (a page whose figures can be searched and read out).
    """
    buffer = BytesIO()
    with styled("path" if text_as_paths else "none"):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue().decode("utf-8")


def png_bytes(figure: Figure) -> bytes:
    """Write a figure as PNG on white paper, 300 dots per inch."""
    buffer = BytesIO()
    with styled():
        figure.savefig(buffer, format="png", dpi=PRINT_DPI, facecolor="white")
    return buffer.getvalue()


def roc_figure(record: RunRecord) -> Figure | None:
    """Draw the ROC curve of every arm, areas with DeLong intervals in the key; None without any."""
    arms = [arm for arm in record.arms if arm.roc]
    if not arms:
        return None
    with styled():
        figure, axes = sheet(7.0, 4.3)
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.0, zorder=1)
        for arm in arms:  # the widest first, so that a thin dashed twin stays visible on it
            look = arm_look(record, arm)
            axes.plot(
                [p.false_alarm_rate for p in arm.roc],
                [p.sensitivity for p in arm.roc],
                color=look.color,
                linestyle=look.dash,
                linewidth=look.width,
                label=f"{arm_label(arm)}\n{interval_text(arm.auc)}",
                zorder=3,
            )
        axes.set(xlim=(-0.012, 1.012), ylim=(-0.012, 1.012), aspect="equal", anchor="W")
        axes.set(xlabel="1 − specificity", ylabel="Sensitivity")
        axes.grid(visible=True, zorder=0)
        axes.set(xticks=[i / 5 for i in range(6)], yticks=[i / 5 for i in range(6)])
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1.03, 0.5),
            title="AUC (95% CI), held-out patients",
            alignment="left",
            handlelength=3.4,
            labelspacing=0.75,
        )
    return figure


def loss_figure(record: RunRecord) -> Figure | None:
    """Draw training loss per site and federated validation loss by round; None without rounds."""
    if not record.rounds:
        return None
    with styled():
        figure, axes = sheet(7.2, 3.5)
        ends: list[tuple[float, str, LineLook]] = []
        for index, site in enumerate(_sites_that_trained(record)):
            points = [
                (r.round, r.site_training_losses[site])
                for r in record.rounds
                if site in r.site_training_losses
            ]
            ends.append(
                _curve(axes, points, f"{shortened(site, LONGEST_NAME)}, training", site_look(index))
            )
        scored = [
            (r.round, r.validation_loss) for r in record.rounds if r.validation_loss is not None
        ]
        if scored:
            ends.append(_curve(axes, scored, "federated, validation", FEDERATED_LOOK))
        _mark_best_round(axes, record)
        axes.set(xlabel="Round", ylabel="Cross-entropy")
        axes.set_ylim(bottom=0)
        axes.set_xlim(0.6, record.rounds[-1].round + 0.4)
        axes.grid(visible=True, axis="y")
        whole_numbers(axes)
        _label_ends(axes, record.rounds[-1].round, ends)
    return figure


def forest_figure(record: RunRecord) -> Figure | None:
    """Draw each arm's area with its interval, and the best possible area; None without any."""
    arms = [arm for arm in record.arms if arm.auc.value is not None]
    if not arms:
        return None
    with styled():
        figure, axes = sheet(7.2, 0.95 + 0.34 * len(arms))
        _landmark(axes, 0.5, "chance", len(arms))
        if record.bayes_auc is not None:
            best = f"best possible {number_text(record.bayes_auc)}"
            _landmark(axes, record.bayes_auc, best, len(arms))
        for row, arm in enumerate(arms):
            _forest_row(axes, row, arm, arm_look(record, arm))
        lowest = min(limit for arm in arms for limit in (arm.auc.lower, arm.auc.value) if limit)
        axes.set(xlim=(min(0.4, lowest - 0.02), 1.01), ylim=(len(arms) - 0.45, -1.05))
        axes.set_yticks(range(len(arms)), [arm_label(arm) for arm in arms])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("AUC with 95% confidence interval")
    return figure


def traffic_figure(record: RunRecord) -> Figure | None:
    """Draw megabytes and seconds by round; None without rounds."""
    if not record.rounds:
        return None
    with styled():
        figure = Figure(figsize=(7.2, 2.5), layout="constrained")
        FigureCanvasAgg(figure)
        traffic, duration = figure.subplots(1, 2)
        rounds = [r.round for r in record.rounds]
        few = len(rounds) <= _FEW_ROUNDS
        sent = [r.bytes_sent / _MEGABYTE for r in record.rounds]
        received = [r.bytes_received / _MEGABYTE for r in record.rounds]
        traffic.bar([r - 0.2 for r in rounds], sent, 0.38, color=FEDERATED_LOOK.color)
        traffic.bar(
            [r + 0.2 for r in rounds],
            received,
            0.38,
            facecolor=PAPER if few else POOLED_LOOK.color,
            edgecolor=POOLED_LOOK.color,
            hatch="/////" if few else None,
            linewidth=0.9 if few else 0,
        )
        traffic.set_title("Megabytes per round", loc="left", fontsize=9)
        traffic.set_ylim(0, max([*sent, *received, 1e-6]) * 1.28)  # room for the key
        traffic.legend(
            ("to the sites", "from the sites"),
            loc="upper left",
            ncols=2,
            borderaxespad=0.1,
            fontsize=8,
            handlelength=1.2,
        )
        duration.bar(rounds, [r.seconds for r in record.rounds], 0.55, color=MUTED)
        duration.set_title("Seconds per round", loc="left", fontsize=9)
        for axes in (traffic, duration):
            axes.set(xlabel="Round", xlim=(0.4, rounds[-1] + 0.6))
            axes.grid(visible=True, axis="y")
            axes.set_axisbelow(True)
            whole_numbers(axes)
    return figure


def sheet(width_inches: float, height_inches: float) -> tuple[Figure, Axes]:
    """Open a figure with one pair of axes; call it inside ``styled``."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def panels(
    width_inches: float, height_inches: float, rows: int, columns: int
) -> tuple[Figure, list[Axes]]:
    """Open a figure with rows of axes of one scale; call it inside ``styled``."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    return figure, list(grid.flat)


def whole_numbers(axes: Axes) -> None:
    """Let the horizontal axis count."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _sites_that_trained(record: RunRecord) -> list[str]:
    named = [site.site for site in record.sites]
    seen = {site for r in record.rounds for site in r.site_training_losses}
    return [*named, *sorted(seen - set(named))]


def _curve(
    axes: Axes, points: Sequence[tuple[int, float]], label: str, look: LineLook
) -> tuple[float, str, LineLook]:
    few = len(points) <= _FEW_ROUNDS
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        color=look.color,
        linestyle=look.dash,
        linewidth=look.width,
        marker="o" if len(points) == 1 or (few and look is FEDERATED_LOOK) else None,
        markersize=3.5,
        zorder=4 if look is FEDERATED_LOOK else 3,
    )
    return (points[-1][1] if points else float("nan"), label, look)


def _mark_best_round(axes: Axes, record: RunRecord) -> None:
    best = next((r for r in record.rounds if r.round == record.best_round), None)
    if best is None or best.validation_loss is None:
        return
    axes.axvline(best.round, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    axes.plot(
        [best.round],
        [best.validation_loss],
        marker="o",
        markersize=9,
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=1.2,
        zorder=5,
    )
    axes.annotate(
        f"kept: round {best.round}",
        (best.round, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        fontsize=8,
    )


def _label_ends(axes: Axes, last: int, ends: Sequence[tuple[float, str, LineLook]]) -> None:
    low, high = axes.get_ylim()
    gap = (high - low) * 0.062  # one line of 8-point text on this sheet
    height = -float("inf")
    for value, label, look in sorted((e for e in ends if e[0] == e[0]), key=lambda e: e[0]):
        height = max(value, height + gap)
        axes.annotate(
            label,
            (last, value),
            xytext=(1.035, height),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look.color, "lw": 0.7, "relpos": (0, 0.5)},
        )


def _landmark(axes: Axes, area: float, words: str, rows: int) -> None:
    axes.plot([area, area], [-0.5, rows], color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.text(area, -0.62, words, ha="center", va="bottom", fontsize=8)


def _forest_row(axes: Axes, row: int, arm: Arm, look: LineLook) -> None:
    if arm.auc.value is None:
        return
    if arm.auc.lower is not None and arm.auc.upper is not None:
        axes.plot([arm.auc.lower, arm.auc.upper], [row, row], color=look.color, linewidth=1.6)
    marker = "o" if arm.name.startswith(SITE_ALONE_PREFIX) else "s"
    size = 8 if arm.name == FEDERATED else 6
    axes.plot([arm.auc.value], [row], marker=marker, markersize=size, color=look.color)
    axes.annotate(
        interval_text(arm.auc),
        (1.0, row),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
    )
