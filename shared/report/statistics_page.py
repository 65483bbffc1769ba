"""The page of a cohort's statistics: one self-contained HTML file in the look of the run report."""

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from shared.report.page import Section
from shared.report.page_style import STYLE


def render_statistics(
    heading: str, meta: str, sections: Sequence[Section], footer: str, words: Sequence[str] = ()
) -> str:
    """Render the page.

    Args:
        heading: Of the page.
        meta: One line under it.
        sections: With their sentences, tables and drawings.
        footer: Last line.
        words: Headings of columns that hold words, set to the left.

    Returns:
        A complete HTML document that makes no request.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["svg"] = lambda drawing: Markup(drawing.inline)  # noqa: S704  # our own SVG
    folder = files("shared.report")
    template = environment.from_string(folder.joinpath("statistics.html").read_text("utf-8"))
    return template.render(
        heading=heading,
        meta=meta,
        sections=sections,
        footer=footer,
        words=tuple(words),
        style=Markup(STYLE),  # noqa: S704  # our own style sheet
    )
