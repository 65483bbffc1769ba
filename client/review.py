"""What a person must look at, and what they say: roles of series and the range of the liver.

Headers alone decide few real studies, so a person's word is a normal way to a role. It is stored
with name and time and overrides both the headers and the manifest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from client.catalogue import CatalogueStore
from client.catalogue_records import (
    NO_ROLE,
    Catalogue,
    Confirmation,
    Confirmed,
    SeriesRecord,
    Status,
    StudyRecord,
)
from client.catalogue_update import update_catalogue
from client.image_roles import Modality, modality_of, role_words
from client.manifest import ManifestRow, read_manifest
from client.manifest_series import named_series
from client.site_settings import SiteSettings
from client.study_join import join
from shared.errors import DataError
from shared.vocabulary import ImageRole

_LONGEST_NAME = 100


@dataclass(frozen=True)
class StudyView:
    """One study as a reviewer sees it.

    Attributes:
        number: In the catalogue; stays the same.
        case: Row of the manifest, or None where no row asks for the study.
        study: Its files.
        modality: What it is; decides what its series may be called.
        series: Its series; a confirmed one has confidence 1.
        confirmed: What people said so far.
        status: What the last data check made of it; since an answer, not checked.
        questions: What stands in the way, as sentences; empty where nothing does.
        liver_range_mm: Ends of the liver, confirmed or else from the manifest; None for neither.
    """

    number: int
    case: int | None
    study: StudyRecord
    modality: Modality
    series: tuple[SeriesRecord, ...]
    confirmed: Confirmed
    status: Status
    questions: tuple[str, ...]
    liver_range_mm: tuple[float, float] | None

    @property
    def label(self) -> str:
        """Name the study without its patient."""
        return f"study {self.number}" if self.case is None else f"case {self.case}"


def studies_to_review(
    site: SiteSettings,
    roles: Sequence[ImageRole],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[StudyView, ...]:
    """Bring the catalogue up to date and give the studies with what is open in them.

    Args:
        site: The hospital's settings; without a manifest all studies are given.
        roles: Phases or sequences that the model needs; at least one.
        progress: Called with files done and files in all.

    Returns:
        The manifest's studies by case, then those that no row asks for.

    Raises:
        DataError: If the DICOM folder holds no image.
        ManifestError: If there is a manifest that is no table.
    """
    with closing(CatalogueStore(site.work)) as store:
        catalogue = update_catalogue(store, site.dicom, site.images, progress)
    return views_of(site, catalogue, roles)


def views_of(
    site: SiteSettings, catalogue: Catalogue, roles: Sequence[ImageRole]
) -> tuple[StudyView, ...]:
    """Give the studies of a catalogue that is up to date; else as ``studies_to_review``."""
    with closing(CatalogueStore(site.work)) as store:
        numbers, states = store.study_numbers(), store.study_states()
        series, words = store.series(), store.confirmed()
    rows: dict[str, ManifestRow] = {}
    if site.manifest.is_file():
        pairs, _ = join(read_manifest(site.manifest), catalogue, modality_of(roles[0]))
        rows = {study.study_uid: row for row, study in pairs}
    views = [
        _view(
            study,
            numbers[uid],
            rows.get(uid),
            series.get(uid, ()),
            words.get(uid, Confirmed({}, None, ())),
            states[uid],
            roles,
        )
        for uid, study in catalogue.studies.items()
    ]
    return tuple(sorted(views, key=lambda v: (v.case is None, v.case or 0, v.number)))


def _view(  # noqa: PLR0913, PLR0917  # a view is the meeting of all of them
    study: StudyRecord,
    number: int,
    row: ManifestRow | None,
    series: Sequence[SeriesRecord],
    said: Confirmed,
    state: tuple[Status, str],
    roles: Sequence[ImageRole],
) -> StudyView:
    modality = modality_of(roles[0])
    named = {} if row is None else named_series(row, study, series, modality)[0]
    merged = tuple(_with_words(one, {**named, **said.roles}) for one in series)
    return StudyView(
        number=number,
        case=row.case if row else None,
        study=study,
        modality=Modality.MR if Modality.MR in study.modalities else Modality.CT,
        series=merged,
        confirmed=said,
        status=state[0],
        # A study of another kind that no row asks for is none of this run's.
        questions=_questions(merged, state, roles)
        if row is not None or modality in study.modalities
        else (),
        liver_range_mm=said.liver_range_mm or (row.liver_range_mm if row else None),
    )


def _with_words(series: SeriesRecord, words: Mapping[str, ImageRole | None]) -> SeriesRecord:
    if series.volume_id not in words or series.status is Status.SET_ASIDE:
        return series
    role = words[series.volume_id]
    broken = series.status is Status.QUARANTINED
    if role is None:
        status, reason = Status.SET_ASIDE, "a person says that the study does not use it"
    else:
        status, reason = (series.status, series.reason) if broken else (Status.USABLE, "")
    return replace(
        series,
        role=role,
        evidence=("confirmed by a person", *series.evidence),
        confidence=1.0,
        status=status,
        reason=reason,
    )


def _questions(
    series: Sequence[SeriesRecord], state: tuple[Status, str], roles: Sequence[ImageRole]
) -> tuple[str, ...]:
    status, reason = state
    if status is Status.USABLE:
        return ()
    if status in (Status.QUESTION, Status.QUARANTINED):
        return (reason,)
    return tuple(filter(None, (_question(series, role) for role in roles)))


def _question(series: Sequence[SeriesRecord], role: ImageRole) -> str:
    claims = [s for s in series if s.role is role and s.status is Status.USABLE]
    certain = [s for s in claims if s.confidence >= 1]
    claims = certain or claims
    if len(claims) == 1:
        return ""
    if claims:
        names = ", ".join(s.name for s in claims)
        return f"{role_words(role)}: {len(claims)} candidates ({names})."
    asked = [f"{s.name}: {s.reason}" for s in series if s.status is Status.QUESTION]
    broken = [f"{s.name}: {s.reason}" for s in series if s.status is Status.QUARANTINED]
    told = "; ".join(asked or broken) or "no series names it"
    return f"{role_words(role)}: none. {told.rstrip('.')}."


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
    work: Path, view: StudyView, ends_mm: tuple[float, float], who: str
) -> None:
    """Store where the liver lies.

    Args:
        work: The site's work folder.
        view: The study.
        ends_mm: Heights of its two ends in the patient (DICOM z), in any order.
        who: The person who says so.

    Raises:
        DataError: If nobody signs, or the ends are no two heights.
    """
    low, high = min(ends_mm), max(ends_mm)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DataError(
            "Expected two different heights in millimetres for the liver's ends, got others. "
            "Read them off the images: the z of ImagePositionPatient."
        )
    _store(work, view, "", f"{low:.3f} {high:.3f}", who)


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
