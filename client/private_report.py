"""The site's own data report: one HTML file with counts, problems and pictures, never to be sent.

No request leaves the page: styles and pictures are inline, and a content security policy forbids
the rest. Patients appear as case numbers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import numpy as np
from jaxtyping import Float32
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from client.catalogue_records import SeriesRecord, Status
from client.dataset import SiteData
from client.image_roles import channel_words
from client.problem_cells import problem_cells
from client.site_preparation import SitePreparation, UsableCase
from client.thumbnail import between_percentiles, inline_jpeg
from shared.cohort.endpoint import Endpoint
from shared.errors import Level, Problem
from shared.report.page_style import STYLE
from shared.tasks.recipe import Recipe
from shared.vocabulary import Channel, CtPhase, RecistResponse, Split

_SYNTAXES = {
    "1.2.840.10008.1.2": "uncompressed, implicit VR",
    "1.2.840.10008.1.2.1": "uncompressed",
    "1.2.840.10008.1.2.1.99": "deflated",
    "1.2.840.10008.1.2.2": "uncompressed, big endian",
    "1.2.840.10008.1.2.4.57": "JPEG Lossless",
    "1.2.840.10008.1.2.4.70": "JPEG Lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.5": "RLE",
}
_MOST_BESIDE = 4  # pictures of one patient that can still be seen in a third of the page
_STEP_BIN_MM, _PIXEL_BIN_MM = 0.5, 0.1


@dataclass(frozen=True)
class Bar:
    """One line of a table of counts.

    Attributes:
        name: What is counted.
        count: How many.
        share: Of the largest count, for the length of the bar.
    """

    name: str
    count: int
    share: float


@dataclass(frozen=True)
class Step:
    """One box of the flow of patients.

    Attributes:
        name: Who is left.
        count: How many.
        out: Who went out before it: reason and how often.
        out_count: How many went out.
    """

    name: str
    count: int
    out: tuple[tuple[str, int], ...] = ()
    out_count: int = 0


@dataclass(frozen=True)
class Preview:
    """The pictures of one case.

    Attributes:
        case: Its number.
        response: RECIST response.
        height_mm: Of the slice that is shown.
        slices: How many slices the model gets.
        pictures: Phase or sequence and picture, in the order of the model.
        roles: How every series was taken.
    """

    case: int
    response: RecistResponse
    height_mm: float
    slices: int
    pictures: tuple[tuple[str, str], ...]
    roles: tuple[str, ...]


def render_private_report(
    site: str,
    prepared: SitePreparation,
    data: SiteData | None,
    recipe: Recipe,
    made: datetime,
    refusal: str = "",
) -> str:
    """Render the report.

    Args:
        site: Display name of the site.
        prepared: What became of its patients.
        data: The patients with their splits, or None where the site cannot take part.
        recipe: Of the run: its endpoint and what its images show.
        made: When.
        refusal: Why the site cannot take part; empty where it can.

    Returns:
        A complete HTML document.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(_text("client", "private_report.html"))
    style = STYLE + _text("client", "private_pages.css")
    series = [one for records in prepared.series.values() for one in records]
    volumes = [one for one in series if one.status is Status.USABLE]
    levels = Counter(problem.level for problem in prepared.problems)
    return template.render(
        site=site,
        style=Markup(style),  # noqa: S704  # our own style sheets
        made=f"{made:%Y-%m-%d %H:%M}",
        refusal=refusal,
        usable=len(prepared.usable),
        excluded=prepared.excluded,
        waiting=prepared.waiting,
        levels=[_counted(level.value, levels[level]) for level in Level if levels[level]],
        flow=_flow(prepared),
        splits=_splits(data),
        cells=problem_cells(prepared.problems),
        responses=_bars(case.row.response.value for case in prepared.usable),
        classes=_bars(_class(case, recipe.endpoint) for case in prepared.usable),
        event=recipe.endpoint.event,
        states=_bars(one.status.value for one in series),
        reasons=_bars(one.reason for one in series if one.status is not Status.USABLE),
        syntaxes=_bars(_SYNTAXES.get(o.transfer_syntax, "another one") for o in volumes),
        steps=_histogram((one.step_mm for one in volumes), _STEP_BIN_MM),
        pixels=_histogram((one.pixel_mm for one in volumes), _PIXEL_BIN_MM),
        burned_in=_burned_in(prepared.series),
        wide=len(recipe.preparation.channels) > _MOST_BESIDE,
        previews=[_preview(case, recipe.preparation.channels) for case in prepared.usable],
    )


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text("utf-8")


