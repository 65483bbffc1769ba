"""The figures made of rows: areas by model and arm, and weights by feature."""

from shared.report.drawings import Drawing, drawing_of
from shared.report.figure_data import csv_text
from shared.report.figure_style import (
    FEDERATED_LOOK,
    INK,
    LONGEST_NAME,
    MUTED,
    PAPER,
    LineLook,
    site_look,
)
from shared.report.figures import Plot, panels, sheet, styled
from shared.report.haic_models import (
    CLINICAL_ONLY,
    FUSION,
    IMAGE_ONLY,
    FusionMachine,
    HaicArm,
    ModelResult,
)
from shared.report.haic_record import HaicRecord
from shared.report.haic_words import feature_words, model_title
from shared.report.run_record import FEDERATED, POOLED_CENTRAL, SITE_ALONE_PREFIX
from shared.report.wording import number_text, shortened

MODEL_LOOKS: dict[str, LineLook] = {
    FUSION: FEDERATED_LOOK,
    IMAGE_ONLY: site_look(0),
    CLINICAL_ONLY: site_look(1),
}
"""One look per model, the same in every figure."""

_MODELS = (IMAGE_ONLY, CLINICAL_ONLY, FUSION)
_MOST_WEIGHTS = 20


def forest(record: HaicRecord) -> Drawing | None:
    """Draw every model's area in every arm, with the best possible ones."""
    arms = [arm for arm in record.arms if any(_measured(arm.model(model)) for model in _MODELS)]
    if not arms:
        return None
    best = {
        IMAGE_ONLY: record.bayes.image,
        CLINICAL_ONLY: record.bayes.clinical,
        FUSION: record.bayes.fusion,
    }
    lowest = min(
        limit
        for arm in arms
        for model in _MODELS
        if (result := arm.model(model)) is not None
        for limit in (result.auc.lower, result.auc.value)
        if limit is not None
    )
    with styled():
        figure, all_axes = panels(7.4, 1.1 + 0.34 * len(arms), 1, len(_MODELS))
        for axes, model in zip(all_axes, _MODELS, strict=True):
            _landmark(axes, 0.5, len(arms))
            if (area := best[model]) is not None:
                _landmark(axes, area, len(arms))
                axes.text(area, -0.85, f"best {number_text(area)}", ha="center", fontsize=7.5)
            for row, arm in enumerate(arms):
                _forest_row(axes, row, arm, model)
            axes.set_title(model_title(model), loc="left", fontsize=9)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.grid(visible=True, axis="x")
            axes.set_xlabel("AUC")
        all_axes[0].set(xlim=(min(0.4, lowest - 0.02), 1.01), ylim=(len(arms) - 0.45, -1.15))
        all_axes[0].set_yticks(range(len(arms)), [_arm_label(arm.name) for arm in arms])
    rows = [
        (arm.name, model, result.auc.value, result.auc.lower, result.auc.upper)
        for arm in arms
        for model in _MODELS
        if (result := arm.model(model)) is not None
    ]
    rows += [("best possible", model, area, None, None) for model, area in best.items() if area]
    return drawing_of(
        "fig_forest",
        "AUC by model and arm",
        "AUC of each model by how it was trained, with 95% DeLong intervals. Dashed lines: chance "
        'and, where it is known, "best", the AUC of the true probabilities of the event.',
        "AUC by model and arm: "
        + "; ".join(f"{arm}, {model} {number_text(value)}" for arm, model, value, *_ in rows)
        + ".",
        figure,
        csv_text(("arm", "model", "auc", "lower", "upper"), rows),
    )


def weights(machine: FusionMachine | None, *, by_sequence: bool) -> Drawing | None:
    """Draw the largest weights of the fusion machine; None without any."""
    if machine is None or not machine.weights:
        return None
    ranked = sorted(machine.weights, key=lambda w: -abs(w.weight))
    shown = ranked[:_MOST_WEIGHTS]
    named = [feature_words(w.feature, by_sequence=by_sequence) for w in shown]
    with styled():
        figure, axes = sheet(7.0, 0.7 + 0.21 * len(shown))
        for row, (weight, words) in enumerate(zip(shown, named, strict=True)):
            image = words.startswith("Image")
            axes.barh(
                row,
                weight.weight,
                0.62,
                facecolor=MODEL_LOOKS[IMAGE_ONLY if image else CLINICAL_ONLY].color,
                hatch=None if image else "////",
                edgecolor=PAPER,
                linewidth=0,
            )
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.set_yticks(range(len(shown)), [shortened(words, 40) for words in named])
        axes.set(ylim=(len(shown) - 0.4, -0.6))
        axes.set_xlabel("Weight per standard deviation; to the right it speaks for the event")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)
    largest = "; ".join(
        f"{words} {number_text(w.weight, 3)}" for words, w in zip(named[:8], shown, strict=False)
    )
    return drawing_of(
        "fig_weights",
        "Weights of the fusion machine",
        f"The {len(shown)} largest weights of {machine.features} features, plain: image, hatched: "
        "clinic. Features that go together share their weight.",
        f"Weights of the fusion machine, the largest: {largest}.",
        figure,
        csv_text(("feature", "weight"), ((w.feature, w.weight) for w in ranked)),
    )


def _measured(result: ModelResult | None) -> bool:
    return result is not None and result.auc.value is not None


def _landmark(axes: Plot, area: float, rows: int) -> None:
    axes.plot([area, area], [-0.75, rows], color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))


def _forest_row(axes: Plot, row: int, arm: HaicArm, model: str) -> None:
    result = arm.model(model)
    if result is None or result.auc.value is None:
        return
    color = MODEL_LOOKS[model].color
    if result.auc.lower is not None and result.auc.upper is not None:
        axes.plot([result.auc.lower, result.auc.upper], [row, row], color=color, linewidth=1.5)
    filled = arm.name != POOLED_CENTRAL
    axes.plot(
        [result.auc.value],
        [row],
        marker="o" if arm.name.startswith(SITE_ALONE_PREFIX) else "s",
        markersize=8 if arm.name == FEDERATED else 5.5,
        color=color,
        markerfacecolor=color if filled else PAPER,
        markeredgewidth=1.4,
    )
    axes.annotate(
        number_text(result.auc.value),
        (result.auc.value, row),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        fontsize=7.5,
    )


def _arm_label(name: str) -> str:
    site = name.removeprefix(SITE_ALONE_PREFIX)
    return name if site == name else f"{SITE_ALONE_PREFIX}{shortened(site, LONGEST_NAME)}"
