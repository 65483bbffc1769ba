"""The run record on disk: ``run.json`` in the run's folder."""

import json
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
    text = json.dumps(to_json(record), indent=1, ensure_ascii=False, allow_nan=False)
    target = run_dir / RECORD_NAME
    partial = run_dir / f"{RECORD_NAME}.partial"
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(target)
    return target


def read_run_record(run_dir: Path) -> RunRecord:
    """Read ``run.json`` of a run's folder.

    Raises:
        SettingsError: If there is none, or it is not a record of this version.
    """
    return from_json(_parsed(run_dir, RECORD_NAME))


def _parsed(run_dir: Path, name: str) -> object:
    path = run_dir / name
    if not path.is_file():
        raise SettingsError(
            f"Expected {name} in {run_dir}, found none. Give the folder of a finished run."
        )
    try:
        parsed: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(
            f"{name} in {run_dir} is not JSON ({error}). It was cut short; run again."
        ) from error
    return parsed
