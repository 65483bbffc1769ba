"""Colours, dashes and the make-up of inline SVG: how every figure of a report looks.

Colours are told apart by people with red-green blindness (after Okabe and Ito 2008, darkened to a
contrast of at least 4.5 to 1 on white, so that thin lines stay visible), and every line has its own
dash pattern besides. In the page each colour becomes a CSS variable, so that a dark page recolours
the figures too.
"""

import re
from dataclasses import dataclass

from shared.report.run_record import (
    FEDERATED,
    POOLED_CENTRAL,
    SITE_ALONE_PREFIX,
    Arm,
    RunRecord,
)
from shared.report.wording import shortened

INK = "#1f2933"
MUTED = "#566270"
RULE = "#d4dae1"
PAPER = "#fdfdfc"

LONGEST_NAME = 22
"""Characters of a site's name that fit beside an axis."""

Dash = tuple[float, tuple[float, ...]]
SOLID: Dash = (0.0, ())


@dataclass(frozen=True)
class LineLook:
    """How one arm or site is drawn.

    Attributes:
        color: Hex, lower case.
        dash: Offset and on-off lengths in line widths; empty lengths are a solid line.
        width: Points.
    """

    color: str
    dash: Dash
    width: float


FEDERATED_LOOK = LineLook("#0065a3", SOLID, 2.4)
POOLED_LOOK = LineLook("#b84700", (0.0, (7.0, 2.0)), 1.8)

_SITE_COLORS = ("#0b7a5c", "#a8387f", "#866000", "#53657c", "#7a3fb0", "#a02c2c")
_SITE_DASHES: tuple[Dash, ...] = (
    (0.0, (3.5, 1.6)),
    (0.0, (1.2, 1.4)),
    (0.0, (6.0, 1.5, 1.2, 1.5)),
    (0.0, (9.0, 2.0)),
    (0.0, (4.0, 1.4, 1.2, 1.4, 1.2, 1.4)),
)

# Names of the CSS variables; the style sheet gives each a value for a light and a dark page.
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    PAPER: "paper",
    FEDERATED_LOOK.color: "federated",
    POOLED_LOOK.color: "pooled",
    **{color: f"site-{number}" for number, color in enumerate(_SITE_COLORS, start=1)},
}

_PROLOGUE = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_FONT = re.compile(r"font: (?:(\w+) )?([\d.]+px) [^;\"]*")


def site_look(index: int) -> LineLook:
    """Give the look of the site with this position, the same in every figure.

    Six colours and five dash patterns differ in period, so thirty sites are told apart.
    """
    return LineLook(
        _SITE_COLORS[index % len(_SITE_COLORS)], _SITE_DASHES[index % len(_SITE_DASHES)], 1.3
    )


def arm_look(record: RunRecord, arm: Arm) -> LineLook:
    """Give the look of an arm; a site trained alone looks like that site everywhere."""
    if arm.name == FEDERATED:
        return FEDERATED_LOOK
    if arm.name == POOLED_CENTRAL:
        return POOLED_LOOK
    names = [site.site for site in record.sites]
    site = arm.name.removeprefix(SITE_ALONE_PREFIX)
    return site_look(names.index(site) if site in names else len(names))


def arm_label(arm: Arm) -> str:
    """Give an arm's name as it fits beside an axis."""
    site = arm.name.removeprefix(SITE_ALONE_PREFIX)
    return arm.name if site == arm.name else SITE_ALONE_PREFIX + shortened(site, LONGEST_NAME)


def inline_svg(svg: str, name: str, alternative: str) -> str:
    """Turn an SVG file's text into markup for inside a page.

    Drops the XML prologue and metadata, makes every id unique to the figure, gives the figure a
    role and an alternative text, and replaces each known colour and the font by the page's.

    Args:
        svg: What Matplotlib wrote, with text kept as text.
        name: The figure's name, unique on the page.
        alternative: What the figure shows, in words.
    """
    body = _METADATA.sub("", _PROLOGUE.sub("", svg))
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = _FONT.sub(lambda m: f"font: {m[1] or 'normal'} {m[2]} var(--font)", body)
    for color, variable in _VARIABLES.items():
        body = body.replace(color, f"var(--{variable}, {color})")
    label = alternative.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    head, rest = body.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{label}">{rest}'.strip()
