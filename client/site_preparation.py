"""Every row of the manifest to its prepared images, or to the reason why not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing import get_context

from client.cache import CachedStudy, cache_key, load
from client.catalogue import CatalogueStore
from client.catalogue_records import Catalogue, Confirmed, SeriesRecord, Status, StudyRecord
from client.catalogue_update import update_catalogue
from client.liver_of_study import digest_of_mask
from client.manifest import Manifest, ManifestRow, read_manifest
from client.preparation_job import Job, Outcome, prepare_one
from client.secret_keys import cache_secret
from client.series_notices import series_notices
from client.site_settings import SiteSettings
from client.study_join import join
from shared.errors import Level, Problem
from shared.tasks.preparation_settings import CtPreparation
from shared.vocabulary import CtPhase

Progress = Callable[[int, int], None]

PREPARED_FOLDER = "prepared"
_NOBODY = Confirmed({}, None, ())


@dataclass(frozen=True)
class UsableCase:
    """One patient who can be used.

    Attributes:
        row: Of the manifest.
        study_uid: The study taken.
        study: The prepared images.
    """

    row: ManifestRow
    study_uid: str
    study: CachedStudy


@dataclass(frozen=True)
class SitePreparation:
    """What became of a site's patients.

    Attributes:
        manifest: As read.
        catalogue: What lies in the DICOM folder.
        series: Roles by study.
        joined: Cases that have exactly one study.
        usable: Patients who can be used, by case number.
        waiting: How many patients a person's answer could bring back.
        problems: Everything found, by case number.
    """

    manifest: Manifest
    catalogue: Catalogue
    series: Mapping[str, tuple[SeriesRecord, ...]]
    joined: frozenset[int]
    usable: tuple[UsableCase, ...]
    waiting: int
    problems: tuple[Problem, ...]

    @property
    def excluded(self) -> int:
        """Count the manifest's rows that cannot be used."""
        return self.manifest.row_count - len(self.usable)


