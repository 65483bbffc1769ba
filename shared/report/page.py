"""The report page: one self-contained HTML file, made from a run record.

No request leaves the page: the style is inline, figures are inline SVG, pictures are data URLs, and
a content security policy forbids the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from shared.report.drawings import Drawing
from shared.report.run_record import FEDERATED, POOLED_CENTRAL, OverlayImage, RunRecord
from shared.report.sentences import limitation_sentences, mean_site_alone, summary_sentences
from shared.report.tables import (
    Table,
    arms_table,
    cohort_table,
    environment_table,
    rounds_table,
    seeds_table,
    settings_table,
    site_results_table,
    steps_table,
)
from shared.report.wording import number_text, plural


@dataclass(frozen=True)
class Headline:
    """One large number: what it is, the number, what belongs to it, and its colour's name."""

    label: str
    value: str
    detail: str
    kind: str = "other"


@dataclass(frozen=True)
class PhasePictures:
    """The overlays of one phase."""

    title: str
    pictures: tuple[OverlayImage, ...]


@dataclass(frozen=True)
class Section:
    """One section of the page; what is empty is not shown."""

    id: str
    title: str
    sentences: tuple[str, ...] = ()
    headline: tuple[Headline, ...] = ()
    points: tuple[str, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[PhasePictures, ...] = ()


def render_report(record: RunRecord, drawings: Mapping[str, Drawing]) -> str:
    """Render the page.

    Args:
        record: The finished run.
        drawings: Its figures, from ``shared.report.drawings.draw_all``.

    Returns:
        A complete HTML document.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["interval"] = _with_quiet_interval
    environment.filters["moment"] = _moment
    environment.filters["unbroken"] = _unbroken
    environment.filters["svg"] = lambda drawing: Markup(drawing.inline)  # noqa: S704  # our own SVG
    folder = files("shared.report")
    template = environment.from_string(folder.joinpath("page.html").read_text("utf-8"))
    style = folder.joinpath("page.css").read_text("utf-8")
    event = record.endpoint.event
    return template.render(
        record=record,
        title=f"{record.run}: federated prediction of {event}",
        heading=f"Federated prediction of {event}",
        style=Markup(style),  # noqa: S704  # our own style sheet
        sections=_sections(record, drawings),
    )


def _sections(record: RunRecord, drawings: Mapping[str, Drawing]) -> tuple[Section, ...]:
    def drawn(*names: str) -> tuple[Drawing, ...]:
        return tuple(drawings[name] for name in names if name in drawings)

    federated = record.arm(FEDERATED)
    site_rows = federated.sites if federated is not None else ()
    candidates = (
        Section(
            "summary",
            "Summary",
            sentences=(*summary_sentences(record), *record.notes),
            headline=_headline(record),
        ),
        Section("cohort", "Patients", tables=(cohort_table(record),) if record.sites else ()),
        Section(
            "arms",
            "Federated, pooled and alone",
            drawings=drawn("fig_forest", "fig_roc"),
            tables=(arms_table(record),) if record.arms else (),
        ),
        Section(
            "sites",
            "Site by site",
            tables=(site_results_table(federated),) if federated and site_rows else (),
        ),
        Section(
            "seeds", "Other seeds", tables=(seeds_table(record),) if len(record.seeds) > 1 else ()
        ),
        Section(
            "training",
            "Training",
            drawings=drawn("fig_loss", "fig_traffic"),
            tables=(rounds_table(record),) if record.rounds else (),
        ),
        Section(
            "heat-maps",
            "Heat maps",
            sentences=_heat_map_words(record),
            pictures=_pictures_by_phase(record),
        ),
        Section(
            "making",
            "How it was computed",
            tables=tuple(
                table
                for table in (
                    steps_table(record),
                    environment_table(record),
                    settings_table(record),
                )
                if table.rows
            ),
        ),
        Section("limits", "Limitations", points=limitation_sentences(record)),
    )
    return tuple(section for section in candidates if _has_content(section))


def _has_content(section: Section) -> bool:
    return any(
        (
            section.sentences,
            section.headline,
            section.points,
            section.drawings,
            section.tables,
            section.pictures,
        )
    )


def _headline(record: RunRecord) -> tuple[Headline, ...]:
    items: list[Headline] = []
    for name, label, kind in (
        (FEDERATED, "Federated AUC", "federated"),
        (POOLED_CENTRAL, "Pooled-central AUC", "pooled"),
    ):
        arm = record.arm(name)
        if arm is not None and arm.auc.value is not None:
            limits = (
                f"95% CI {number_text(arm.auc.lower)}–{number_text(arm.auc.upper)}"
                if arm.auc.lower is not None
                else "no interval"
            )
            items.append(Headline(label, number_text(arm.auc.value), limits, kind))
    mean = mean_site_alone(record)
    if mean is not None:
        detail = f"mean of {plural(len(record.arms_alone()), 'site')}"
        items.append(Headline("Sites alone, AUC", number_text(mean), detail))
    if record.bayes_auc is not None:
        items.append(
            Headline("Best possible AUC", number_text(record.bayes_auc), "known by construction")
        )
    return tuple(items)


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%d %B %Y, %H:%M %Z").strip()
    except ValueError:
        return text


def _unbroken(sentence: str) -> str:
    return sentence.replace("–", "\u2060–\u2060")  # word joiners: an interval stays on one line


def _with_quiet_interval(cell: str) -> Markup:
    estimate, bracket, limits = cell.partition(" (")
    if not bracket:
        return escape(cell)
    return Markup('{} <span class="interval">({}</span>').format(estimate, limits)


def _pictures_by_phase(record: RunRecord) -> tuple[PhasePictures, ...]:
    phases = dict.fromkeys(overlay.phase for overlay in record.overlays)
    return tuple(
        PhasePictures(
            f"{phase[:1].upper()}{phase[1:]} phase",
            tuple(overlay for overlay in record.overlays if overlay.phase == phase),
        )
        for phase in phases
    )


def _heat_map_words(record: RunRecord) -> tuple[str, ...]:
    if not record.overlays:
        return ()
    words = (
        f"Grad-CAM of the score for {record.endpoint.event}, one pathway per phase, laid over the "
        "slice it explains. The brighter a place, the more it raises the score. A heat map is not "
        "proof of why a score is what it is."
    )
    return (words,)
