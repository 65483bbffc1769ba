"""Prepare one patient: what it needs, what comes of it; runs in a worker process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from client.cache import CacheError, load, store
from client.catalogue_records import Status
from client.image_roles import reference_role
from client.image_settings import ImageSettings
from client.liver_of_study import MASK_COLUMN, no_range, range_of_mask, segmented_range, space_of
from client.manifest import SERIES_COLUMNS, ManifestRow
from shared.dicom.scan import scan_files
from shared.errors import HepafedError, Level, Problem
from shared.tasks.any_preparation import prepare_images
from shared.tasks.liver_range import LiverRange
from shared.tasks.preparation_settings import Preparation
from shared.vocabulary import ImageRole


@dataclass(frozen=True)
class Job:
    """What one patient's preparation needs; travels to a worker process."""

    row: ManifestRow
    study_uid: str
    files: tuple[Path, ...]
    liver: LiverRange | None
    liver_mask: Path | None
    roles: Mapping[str, ImageRole]
    preparation: Preparation
    images: ImageSettings
    folder: Path
    name: str
    secret: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What came of one job: problems, and what the study is now."""

    study_uid: str
    status: Status
    problems: tuple[Problem, ...]

    def open_ends(self) -> str:
        """Say what stands in the study's way, without its case number."""
        return " ".join(
            f"{p.where.partition(', ')[2] or 'study'}: {p.got.rstrip('.')}. {p.fix}"
            for p in self.problems
            if p.level is Level.ERROR
        )


def prepare_one(job: Job) -> Outcome:
    """Prepare one patient into the cache unless it is there.

    Args:
        job: What to prepare.

    Returns:
        What stands in the way, if anything; a patient who cannot be prepared raises nothing.
    """
    told: list[Problem] = []
    try:
        if load(job.folder, job.name, job.secret) is not None:
            return Outcome(job.study_uid, Status.USABLE, ())
    except CacheError as error:
        told.append(_rebuilt(job.row.case, error))
    try:
        liver = _liver(job)
    except HepafedError as error:
        column = "liver range" if job.liver_mask is None else MASK_COLUMN
        told.append(no_range(job.row.case, column, error.message))
        return Outcome(job.study_uid, Status.QUARANTINED, tuple(told))
    try:
        prepared = prepare_images(
            job.files,
            job.preparation,
            liver_range_mm=liver,
            study_uid=job.study_uid,
            roles=job.roles,
            registration=job.images.registration,
            ct_tables=job.images.tables(),
            mri_tables=job.images.mri_tables(),
        )
    except HepafedError as error:
        told += _as_problems(job.row.case, error)
        # Where naming the right series is the remedy, the study waits for a person's answer.
        asked = any(column in p.fix for p in told for column in SERIES_COLUMNS)
        status = Status.QUESTION if asked else Status.QUARANTINED
        return Outcome(job.study_uid, status, tuple(told))
    store(job.folder, job.name, prepared, job.secret)
    return Outcome(job.study_uid, Status.USABLE, tuple(told))


def _liver(job: Job) -> LiverRange | None:
    """Find where the liver lies where nobody said it in numbers."""
    segmenter = job.images.segmenter
    if job.liver_mask is None and segmenter is None:
        return job.liver
    headers = [h for h in scan_files(job.files).instances if h.study_uid == job.study_uid]
    space = space_of(headers, reference_role(job.preparation), job.roles, job.images)
    if job.liver_mask is not None:
        return range_of_mask(job.liver_mask, space)
    return None if segmenter is None else segmented_range(segmenter, space)


def _rebuilt(case: int, error: CacheError) -> Problem:
    return Problem(
        f"case {case}",
        error.message.rstrip("."),
        "prepared images that open with the site's key",
        "Nothing to do: they were prepared again from DICOM. Check the disk if it happens again.",
        Level.WARNING,
    )


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
