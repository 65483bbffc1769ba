"""The list of a report's figures: how each is drawn, said in words, and tabulated."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.report import figure_data, figures
from shared.report.figure_style import inline_svg
from shared.report.run_record import RunRecord


@dataclass(frozen=True)
class Drawing:
    """One figure.

    Attributes:
        name: File stem, such as ``fig_roc``.
        title: A few words.
        caption: What to read from it.
        inline: SVG for inside the page, coloured by the page, with an alternative text.
        figure: What ``shared.report.figures`` writes as SVG or PNG files.
        csv: The numbers behind it.
    """

    name: str
    title: str
    caption: str
    inline: str
    figure: figures.Drawn
    csv: str


def drawing_of(
    name: str, title: str, caption: str, words: str, figure: figures.Drawn, csv: str
) -> Drawing:
    """Make a drawing of a finished figure.

    Args:
        name: File stem.
        title: A few words.
        caption: What to read from it.
        words: What the figure shows, for those who cannot see it.
        figure: The figure.
        csv: The numbers behind it.
    """
    inline = inline_svg(figures.svg_text(figure, text_as_paths=False), name, words)
    return Drawing(name, title, caption, inline, figure, csv)


@dataclass(frozen=True)
class _Plan:
    title: str
    caption: str
    draw: Callable[[RunRecord], figures.Drawn | None]
    words: Callable[[RunRecord], str]
    table: Callable[[RunRecord], str]


_PLANS = {
    "fig_roc": _Plan(
        "ROC curves",
        "ROC curves on the held-out patients of all sites. A patient's score is the mean "
        "probability of the event over the slices; intervals are DeLong's. Curves are "
        "thinned so that no step shows fewer patients than may be released; the areas are exact.",
        figures.roc_figure,
        figure_data.roc_words,
        figure_data.roc_csv,
    ),
    "fig_forest": _Plan(
        "AUC of each arm",
        'AUC of each way to train, with 95% DeLong intervals. "Best possible", where it is '
        "known, is the AUC of the true probabilities of the event.",
        figures.forest_figure,
        figure_data.forest_words,
        figure_data.forest_csv,
    ),
    "fig_loss": _Plan(
        "Loss by round",
        "Cross-entropy per slice of each site's training, and per patient of the federated inner "
        "validation, which scores the weights that the round made. The circle marks the round "
        "whose weights were kept, where validation was possible.",
        figures.loss_figure,
        figure_data.loss_words,
        figure_data.loss_csv,
    ),
    "fig_traffic": _Plan(
        "Traffic and time by round",
        "Bytes between the server and all sites, and wall time, by round.",
        figures.traffic_figure,
        figure_data.traffic_words,
        figure_data.traffic_csv,
    ),
}


def draw_all(record: RunRecord) -> dict[str, Drawing]:
    """Draw every figure the record has numbers for, by name."""
    drawn: dict[str, Drawing] = {}
    for name, plan in _PLANS.items():
        figure = plan.draw(record)
        if figure is None:
            continue
        drawn[name] = drawing_of(
            name, plan.title, plan.caption, plan.words(record), figure, plan.table(record)
        )
    return drawn
