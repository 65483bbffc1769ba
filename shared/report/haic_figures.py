"""The figures made of patients' scores: ROC curves and calibration of the federated models."""

from collections.abc import Sequence

from shared.report.drawings import Drawing, drawing_of
from shared.report.figure_data import csv_text
from shared.report.figure_style import MUTED, RULE, LineLook, site_look
from shared.report.figures import Plot, panels, sheet, styled
from shared.report.haic_models import ModelResult
from shared.report.haic_record import HaicRecord
from shared.report.haic_row_figures import MODEL_LOOKS, forest, weights
from shared.report.haic_words import model_title
from shared.report.run_record import FEDERATED
from shared.report.wording import interval_text, number_text
from shared.stats.intervals import clopper_pearson

_READER_LOOK = site_look(2)
_COLUMNS = 3


def methods_roc(record: HaicRecord) -> Drawing | None:
    """Draw the ROC curves of the federated models, and each reader as a point."""
    arm = record.arm(FEDERATED)
    drawn = [result for result in arm.models if result.roc] if arm is not None else []
    points = [result for result in arm.models if _called(result)] if arm is not None else []
    if not drawn:
        return None
    with styled():
        figure, axes = sheet(7.0, 4.3)
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.0, zorder=1)
        for result in drawn:
            _roc_line(axes, result)
        for result in points:
            _operating_point(axes, result)
        axes.set(xlim=(-0.012, 1.012), ylim=(-0.012, 1.012), aspect="equal", anchor="W")
        axes.set(xlabel="1 − specificity", ylabel="Sensitivity")
        axes.set(xticks=[i / 5 for i in range(6)], yticks=[i / 5 for i in range(6)])
        axes.grid(visible=True, zorder=0)
        axes.legend(
            loc="center left",
            bbox_to_anchor=(1.03, 0.5),
            title="AUC (95% CI), held-out patients",
            alignment="left",
            handlelength=3.4,
            labelspacing=0.75,
        )
    areas = "; ".join(f"{model_title(r.model)} {interval_text(r.auc)}" for r in drawn)
    return drawing_of(
        "fig_roc",
        "ROC curves of the methods",
        f"ROC curves for {record.endpoint.event} of the federated models on the held-out patients "
        "of all sites. A circle is the threshold at which a model calls the event, a diamond a "
        "reader's calls. Curves are thinned so that no step shows fewer patients than may be "
        "released; the areas are exact.",
        f"ROC curves for {record.endpoint.event}. AUC with 95% interval: {areas}.",
        figure,
        csv_text(
            ("model", "false_alarm_rate", "sensitivity"),
            ((r.model, p.false_alarm_rate, p.sensitivity) for r in drawn for p in r.roc),
        ),
    )


def calibration(record: HaicRecord) -> Drawing | None:
    """Draw observed shares against predicted probabilities of the federated models."""
    arm = record.arm(FEDERATED)
    drawn = [result for result in arm.models if result.calibration] if arm is not None else []
    if not drawn:
        return None
    columns = max(_COLUMNS, len(drawn))
    with styled():
        figure, all_axes = panels(7.4, 2.9, 1, columns)
        for axes in all_axes[len(drawn) :]:
            axes.set_visible(False)
        for axes, result in zip(all_axes, drawn, strict=False):
            _calibration_panel(axes, result)
            axes.set_xlabel("Predicted probability")
        all_axes[0].set_ylabel(f"Share with {record.endpoint.event.partition(' (')[0]}")
    rows = [
        (r.model, b.mean_predicted, b.observed_share, b.patients)
        for r in drawn
        for b in r.calibration
    ]
    return drawing_of(
        "fig_calibration",
        "Calibration",
        f"Predicted probability of {record.endpoint.event} against the share of patients who had "
        "it, in bins of held-out patients of all sites; the larger a point, the more patients. "
        "Bars are 95% intervals after Clopper and Pearson; bins with too few patients to be shown "
        "are left out. On the diagonal a probability means what it says.",
        "Calibration by bin, predicted and observed: "
        + "; ".join(
            f"{model_title(model)} {number_text(x)} and {number_text(y)} ({n} patients)"
            for model, x, y, n in rows
        )
        + ".",
        figure,
        csv_text(("model", "mean_predicted", "observed_share", "patients"), rows),
    )


def _called(result: ModelResult) -> bool:
    return result.sensitivity.value is not None and result.specificity.value is not None


def _look(model: str) -> LineLook:
    return MODEL_LOOKS.get(model, _READER_LOOK)


def _roc_line(axes: Plot, result: ModelResult) -> None:
    look, reader = _look(result.model), result.model not in MODEL_LOOKS
    words = "hard call, " if reader else ""
    axes.plot(
        [p.false_alarm_rate for p in result.roc] if not reader else [],
        [p.sensitivity for p in result.roc] if not reader else [],
        color=look.color,
        linestyle="none" if reader else look.dash,
        linewidth=look.width,
        marker=_reader_marker(result.model) if reader else None,
        markersize=7,
        label=f"{model_title(result.model)}\n{words}{interval_text(result.auc)}",
        zorder=3,
    )


def _operating_point(axes: Plot, result: ModelResult) -> None:
    specificity, sensitivity = result.specificity.value, result.sensitivity.value
    if specificity is None or sensitivity is None:
        return
    look, reader = _look(result.model), result.model not in MODEL_LOOKS
    axes.plot(
        [1 - specificity],
        [sensitivity],
        marker=_reader_marker(result.model) if reader else "o",
        markersize=7,
        markerfacecolor=look.color if reader else "none",
        markeredgecolor=look.color,
        markeredgewidth=1.4,
        zorder=5,
        clip_on=False,
    )


def _reader_marker(model: str) -> str:
    return "D" if model.endswith("1") else "d"


def _calibration_panel(axes: Plot, result: ModelResult) -> None:
    look = _look(result.model)
    bins = result.calibration
    most = max(item.patients for item in bins)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    for item in bins:
        limits = clopper_pearson(round(item.observed_share * item.patients), item.patients)
        axes.plot(
            [item.mean_predicted] * 2,
            [float(limit) for limit in limits],
            color=look.color,
            linewidth=0.9,
            alpha=0.55,
            zorder=2,
        )
        axes.plot(
            [item.mean_predicted],
            [item.observed_share],
            marker="o",
            markersize=3 + 6 * (item.patients / most) ** 0.5,
            color=look.color,
            zorder=3,
            clip_on=False,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title(model_title(result.model), loc="left", fontsize=9)
    axes.grid(visible=True)
    axes.set_axisbelow(True)


def result_drawings(record: HaicRecord, *, by_sequence: bool) -> Sequence[Drawing]:
    """Draw every figure of results that the record has numbers for."""
    drawn = (
        methods_roc(record),
        forest(record),
        calibration(record),
        weights(record.fusion, by_sequence=by_sequence),
    )
    return [drawing for drawing in drawn if drawing is not None]
