"""The figures of a cohort's statistics: ROC curves, and survival with the numbers at risk below."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.report.drawings import Drawing, drawing_of
from shared.report.figure_data import csv_text
from shared.report.figure_style import (
    FEDERATED_LOOK,
    INK,
    MUTED,
    POOLED_LOOK,
    RULE,
    site_look,
)
from shared.report.figures import sheet, styled

_LOOKS = (FEDERATED_LOOK, POOLED_LOOK, site_look(0))
_MOST_TICKS = 9
_TICK_STEPS = (1, 2, 3, 6, 12, 24, 36, 60, 120)


@dataclass(frozen=True)
class RocLine:
    """One ROC curve: its name and area in words, false calls and sensitivity from 0 to 1."""

    label: str
    false_call_rate: tuple[float, ...]
    sensitivity: tuple[float, ...]


@dataclass(frozen=True)
class SurvivalLine:
    """One group's curve, read monthly.

    Attributes:
        label: The group in words.
        months: Rising from 0.
        survival: In [0, 1].
        at_risk: Patients under observation at each month.
    """

    label: str
    months: tuple[int, ...]
    survival: tuple[float, ...]
    at_risk: tuple[int, ...]


def roc_drawing(name: str, event: str, caption: str, lines: Sequence[RocLine]) -> Drawing:
    """Draw ROC curves, one look per model, for an event in words."""
    title = f"ROC curves for {event}"
    with styled():
        figure, axes = sheet(7.0, 4.0)
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.0, zorder=1)
        for line, look in zip(lines, _LOOKS, strict=False):
            axes.plot(
                line.false_call_rate,
                line.sensitivity,
                color=look.color,
                linestyle=look.dash,
                linewidth=look.width,
                label=line.label,
                zorder=3,
            )
        axes.set(xlim=(-0.012, 1.012), ylim=(-0.012, 1.012), aspect="equal", anchor="W")
        axes.set(xlabel="1 − specificity", ylabel=f"Sensitivity for {event}")
        axes.set(xticks=[i / 5 for i in range(6)], yticks=[i / 5 for i in range(6)])
        axes.grid(visible=True, zorder=0)
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1.03, 0.5),
            title="AUC (95% CI), out of fold",
            alignment="left",
            handlelength=3.4,
            labelspacing=0.9,
        )
    table = csv_text(
        ("model", "false_call_rate", "sensitivity"),
        (
            (line.label.partition("\n")[0], x, y)
            for line in lines
            for x, y in zip(line.false_call_rate, line.sensitivity, strict=True)
        ),
    )
    words = f"{title}. " + "; ".join(line.label.replace("\n", ": AUC ") for line in lines) + "."
    return drawing_of(name, title, caption, words, figure, table)


def survival_drawing(
    name: str, title: str, caption: str, result: str, lines: Sequence[SurvivalLine]
) -> Drawing:
    """Draw survival curves with the numbers at risk below.

    Args:
        name: File stem.
        title: A few words: the outcome and what divides the patients.
        caption: What to read from it.
        result: Hazard ratio and P in words, set into the figure; may be empty.
        lines: One per group, at most three.

    Returns:
        The drawing.
    """
    last = max(line.months[-1] for line in lines if line.months)
    ticks = _ticks(last)
    with styled():
        figure, axes = sheet(6.4, 3.3 + 0.22 * len(lines))
        for line, look in zip(lines, _LOOKS, strict=False):
            axes.step(
                line.months,
                line.survival,
                where="post",
                color=look.color,
                linestyle=look.dash,
                linewidth=look.width,
                label=line.label,
            )
        span = max(last, 1)
        axes.set(xlim=(-0.02 * span, 1.02 * span), ylim=(0, 1.03), xticks=ticks)
        axes.set(yticks=[i / 5 for i in range(6)], ylabel=title.partition(",")[0])
        axes.grid(visible=True, axis="y")
        if len(lines) > 1:
            axes.legend(
                loc="upper right",
                title=title.partition(", ")[2],
                alignment="left",
                handlelength=3.4,
                borderaxespad=0.1,
            )
        if result:
            axes.text(0.015, 0.03, result, transform=axes.transAxes, fontsize=8.5, va="bottom")
        below = axes.get_xaxis_transform()  # months across, shares of the axes' height down
        axes.text(
            0.5, -0.17, "Months", transform=axes.transAxes, ha="center", color=MUTED, va="center"
        )
        axes.text(0, -0.17, "Number at risk", transform=below, color=MUTED, va="center")
        for row, (line, look) in enumerate(zip(lines, _LOOKS, strict=False)):
            height = -0.255 - 0.085 * row
            if len(lines) > 1:
                axes.annotate(
                    line.label,
                    (0, height),
                    xycoords=("axes fraction", "axes fraction"),
                    xytext=(-10, 0),
                    textcoords="offset points",
                    ha="right",
                    va="center",
                    color=look.color,
                    fontsize=8.5,
                    annotation_clip=False,
                )
            for month, count in zip(line.months, line.at_risk, strict=True):
                if month in ticks:
                    axes.text(
                        month,
                        height,
                        str(count),
                        transform=below,
                        ha="center",
                        va="center",
                        fontsize=8.5,
                        color=INK,
                    )
    table = csv_text(
        ("group", "month", "survival", "at_risk"),
        (
            (line.label, *point)
            for line in lines
            for point in zip(line.months, line.survival, line.at_risk, strict=True)
        ),
    )
    groups = " against ".join(line.label for line in lines)
    words = f"{title}{': ' + groups if len(lines) > 1 else ''}. {result.replace(chr(10), '; ')}"
    return drawing_of(name, title, caption, words.strip(), figure, table)


def _ticks(last: int) -> list[int]:
    """Choose at most nine round months up to the last."""
    step = next((s for s in _TICK_STEPS if last / s < _MOST_TICKS), _TICK_STEPS[-1])
    return list(range(0, last + 1, step))
