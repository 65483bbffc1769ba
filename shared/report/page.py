"""The report page: one self-contained HTML file, made from a run record.

No request leaves the page: the style is inline, figures are inline SVG, pictures are data URLs, and
a content security policy forbids the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from shared.report.drawings import Drawing
from shared.report.haic_record import HaicRecord, SequenceOverlay
from shared.report.page_style import STYLE
from shared.report.page_template import PAGE
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
    """Overlays that belong together: of one phase, or of one patient."""

    title: str
    pictures: tuple[OverlayImage | SequenceOverlay, ...]


@dataclass(frozen=True)
class Section:
    """One section of the page; what is empty is not shown.

    Groups of ``pictures`` stand beside each other, those of ``strips`` below each other.
    """

    id: str
    title: str
    sentences: tuple[str, ...] = ()
    headline: tuple[Headline, ...] = ()
    points: tuple[str, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[PhasePictures, ...] = ()
    strips: tuple[PhasePictures, ...] = ()

    @property
    def has_content(self) -> bool:
        """Tell whether there is anything to show."""
        return any(
            (
                self.sentences,
                self.headline,
                self.points,
                self.drawings,
                self.tables,
                self.pictures,
                self.strips,
            )
        )


@dataclass(frozen=True)
class Frame:
    """What stands around the sections of a page.

    Attributes:
        heading: Of the page.
        meta: One line under it.
        hepafed: Version of the software that wrote the page.
        status: Whether someone has signed the run off, in a sentence; empty says nothing.
        signed: Whether that signature holds.
    """

    heading: str
    meta: str
    hepafed: str
    status: str = ""
    signed: bool = False


def render_report(record: RunRecord, drawings: Mapping[str, Drawing]) -> str:
    """Render the page.

    Args:
        record: The finished run.
        drawings: Its figures, from ``shared.report.drawings.draw_all``.

    Returns:
        A complete HTML document.
    """
    frame = Frame(
        heading=f"Federated prediction of {record.endpoint.event}",
        meta=meta_line(record),
        hepafed=record.environment.hepafed,
    )
    return render_sections(
        frame,
        f"{record.run}: federated prediction of {record.endpoint.event}",
        tuple(section for section in _sections(record, drawings) if section.has_content),
    )


def render_sections(frame: Frame, title: str, sections: Sequence[Section]) -> str:
    """Render a page of sections, in the look that all run reports share.

    Args:
        frame: What stands around them.
        title: Of the browser's window.
        sections: In order; none is empty.

    Returns:
        A complete HTML document that makes no request.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["interval"] = _with_quiet_interval
    environment.filters["unbroken"] = _unbroken
    environment.filters["svg"] = lambda drawing: Markup(drawing.inline)  # noqa: S704  # our own SVG
    template = environment.from_string(PAGE)
    return template.render(
        frame=frame,
        title=title,
        style=Markup(STYLE),  # noqa: S704  # our own style sheet
        sections=sections,
    )


def meta_line(record: RunRecord | HaicRecord) -> str:
    """Give the line under a report's heading."""
    parts = (
        f"Run {record.run}",
        f"task {record.task}",
        f"seed {record.seed}",
        moment_text(record.started),
        *(("synthetic patients",) if record.synthetic else ()),
    )
    return " · ".join(parts)


def _sections(record: RunRecord, drawings: Mapping[str, Drawing]) -> tuple[Section, ...]:
    def drawn(*names: str) -> tuple[Drawing, ...]:
        return tuple(drawings[name] for name in names if name in drawings)

    federated = record.arm(FEDERATED)
    site_rows = federated.sites if federated is not None else ()
    return (
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


def moment_text(text: str) -> str:
    """Give an ISO 8601 time as people write it."""
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
