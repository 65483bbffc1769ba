"""The review in a terminal: what is open, with its evidence, and one line to answer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

from client.catalogue_records import NO_ROLE, SeriesRecord, Status
from client.image_roles import OFFERED, role_of, role_words
from client.review import StudyView
from client.review_answers import confirm_liver_range, confirm_role, find_series
from shared.errors import DataError, HepafedError

HELP = (
    "Answer with '4 portal' (series, and what it is; 'none' if the study does not use it), 'liver "
    "-400 -250' (ends in mm), 'liver ok' to sign the range that is shown, Enter for the next "
    "study, or 'q' to stop."
)
_WIDTH = 100
_LIVER_WORDS = 3
_ROLE_WORDS = 2


def study_text(view: StudyView) -> str:
    """Describe one study.

    Args:
        view: The study.

    Returns:
        Its questions and a line per series with role, confidence and evidence.
    """
    lines = [f"{view.label}: {'open' if view.questions else 'nothing open'}"]
    lines += [_fold(question, "  ? ") for question in view.questions]
    lines += [
        _fold(_series_text(series), "    ")
        for series in view.series
        if series.status is not Status.SET_ASIDE
    ]
    aside = sum(series.status is Status.SET_ASIDE for series in view.series)
    if aside:
        lines.append(f"    {aside} further series set aside (localizers, reports, reformats)")
    lines.append(_fold(_liver_text(view), "    "))
    if view.questions:
        words = ", ".join(role.value for role in OFFERED[view.modality])
        lines.append(_fold(f"a series can be: {words}, {NO_ROLE}", "    "))
    lines += [
        f"    said by {entry.who}, {entry.when}: {_said(view, entry.volume_id)} {entry.value}"
        for entry in view.confirmed.entries
    ]
    return "\n".join(lines)


def summary_text(views: Sequence[StudyView]) -> str:
    """Count what is open."""
    waiting = sum(bool(view.questions) for view in views)
    return f"{len(views)} studies, {waiting} with open questions."


def review_json(views: Sequence[StudyView]) -> dict[str, object]:
    """Give the same for machines."""
    return {
        "studies": [
            {
                "study": view.number,
                "case": view.case,
                "modality": view.modality,
                "questions": list(view.questions),
                "liver_range_mm": view.liver and (view.liver.lower_mm, view.liver.upper_mm),
                "liver_source": view.liver and view.liver.source,
                "liver_confirmed": bool(view.liver and view.liver.confirmed_by),
                "series": [
                    {
                        "number": series.number,
                        "images": series.images,
                        "modality": series.modality,
                        "role": series.role,
                        "confidence": series.confidence,
                        "evidence": list(series.evidence),
                        "status": series.status,
                        "reason": series.reason,
                    }
                    for series in view.series
                ],
            }
            for view in views
        ],
        "open": sum(bool(view.questions) for view in views),
    }


def answer(view: StudyView, line: str, work: Path, who: str) -> bool:
    """Take one line of a reviewer.

    Args:
        view: The study it is about.
        line: As ``HELP`` describes.
        work: The site's work folder.
        who: The reviewer.

    Returns:
        Whether something was stored.

    Raises:
        DataError: If the line cannot be understood.
    """
    words = line.split()
    if [word.lower() for word in words] == ["liver", "ok"]:
        if view.liver is None:
            raise DataError(f"Expected a liver range to sign, got none for {view.label}. {HELP}")
        ends = view.liver.lower_mm, view.liver.upper_mm
        confirm_liver_range(work, view, ends, who, view.liver.source)
        return True
    if len(words) == _LIVER_WORDS and words[0].lower() == "liver":
        try:
            ends = float(words[1]), float(words[2])
        except ValueError:
            raise DataError(f"Expected two numbers after 'liver', got others. {HELP}") from None
        confirm_liver_range(work, view, ends, who)
        return True
    if len(words) == _ROLE_WORDS:
        word = words[1].lower()
        if word not in {*OFFERED[view.modality], NO_ROLE}:
            known = ", ".join((*OFFERED[view.modality], NO_ROLE))
            raise DataError(
                f"Expected what a series of {view.modality} can be ({known}), got another word. "
                f"{HELP}"
            )
        role = None if word == NO_ROLE else role_of(word)
        confirm_role(work, view, find_series(view, words[0]), role, who)
        return True
    raise DataError(f"The answer was not understood. {HELP}")


def ask_about(
    views: Sequence[StudyView],
    work: Path,
    who: str,
    prompt: Callable[[str], str],
    say: Callable[[str], None],
) -> int:
    """Go through the open studies with a person.

    Args:
        views: From ``studies_to_review``.
        work: The site's work folder.
        who: The reviewer.
        prompt: Asks for one line.
        say: Shows a text.

    Returns:
        How many answers were stored.
    """
    stored = 0
    say(HELP)
    for view in views:
        if not view.questions:
            continue
        say(study_text(view))
        while line := prompt(view.label).strip():
            if line.lower() in ("q", "quit"):
                return stored
            try:
                stored += answer(view, line, work, who)
                say("stored")
            except HepafedError as error:
                say(str(error))
    return stored


def _fold(text: str, first: str) -> str:
    rest = " " * (len(first) + 2)
    return fill(text, _WIDTH, initial_indent=first, subsequent_indent=rest)


def _liver_text(view: StudyView) -> str:
    if view.liver is None:
        return "liver: range not given, every slice is used"
    seen = "confirmed" if view.liver.confirmed_by else "not confirmed"
    ends = f"{view.liver.lower_mm:.1f} to {view.liver.upper_mm:.1f} mm"
    return f"liver: {ends}, from {view.liver.source}, {seen}"


def _series_text(series: SeriesRecord) -> str:
    role = role_words(series.role) if series.role else "undecided"
    spacing = f", {series.step_mm:.1f} mm" if series.step_mm else ""
    evidence = "; ".join(series.evidence) or "no evidence"
    told = f" [{series.status}: {series.reason}]" if series.reason else ""
    return f"{series.name}{spacing}: {role} ({series.confidence:.0%}: {evidence}){told}"


def _said(view: StudyView, volume_id: str) -> str:
    if not volume_id:
        return "liver"
    return next((s.name for s in view.series if s.volume_id == volume_id), "a series now gone")
