"""Fetch many studies, several at a time; one that fails is named and counted and stops no other."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from client.archive.errors import ArchiveError, PassingError
from client.archive.study import Archive, Study
from client.archive.study_folder import StudyFolder
from shared.dicom.pseudonym import SiteKey, file_code, study_pseudonym
from shared.errors import Problem

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TransferLimits:
    """How hard the archive is worked.

    Attributes:
        parallel: Studies under way at once.
        attempts: How often a study is tried.
        pause_seconds: Before the second attempt; it doubles with each further one.
    """

    parallel: int = 2
    attempts: int = 3
    pause_seconds: float = 2.0


@dataclass(frozen=True)
class TransferReport:
    """What became of the studies; counts and pseudonyms only.

    Attributes:
        fetched: Studies that were brought in now.
        already_complete: Studies that were complete on disk and were not touched.
        failures: One problem per study that could not be had.
    """

    fetched: int
    already_complete: int
    failures: tuple[Problem, ...]


def fetch_studies(
    archive: Archive,
    studies: Sequence[Study],
    destination: Path,
    key: SiteKey,
    limits: TransferLimits | None = None,
    progress: Progress | None = None,
) -> TransferReport:
    """Bring studies into folders, one folder per study, named by its pseudonym.

    Args:
        archive: Where they come from.
        studies: What `Archive.list_studies` gave; reports count them from 1 in this order.
        destination: The folder that gets one folder per study.
        key: The site's secret; it makes the names of folders and files.
        limits: How many at once and how often.
        progress: Called with studies done, whatever came of them, and studies in all.

    Returns:
        Counts and failures. A failure never stops the other studies.
    """
    limits = limits or TransferLimits()
    fetch = partial(_fetch_one, archive, destination, key, limits)
    places = [f"study {i} of {len(studies)}" for i in range(1, len(studies) + 1)]
    with ThreadPoolExecutor(max_workers=limits.parallel) as workers:
        running = [workers.submit(fetch, *pair) for pair in zip(places, studies, strict=True)]
        try:
            for done, one in enumerate(as_completed(running), 1):
                one.result()  # an error that is no study's failure ends the transfer here
                if progress is not None:
                    progress(done, len(studies))
        finally:
            for one in running:  # whoever stops the transfer does not wait for the queue
                one.cancel()
        outcomes = [one.result() for one in running]
    return TransferReport(
        fetched=outcomes.count("fetched"),
        already_complete=outcomes.count("complete"),
        failures=tuple(outcome for outcome in outcomes if isinstance(outcome, Problem)),
    )


def study_folder(destination: Path, key: SiteKey, study: Study) -> StudyFolder:
    """Give the folder of a study.

    Args:
        destination: The folder that has one folder per study.
        key: The site's secret.
        study: The study.
    """
    code: Callable[[str], str] = partial(file_code, key)
    return StudyFolder(destination / study_pseudonym(key, study.uid), code)


def _fetch_one(
    archive: Archive,
    destination: Path,
    key: SiteKey,
    limits: TransferLimits,
    place: str,
    study: Study,
) -> Problem | str:
    where = f"{place} ({study_pseudonym(key, study.uid)})"
    try:
        folder = study_folder(destination, key, study)
        if folder.is_complete(study.instances):
            return "complete"
        return _fetch_with_patience(archive, folder, limits, where, study)
    except ArchiveError as error:
        return Problem(where, error.message, "a study that can be fetched", "See docs/archive.md.")
    except OSError as error:
        return Problem(
            where,
            f"the disk refused to write ({error.strerror or type(error).__name__})",
            "a folder with room that may be written",
            "Free space or correct the rights of the folder, then run the command again.",
        )


def _fetch_with_patience(
    archive: Archive, folder: StudyFolder, limits: TransferLimits, where: str, study: Study
) -> Problem | str:
    problem: Problem | str = "fetched"
    for attempt in range(limits.attempts):
        if attempt:
            time.sleep(limits.pause_seconds * 2 ** (attempt - 1))
        try:
            announced = max(archive.fetch(study, folder), study.instances or 0)
        except PassingError as error:
            problem = Problem(
                where,
                f"{error.message} ({limits.attempts} attempts)",
                "a connection that lasts",
                "Run the command again later; what has arrived is kept.",
            )
            continue
        received = folder.count()
        if received >= announced > 0:
            folder.mark_complete()
            return "fetched"
        problem = Problem(
            where,
            f"{received} of {announced} announced instances" if announced else "no instances",
            "all of them",
            "Ask the archive's administrator whether the study is complete, then run the command "
            "again; what has arrived is kept.",
        )
    return problem
