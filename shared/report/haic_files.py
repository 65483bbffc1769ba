"""The record of a run on MRI and clinic on disk: ``run.json`` in the run's folder."""

import hashlib
import json
from pathlib import Path

from shared.report.haic_record import HaicRecord, haic_from_json, haic_to_json
from shared.report.run_files import store_record, stored_record


def write_haic_record(run_dir: Path, record: HaicRecord) -> Path:
    """Write a record as ``run.json`` into a run's folder, whole or not at all.

    Returns:
        The file written.

    Raises:
        SettingsError: If a number of the record is not finite.
    """
    return store_record(run_dir, haic_to_json(record))


def read_haic_record(run_dir: Path) -> HaicRecord:
    """Read ``run.json`` of a run's folder.

    Raises:
        SettingsError: If there is none, or it is not a record of this version.
    """
    return haic_from_json(stored_record(run_dir))


def record_digest(record: HaicRecord) -> str:
    """Give the SHA-256 of a record's content, hex: equal records have equal digests."""
    text = json.dumps(
        haic_to_json(record),
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
