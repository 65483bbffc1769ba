"""What a person says of a study: roles of series and the range of the liver.

It is stored with name and time and overrides both the headers and the manifest.
"""

import math
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from client.catalogue import CatalogueStore
from client.catalogue_records import NO_ROLE, Confirmation, SeriesRecord, Status
from client.image_roles import modality_of, role_words
from client.review import StudyView
from shared.errors import DataError
from shared.tasks.liver_range import LiverSource
from shared.vocabulary import ImageRole

_LONGEST_NAME = 100


def find_study(
    views: Sequence[StudyView], *, case: int | None = None, number: int | None = None
) -> StudyView:
    """Give the study of a case or catalogue number.

    Raises:
        DataError: If there is none.
    """
    for view in views:
        if (case is not None and view.case == case) or (case is None and view.number == number):
            return view
    raise DataError(
        "Expected a case of the manifest that has one study, or a study of the catalogue, got "
        "another number. Run 'hepafed site review' without options to see the numbers."
    )


def find_series(view: StudyView, name: str) -> SeriesRecord:
    """Give the volume of a series number or volume id.

    Raises:
        DataError: If there is none, or several volumes have that number.
    """
    found = [s for s in view.series if name in (str(s.number), s.volume_id)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(_told_apart(s) for s in view.series if s.status is not Status.SET_ASIDE)
    raise DataError(
        f"Expected one series of {view.label} ({known}), got {len(found) or 'none'} of that name. "
        "Write its series number; where two have the same one, use the page of 'site review'."
    )


def _told_apart(series: SeriesRecord) -> str:
    return "unnumbered" if series.number is None else str(series.number)


def confirm_role(
    work: Path, view: StudyView, series: SeriesRecord, role: ImageRole | None, who: str
) -> None:
    """Store what a series is.

    Args:
        work: The site's work folder.
        view: The study.
        series: One of its series.
        role: What it is; None for nothing that the study uses.
        who: The person who says so.

    Raises:
        DataError: If nobody signs, a part of a series is to be left out, or a CT series is to be a
            sequence of MRI or the reverse.
    """
    uid = series.volume_id.partition("#")[0]
    parts = [s for s in view.series if s.volume_id.partition("#")[0] == uid]
    if role is None and len(parts) > 1:
        raise DataError(
            f"Expected a whole series to leave out, got one of {len(parts)} volumes that share a "
            "series. Confirm the right volume for what it is instead."
        )
    if role is not None and series.modality != modality_of(role):
        raise DataError(
            f"Expected what a series of {series.modality or 'no modality'} can be, got "
            f"'{role_words(role)}', which is of {modality_of(role)}. Choose another answer."
        )
    _store(work, view, series.volume_id, role.value if role else NO_ROLE, who)


def confirm_liver_range(
    work: Path,
    view: StudyView,
    ends_mm: tuple[float, float],
    who: str,
    source: LiverSource = LiverSource.PERSON,
) -> None:
    """Store where the liver lies.

    Args:
        work: The site's work folder.
        view: The study.
        ends_mm: Heights of its two ends in the patient (DICOM z), in any order.
        who: The person who says so.
        source: Where the heights come from, which the person looked at.

    Raises:
        DataError: If nobody signs, or the ends are no two heights.
    """
    low, high = min(ends_mm), max(ends_mm)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DataError(
            "Expected two different heights in millimetres for the liver's ends, got others. "
            "Read them off the images: the z of ImagePositionPatient."
        )
    _store(work, view, "", f"{low:.3f} {high:.3f} {source}", who)


def _store(work: Path, view: StudyView, volume_id: str, value: str, who: str) -> None:
    name = " ".join(who.split())
    if not name or len(name) > _LONGEST_NAME:
        raise DataError(
            f"Expected the name of who confirms, of at most {_LONGEST_NAME} letters, got "
            f"{'nothing' if not name else 'more'}. Give it with --by."
        )
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    with closing(CatalogueStore(work)) as store:
        store.confirm(Confirmation(view.study.study_uid, volume_id, value, name, moment))
