"""The run record on disk: ``run.json`` in the run's folder."""

import json
from collections.abc import Mapping
from pathlib import Path

from shared.errors import SettingsError
from shared.report.run_record import RunRecord, from_json, to_json

RECORD_NAME = "run.json"


def write_run_record(run_dir: Path, record: RunRecord) -> Path:
    """Write a record as ``run.json`` into a run's folder, whole or not at all.

    Returns:
        The file written.

    Raises:
        SettingsError: If a number of the record is not finite.
    """
    return store_record(run_dir, to_json(record))


def read_run_record(run_dir: Path) -> RunRecord:
    """Read ``run.json`` of a run's folder.

    Raises:
        SettingsError: If there is none, or it is not a record of this version.
    """
    return from_json(stored_record(run_dir))


def store_record(run_dir: Path, plain: Mapping[str, object]) -> Path:
    """Write a record of whichever study as ``run.json``, whole or not at all.

    Args:
        run_dir: The run's folder.
        plain: The record as JSON values, all numbers finite.

    Returns:
        The file written.
    """
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
    target = run_dir / RECORD_NAME
    partial = run_dir / f"{RECORD_NAME}.partial"
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(target)
    return target


def stored_record(run_dir: Path) -> object:
    """Parse ``run.json`` of a run's folder, of whichever study.

    Raises:
        SettingsError: If there is none, or it is not JSON.
    """
    path = run_dir / RECORD_NAME
    if not path.is_file():
        raise SettingsError(
            f"Expected {RECORD_NAME} in {run_dir}, found none. Give the folder of a finished run."
        )
    try:
        parsed: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(
            f"{RECORD_NAME} in {run_dir} is not JSON ({error}). It was cut short; run again."
        ) from error
    return parsed
