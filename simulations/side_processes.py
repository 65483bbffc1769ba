"""Work in processes of its own beside the caller's, and where its results are kept.

Comparators of a federation need nothing from each other, so each is a job for a process with few
threads: two small trainings side by side use two cores better than one with two threads.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from shared.settings import RunSettings

Job = TypeVar("Job")
Result = TypeVar("Result")

_NOT_PART_OF_TRAINING = ("run_dir", "sites_dir", "min_sites", "wait_seconds")


def result_file(run_dir: Path, name: str, settings: RunSettings) -> Path:
    """Say where an arm's result is kept; another setting has another file.

    Args:
        run_dir: Of the run.
        name: Of the arm.
        settings: Of the federation that the arm is compared with.
    """
    facts = {
        field: value
        for field, value in dataclasses.asdict(settings).items()
        if field not in _NOT_PART_OF_TRAINING
    }
    text = json.dumps([name, facts], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return run_dir / "baselines" / f"{key}.json"


@contextmanager
def work_beside(
    work: Callable[[Job], Result], jobs: Mapping[str, Job], processes: int
) -> Iterator[Callable[[], dict[str, Result]]]:
    """Do jobs in other processes while the caller does something else.

    Args:
        work: Does one job; picklable.
        jobs: By name.
        processes: How many work at the same time.

    Yields:
        A function that waits for the results and gives them in the order of the jobs. When the
        caller leaves with an error, the processes are ended.
    """
    if not jobs:
        yield dict
        return
    # A fresh interpreter per worker: forking a process that holds threads is not safe.
    with get_context("spawn").Pool(min(processes, len(jobs))) as pool:
        waiting = {name: pool.apply_async(work, (job,)) for name, job in jobs.items()}
        yield lambda: {name: result.get() for name, result in waiting.items()}
