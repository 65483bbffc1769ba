"""Writing a cohort folder: claimed by one specification, filled in any number of processes."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from shared.errors import HepafedError

Progress = Callable[[int, int], None]


def claim_folder(out: Path, digest: str) -> None:
    """Take the folder, or refuse if it holds anything but this very cohort.

    Args:
        out: The cohort's folder; made if absent.
        digest: Of the specification.

    Raises:
        HepafedError: The folder holds something else.
    """
    description = out / "cohort.json"
    if description.exists():
        found = json.loads(description.read_text(encoding="utf-8")).get("digest")
        if found != digest:
            raise HepafedError(
                "Expected an empty folder or a cohort of the same specification; the folder holds "
                "a cohort of another one. Choose another folder, or delete this one first."
            )
    elif out.exists() and any(_is_used(entry) for entry in out.iterdir()):
        raise HepafedError(
            "Expected an empty folder for the synthetic cohort; the folder holds other files. "
            "Choose another folder."
        )
    (out / "truth").mkdir(parents=True, exist_ok=True)


def _is_used(entry: Path) -> bool:
    """Tell whether an entry is more than what a start leaves that was stopped at once."""
    return entry.name != "truth" or any(entry.iterdir())


def replace_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def replace_json(path: Path, record: dict[str, object]) -> None:
    """Write a record as indented JSON, whole or not at all."""
    replace_file(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def run_each(
    function: Callable[..., None], calls: Sequence[tuple[object, ...]], workers: int
) -> Iterator[None]:
    """Call a function once per tuple of arguments; yield after each call that is done.

    Args:
        function: Picklable, and indifferent to order.
        calls: Positional arguments of each call.
        workers: Processes; 1 calls in this one.
    """
    if workers <= 1 or len(calls) <= 1:
        for arguments in calls:
            function(*arguments)
            yield
        return
    # A spawned process inherits no threads or locks, so it works under any caller.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(function, *arguments) for arguments in calls]
        for future in as_completed(futures):
            future.result()
            yield