def prepare_site(
    site: SiteSettings,
    preparation: CtPreparation,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> SitePreparation:
    """Bring the catalogue up to date and prepare every patient who is not in the cache.

    Args:
        site: The hospital's settings.
        preparation: What the model expects.
        workers: Processes that decode DICOM; 1 works in this one.
        progress: Called with patients done and patients in all.

    Returns:
        Usable patients, and a problem for everything that stands in the way of the others.

    Raises:
        ManifestError: If the manifest is no table of patients.
        DataError: If the DICOM folder holds no image.
        SettingsError: If the cache's key cannot be used.
    """
    secret, _ = cache_secret(site)
    manifest = read_manifest(site.manifest)
    with closing(CatalogueStore(site.work)) as catalogue_store:
        catalogue = update_catalogue(catalogue_store, site.dicom, site.images)
        pairs, join_problems = join(manifest, catalogue)
        problems = [*manifest.problems, *catalogue.problems, *join_problems]
        words = catalogue_store.confirmed()
        jobs: list[Job] = []
        for row, study in pairs:
            said = words.get(study.study_uid, _NOBODY)
            job = _job(row, study, said, catalogue, problems, preparation, site, secret)
            if job is not None:
                jobs.append(job)
        outcomes: list[Outcome] = []
        for done, outcome in enumerate(_prepare_all(jobs, workers), 1):
            outcomes.append(outcome)
            problems += outcome.problems
            if progress is not None:
                progress(done, len(jobs))
        catalogue_store.put_study_status(
            (one.study_uid, one.status, one.open_ends()) for one in outcomes
        )
        series = catalogue_store.series()
    problems += series_notices(pairs, series)
    usable = tuple(_usable(jobs, outcomes))
    problems += _notices(usable)
    problems.sort(key=_case_number)
    joined = frozenset(row.case for row, _ in pairs)
    waiting = sum(outcome.status is Status.QUESTION for outcome in outcomes)
    return SitePreparation(manifest, catalogue, series, joined, usable, waiting, tuple(problems))


def _job(  # noqa: PLR0913, PLR0917  # a job is the meeting of all of them
    row: ManifestRow,
    study: StudyRecord,
    said: Confirmed,
    catalogue: Catalogue,
    problems: list[Problem],
    preparation: CtPreparation,
    site: SiteSettings,
    secret: bytes | None,
) -> Job | None:
    """Bring together what the manifest and the review say of a study; the review is later."""
    roles: dict[str, CtPhase | None] = {}
    found = _named_in_manifest(row, study, problems)
    if found is None:
        return None
    roles.update(found)
    if any(roles.get(uid, phase) is not phase for uid, phase in said.roles.items()):
        problems.append(_overruled(row, "a phase"))
    liver_mm = said.liver_range_mm or row.liver_range_mm
    if row.liver_range_mm not in (None, liver_mm):
        problems.append(_overruled(row, "a liver range"))
    # A series confirmed after the one that the manifest named takes its phase over.
    taken = {phase for phase in said.roles.values() if phase is not None}
    roles = {uid: phase for uid, phase in roles.items() if phase not in taken} | dict(said.roles)
    mask = row.liver_mask if liver_mm is None else None
    mask_digest = "" if mask is None else digest_of_mask(mask, row.case, problems)
    if mask_digest is None:
        return None
    given = liver_mm is not None or mask is not None
    images = replace(site.images, segmenter=None) if given else site.images
    dropped = {uid for uid, phase in roles.items() if phase is None}
    return Job(
        row=row,
        study_uid=study.study_uid,
        files=tuple(catalogue.root / f.path for f in study.files if f.series_uid not in dropped),
        liver_range_mm=liver_mm,
        liver_mask=mask,
        roles={uid: phase for uid, phase in roles.items() if phase is not None},
        preparation=preparation,
        images=images,
        folder=site.work / PREPARED_FOLDER,
        name=cache_key(study, preparation, liver_mm, roles, images, mask_digest),
        secret=secret,
    )


def _named_in_manifest(
    row: ManifestRow, study: StudyRecord, problems: list[Problem]
) -> dict[str, CtPhase] | None:
    """Give the phases that the manifest confirms, by series UID; None if one names no series."""
    roles: dict[str, CtPhase] = {}
    whole = True
    for phase, name in row.series.items():
        uids = study.series_uids(name)
        if not uids:
            whole = False
            problems.append(
                Problem(
                    f"case {row.case}, column {phase}_series",
                    "a series that the study does not have",
                    "a series number or SeriesInstanceUID of the study",
                    "Correct the cell; until then the patient is left out.",
                )
            )
        roles.update(dict.fromkeys(uids, phase))
    return roles if whole else None


def _overruled(row: ManifestRow, what: str) -> Problem:
    return Problem(
        f"case {row.case}",
        f"{what} in the manifest and another one in the review",
        "the same in both",
        "The review counts; correct the manifest or review the case again.",
        Level.WARNING,
    )


def _prepare_all(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(prepare_one, jobs)
        return
    # A fresh interpreter per worker: forking a process that holds a GPU or threads is not safe.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(prepare_one, job) for job in jobs]):
            yield future.result()


def _usable(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> Iterator[UsableCase]:
    good = {outcome.study_uid for outcome in outcomes if outcome.status is Status.USABLE}
    for job in jobs:
        if job.study_uid in good:
            study = load(job.folder, job.name, job.secret)
            if study is not None:
                yield UsableCase(job.row, job.study_uid, study)


def _notices(usable: Sequence[UsableCase]) -> list[Problem]:
    return [
        Problem(
            f"case {case.row.case}",
            notice.rstrip("."),
            "a study without remarks",
            "The patient is used; check it if this surprises you.",
            Level.INFO,
        )
        for case in usable
        for notice in case.study.notices
    ]


def _case_number(problem: Problem) -> tuple[int, str]:
    words = problem.where.replace(",", " ").split()
    is_case = len(words) > 1 and words[0] == "case" and words[1].isdigit()
    return (int(words[1]) if is_case else 0, problem.where)
