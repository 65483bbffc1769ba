"""From a site's settings to patients ready for training; one bad study never stops the rest."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from client.cache import CachedStudy
from client.data_report import problem_table, write_data_report
from client.manifest import ManifestRow
from client.site_preparation import SitePreparation, prepare_site
from client.site_settings import SiteSettings
from shared.cohort.endpoint import Endpoint
from shared.cohort.patient import PreparedPatient
from shared.cohort.split import split_patients
from shared.errors import DataError, Level, Problem
from shared.settings import RunSettings
from shared.tasks.preparation_settings import Preparation
from shared.vocabulary import Split

__all__ = ["SiteData", "open_site", "patients_of", "problem_table"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SiteData:
    """A site's patients for one run.

    Attributes:
        patients: Usable patients by case number; images are read-only.
        problems: Excluded patients and notices, by case number.
        excluded: Rows of the manifest that could not be used.
    """

    patients: tuple[PreparedPatient, ...]
    problems: tuple[Problem, ...]
    excluded: int


def open_site(
    site: SiteSettings,
    run: RunSettings,
    preparation: Preparation,
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
    prepared = prepare_site(site, preparation, workers=workers, progress=progress)
    return patients_of(prepared, site, run, endpoint)


def patients_of(
    prepared: SitePreparation, site: SiteSettings, run: RunSettings, endpoint: Endpoint
) -> SiteData:
    """Give prepared patients their outcome and split.

    Args:
        prepared: From ``prepare_site``.
        site: The hospital's settings.
        run: The coordinator's settings: seed and split fractions.
        endpoint: Which responses count as the event.

    Returns:
        The patients.

    Raises:
        DataError: If no patient is usable or all have the same outcome.
    """
    usable = [(case.row, case.study) for case in prepared.usable]
    write_data_report(site.work, prepared.problems, len(usable), prepared.excluded)
    rows = [row for row, _ in usable]
    _refuse_unusable(rows, endpoint, prepared.problems)
    splits = _splits(rows, endpoint, site, run)
    patients = tuple(
        _patient(row, study, split, endpoint)
        for (row, study), split in zip(usable, splits, strict=True)
    )
    return SiteData(patients, prepared.problems, prepared.excluded)


def _patient(
    row: ManifestRow, study: CachedStudy, split: Split, endpoint: Endpoint
) -> PreparedPatient:
    return PreparedPatient(row.case, endpoint.is_event(row.response), split, study.images)


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