def _class(case: UsableCase, endpoint: Endpoint) -> str:
    return endpoint.event if endpoint.is_event(case.row.response) else endpoint.no_event


def _bars(names: Iterable[str]) -> tuple[Bar, ...]:
    return _with_shares(Counter(names).most_common())


def _with_shares(counts: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    most = max((count for _, count in counts), default=1)
    return tuple(Bar(name, count, count / most) for name, count in counts)


def _histogram(values: Iterable[float | None], width: float) -> tuple[Bar, ...]:
    bins = Counter(int(value / width + 1e-6) for value in values if value is not None)
    return _with_shares(
        [
            (f"{number * width:.1f} to {(number + 1) * width:.1f} mm", bins[number])
            for number in sorted(bins)
        ]
    )


def _flow(prepared: SitePreparation) -> tuple[Step, ...]:
    """Follow the patients from the manifest to the model, with the reasons at each step."""
    clinic = prepared.clinic
    errors = [problem for problem in prepared.problems if problem.level is Level.ERROR]
    of_table = [problem for problem in errors if problem in set(prepared.manifest.problems)]
    of_clinic = [problem for problem in errors if clinic and problem in set(clinic.problems)]
    later = [problem for problem in errors if problem not in {*of_table, *of_clinic}]
    of_join = [problem for problem in later if _case(problem) not in prepared.joined]
    of_study = [problem for problem in later if _case(problem) in prepared.joined]
    with_images = clinic.with_images if clinic else len(prepared.usable)
    stages = [
        ("Rows that can be read", len(prepared.manifest.rows), of_table),
        ("Patients with one study", len(prepared.joined), of_join),
    ]
    if clinic:
        # Rows without images were never in this flow; the table of problems has them.
        lost = [problem for problem in of_clinic if _case(problem)]
        stages.append(("Patients with usable images", with_images, of_study))
        stages.append(("Patients with a usable clinical row", len(prepared.usable), lost))
    else:
        stages.append(("Patients who can be used", with_images, of_study))
    steps = [Step("Rows of the manifest", prepared.manifest.row_count)]
    for name, count, found in stages:
        steps.append(Step(name, count, _reasons(found), steps[-1].count - count))
    return tuple(steps)


def _counted(word: str, count: int) -> str:
    return f"{count} {word}" if count == 1 or word == Level.INFO else f"{count} {word}s"


def _splits(data: SiteData | None) -> str:
    if data is None:
        return ""
    parts = Counter(patient.split for patient in data.patients)
    return ", ".join(f"{parts[split]} {split.replace('_', ' ')}" for split in Split)


def _case(problem: Problem) -> int:
    number = problem.where.partition(",")[0].removeprefix("case ")
    return int(number) if number.isdigit() else 0


def _reasons(problems: Sequence[Problem]) -> tuple[tuple[str, int], ...]:
    texts = (
        ": ".join(filter(None, (problem.where.partition(", ")[2], problem.got)))
        for problem in problems
    )
    return tuple(Counter(texts).most_common())


def _burned_in(series: Mapping[str, Sequence[SeriesRecord]]) -> int:
    words = ("burned", "capture", "colour")
    return sum(
        any(word in one.reason for word in words) for records in series.values() for one in records
    )


def _preview(case: UsableCase, channels: Sequence[Channel]) -> Preview:
    middle = len(case.study.images) // 2
    return Preview(
        case=case.row.case,
        response=case.row.response,
        height_mm=case.study.positions_mm[middle],
        slices=len(case.study.images),
        pictures=tuple(
            (channel_words(channel), _picture(channel, case.study.images[middle, place]))
            for place, channel in enumerate(channels)
        ),
        roles=case.study.roles,
    )


def _picture(channel: Channel, image: Float32[np.ndarray, "height width"]) -> str:
    values = np.asarray(image)
    return inline_jpeg(values if isinstance(channel, CtPhase) else between_percentiles(values))
