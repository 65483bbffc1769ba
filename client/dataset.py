"""From a site's settings to patients ready for training; one bad study never stops the rest."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from client.cache import CachedStudy, cache_key, load, store
from client.catalogue import Catalogue, StudyRecord, join, open_catalogue
from client.data_report import problem_table, write_data_report
from client.manifest import ManifestRow, read_manifest
from client.site_settings import SiteSettings
from shared.cohort.endpoint import Endpoint
from shared.cohort.patient import PreparedPatient
from shared.cohort.split import split_patients
from shared.errors import DataError, HepafedError, Level, Problem
from shared.settings import RunSettings
from shared.tasks.preparation import CtPreparation, prepare_study
from shared.vocabulary import CtPhase, Split

__all__ = ["SiteData", "open_site", "problem_table"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SiteData:
    """A site's patients for one run.

    Attributes:
        patients: Usable patients by case number; images are memory-mapped.
        problems: Excluded patients and notices, by case number.
        excluded: Rows of the manifest that could not be used.
    """

    patients: tuple[PreparedPatient, ...]
    problems: tuple[Problem, ...]
    excluded: int


@dataclass(frozen=True)
class _Job:
    """What one patient's preparation needs; travels to a worker process."""

    case: int
    files: tuple[Path, ...]
    study_uid: str
    liver_range_mm: tuple[float, float] | None
    roles: Mapping[str, CtPhase]
    preparation: CtPreparation
    folder: Path
    key: str


def open_site(
    site: SiteSettings,
    run: RunSettings,
    preparation: CtPreparation,
    endpoint: Endpoint,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> SiteData:
    """Prepare a site's patients, or take them from the cache.

    Args:
        site: The hospital's settings.
        run: The coordinator's settings: seed and split fractions.
        preparation: What the model expects.
        endpoint: Which responses count as the event.
        workers: Processes that decode DICOM; 1 works in this one.
        progress: Called with patients done and patients in all.

    Returns:
        Patients with splits, and everything that was wrong. The same is written to
        ``data_report.json`` in the work folder.

    Raises:
        ManifestError: If the manifest is no table of patients.
        DataError: If no patient is usable or all have the same outcome.
    """
    manifest = read_manifest(site.manifest)
    catalogue = open_catalogue(site.dicom, site.work)
    pairs, join_problems = join(manifest, catalogue)
    problems = [*manifest.problems, *catalogue.problems, *join_problems]
    jobs, rows = _jobs(pairs, catalogue, preparation, site.work / "prepared", problems)
    for done, found in enumerate(_prepare_all(jobs, workers), 1):
        problems += found
        if progress is not None:
            progress(done, len(jobs))
    studies = {job.case: load(job.folder, job.key) for job in jobs}
    usable = [(row, study) for row in rows if (study := studies[row.case]) is not None]
    problems += _notices(usable)
    problems.sort(key=_case_number)
    excluded = manifest.row_count - len(usable)
    write_data_report(site.work, problems, len(usable), excluded)
    _refuse_unusable([row for row, _ in usable], endpoint, problems)
    splits = _splits([row for row, _ in usable], endpoint, site, run)
    patients = tuple(
        PreparedPatient(row.case, endpoint.is_event(row.response), split, study.images)
        for (row, study), split in zip(usable, splits, strict=True)
    )
    return SiteData(patients, tuple(problems), excluded)


def _jobs(
    pairs: Sequence[tuple[ManifestRow, StudyRecord]],
    catalogue: Catalogue,
    preparation: CtPreparation,
    folder: Path,
    problems: list[Problem],
) -> tuple[list[_Job], list[ManifestRow]]:
    jobs: list[_Job] = []
    rows: list[ManifestRow] = []
    for row, study in pairs:
        roles = _confirmed(row, study, problems)
        if roles is None:
            continue
        rows.append(row)
        jobs.append(
            _Job(
                case=row.case,
                files=tuple(catalogue.root / record.path for record in study.files),
                study_uid=study.study_uid,
                liver_range_mm=row.liver_range_mm,
                roles=roles,
                preparation=preparation,
                folder=folder,
                key=cache_key(study, preparation, row.liver_range_mm, roles),
            )
        )
    return jobs, rows


def _confirmed(
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


def _prepare_all(jobs: Sequence[_Job], workers: int) -> Iterator[list[Problem]]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_prepare, jobs)
        return
    # A fresh interpreter per worker: forking a process that holds a GPU or threads is not safe.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_prepare, job) for job in jobs]):
            yield future.result()


def _prepare(job: _Job) -> list[Problem]:
    """Prepare one patient into the cache unless it is there; tell what stands in the way."""
    if load(job.folder, job.key) is not None:
        return []
    try:
        prepared = prepare_study(
            job.files,
            job.preparation,
            liver_range_mm=job.liver_range_mm,
            study_uid=job.study_uid,
            roles=job.roles,
        )
    except HepafedError as error:
        return _as_problems(job.case, error)
    store(job.folder, job.key, prepared)
    return []


def _as_problems(case: int, error: HepafedError) -> list[Problem]:
    if error.problems:
        return [
            Problem(f"case {case}, {p.where}", p.got, p.expected, p.fix) for p in error.problems
        ]
    return [
        Problem(
            f"case {case}",
            error.message.rstrip("."),
            "a study that can be prepared",
            "The patient is left out until then.",
        )
    ]


def _notices(usable: Sequence[tuple[ManifestRow, CachedStudy]]) -> list[Problem]:
    return [
        Problem(
            f"case {row.case}",
            notice.rstrip("."),
            "a study without remarks",
            "The patient is used; check it if this surprises you.",
            Level.INFO,
        )
        for row, study in usable
        for notice in study.notices
    ]


def _case_number(problem: Problem) -> tuple[int, str]:
    words = problem.where.replace(",", " ").split()
    is_case = len(words) > 1 and words[0] == "case" and words[1].isdigit()
    return (int(words[1]) if is_case else 0, problem.where)


def _refuse_unusable(
    rows: Sequence[ManifestRow], endpoint: Endpoint, problems: Sequence[Problem]
) -> None:
    errors = [problem for problem in problems if problem.level is Level.ERROR]
    if not rows:
        raise DataError(
            "No patient of the site can be used. Correct the problems below, then run again.",
            errors,
        )
    events = sum(endpoint.is_event(row.response) for row in rows)
    if events in (0, len(rows)):
        only = endpoint.event if events else endpoint.no_event
        raise DataError(
            f"Expected patients of both classes, got {len(rows)} usable patients, all with "
            f"{only}. Add patients of the other class to the manifest, correct the problems "
            "below, or take part in evaluation only.",
            errors,
        )


def _splits(
    rows: Sequence[ManifestRow], endpoint: Endpoint, site: SiteSettings, run: RunSettings
) -> tuple[Split, ...]:
    """Split by the manifest where it assigns splits, else at random by seed and site name."""
    # A digest, since Python's own hash of a text differs between processes.
    name = int.from_bytes(hashlib.sha256(site.name.encode()).digest()[:8], "big")
    rng = np.random.default_rng([run.seed, name])
    events = [endpoint.is_event(row.response) for row in rows]
    if not any(row.split for row in rows):
        return split_patients(events, run.held_out_fraction, run.inner_validation_fraction, rng)
    inside = [number for number, row in enumerate(rows) if row.split is not Split.HELD_OUT]
    parts = split_patients(
        [events[number] for number in inside], 0.0, run.inner_validation_fraction, rng
    )
    splits = [Split.HELD_OUT] * len(rows)
    for number, part in zip(inside, parts, strict=True):
        splits[number] = part
    return tuple(splits)
