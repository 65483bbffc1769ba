"""Every row of the manifest to its prepared images, or to the reason why not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing import get_context

from client.cache import CachedStudy, cache_key, is_stored, load
from client.cache_pruning import prune
from client.catalogue import CatalogueStore
from client.catalogue_records import Catalogue, Confirmed, SeriesRecord, Status, StudyRecord
from client.catalogue_update import update_catalogue
from client.image_roles import Modality, modality_for
from client.liver_of_study import digest_of_mask
from client.manifest import Manifest, ManifestRow, read_manifest
from client.manifest_series import named_series
from client.preparation_job import Job, Outcome, prepare_one
from client.secret_keys import cache_secret
from client.series_notices import series_notices
from client.site_settings import SiteSettings
from client.study_join import join
from shared.errors import Level, Problem
from shared.tasks.preparation_settings import Preparation
from shared.vocabulary import ImageRole

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
class ClinicJoin:
    """What joining a clinical table did to patients who have images.

    Attributes:
        with_images: How many patients have images that can be used.
        unmatched: Rows of the clinical table that belong to no row of the manifest.
        problems: What is wrong with the table or the join.
    """

    with_images: int
    unmatched: int
    problems: tuple[Problem, ...]


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
        clinic: What joining a clinical table did; None where a run needs none.
    """

    manifest: Manifest
    catalogue: Catalogue
    series: Mapping[str, tuple[SeriesRecord, ...]]
    joined: frozenset[int]
    usable: tuple[UsableCase, ...]
    waiting: int
    problems: tuple[Problem, ...]
    clinic: ClinicJoin | None = None

    @property
    def excluded(self) -> int:
        """Count the rows that cannot be used, those of a clinical table without images, too."""
        unmatched = self.clinic.unmatched if self.clinic else 0
        return self.manifest.row_count - len(self.usable) + unmatched


def prepare_site(
    site: SiteSettings,
    preparation: Preparation,
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
        pairs, join_problems = join(manifest, catalogue, modality_for(preparation))
        problems = [*manifest.problems, *catalogue.problems, *join_problems]
        words, series = catalogue_store.confirmed(), catalogue_store.series()
        jobs: list[Job] = []
        for row, study in pairs:
            said = words.get(study.study_uid, _NOBODY)
            named, wrong = named_series(
                row, study, series.get(study.study_uid, ()), modality_for(preparation)
            )
            problems += wrong
            if any(problem.level is Level.ERROR for problem in wrong):
                continue
            job = _job(row, study, named, said, catalogue, problems, preparation, site, secret)
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
    prune(site.work / PREPARED_FOLDER, {job.name for job in jobs})
    problems += series_notices(pairs, series)
    usable = tuple(_usable(jobs, outcomes))
    problems += _notices(usable)
    joined = frozenset(row.case for row, _ in pairs)
    waiting = sum(outcome.status is Status.QUESTION for outcome in outcomes)
    return SitePreparation(manifest, catalogue, series, joined, usable, waiting, by_case(problems))


def _job(  # noqa: PLR0913, PLR0917  # a job is the meeting of all of them
    row: ManifestRow,
    study: StudyRecord,
    named: Mapping[str, ImageRole],
    said: Confirmed,
    catalogue: Catalogue,
    problems: list[Problem],
    preparation: Preparation,
    site: SiteSettings,
    secret: bytes | None,
) -> Job | None:
    """Bring together what the manifest and the review say of a study; the review is later."""
    roles: dict[str, ImageRole | None] = dict(named)
    if any(roles.get(uid, role) is not role for uid, role in said.roles.items()):
        problems.append(_overruled(row, "a series"))
    liver = said.liver or row.liver
    liver_mm = (liver.lower_mm, liver.upper_mm) if liver else None
    if row.liver_range_mm not in (None, liver_mm):
        problems.append(_overruled(row, "a liver range"))
    # A series confirmed after the one that the manifest named takes its role over.
    taken = {role for role in said.roles.values() if role is not None}
    roles = {uid: role for uid, role in roles.items() if role not in taken} | dict(said.roles)
    mask = row.liver_mask if liver_mm is None else None
    mask_digest = "" if mask is None else digest_of_mask(mask, row.case, problems)
    if mask_digest is None:
        return None
    # A program is asked for CT alone; of MRI the published study reads whole images.
    given = modality_for(preparation) is Modality.MR or liver_mm is not None or mask is not None
    images = replace(site.images, segmenter=None) if given else site.images
    dropped = {uid for uid, role in roles.items() if role is None}
    return Job(
        row=row,
        study_uid=study.study_uid,
        files=tuple(catalogue.root / f.path for f in study.files if f.series_uid not in dropped),
        liver=liver,
        liver_mask=mask,
        roles={uid: role for uid, role in roles.items() if role is not None},
        preparation=preparation,
        images=images,
        folder=site.work / PREPARED_FOLDER,
        name=cache_key(study, preparation, liver_mm, roles, images, mask_digest),
        secret=secret,
    )


def _overruled(row: ManifestRow, what: str) -> Problem:
    return Problem(
        f"case {row.case}",
        f"{what} in the manifest and another one in the review",
        "the same in both",
        "The review counts; correct the manifest or review the case again.",
        Level.WARNING,
    )


def _prepare_all(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    absent = [job for job in jobs if not is_stored(job.folder, job.name)]
    # Fewer do not pay for a worker's start, a second of imports; what is stored needs none.
    if workers <= 1 or len(absent) <= 1:
        yield from map(prepare_one, jobs)
        return
    # A fresh interpreter per worker: forking a process that holds a GPU or threads is not safe.
    with ProcessPoolExecutor(min(workers, len(absent)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(prepare_one, job) for job in absent]
        waiting = {job.name for job in absent}
        yield from (prepare_one(job) for job in jobs if job.name not in waiting)
        for future in as_completed(futures):
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


def by_case(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Order problems by case number, those of no case first."""
    return tuple(sorted(problems, key=_case_number))


def _case_number(problem: Problem) -> tuple[int, str]:
    words = problem.where.replace(",", " ").split()
    is_case = len(words) > 1 and words[0] == "case" and words[1].isdigit()
    return (int(words[1]) if is_case else 0, problem.where)
