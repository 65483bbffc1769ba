"""What a person must look at: studies with what is open in them, and what people said so far.

Headers alone decide few real studies, so a person's word is a normal way to a role.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from client.catalogue import CatalogueStore
from client.catalogue_records import (
    Catalogue,
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
from shared.tasks.liver_range import LiverRange
from shared.vocabulary import ImageRole


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
        liver: Where the liver lies, as a person said or else the manifest; None for neither.
        liver_mask: The manifest's mask, where it gives no heights; None for none.
    """

    number: int
    case: int | None
    study: StudyRecord
    modality: Modality
    series: tuple[SeriesRecord, ...]
    confirmed: Confirmed
    status: Status
    questions: tuple[str, ...]
    liver: LiverRange | None
    liver_mask: Path | None = None

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
        # A study without any image of the run's kind is none of its, unless a row asks for it.
        questions=_questions(merged, state, roles)
        if row is not None or any(_is_candidate(one, modality) for one in series)
        else (),
        liver=said.liver or (row.liver if row else None),
        liver_mask=row.liver_mask if row else None,
    )


def _is_candidate(series: SeriesRecord, modality: Modality) -> bool:
    return series.modality == modality and series.status is not Status.SET_ASIDE


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
    asked: dict[str, list[str]] = {}
    for role in roles:
        told = _question(series, role)
        if told:
            asked.setdefault(told, []).append(role_words(role))
    return tuple(f"{', '.join(names)}: {told}" for told, names in asked.items())


def _question(series: Sequence[SeriesRecord], role: ImageRole) -> str:
    claims = [s for s in series if s.role is role and s.status is Status.USABLE]
    certain = [s for s in claims if s.confidence >= 1]
    claims = certain or claims
    if len(claims) == 1:
        return ""
    if claims:
        names = ", ".join(s.name for s in claims)
        return f"{len(claims)} candidates ({names})."
    asked = [f"{s.name}: {s.reason}" for s in series if s.status is Status.QUESTION]
    broken = [f"{s.name}: {s.reason}" for s in series if s.status is Status.QUARANTINED]
    told = "; ".join(asked or broken) or "no series names it"
    return f"none. {told.rstrip('.')}."
