"""The report of a finished run, made again from its stored record, of whichever study."""

from collections.abc import Mapping
from pathlib import Path

from shared.report.haic_files import read_haic_record
from shared.report.haic_record import HAIC_FORMAT
from shared.report.haic_report import write_haic_report
from shared.report.report_files import write_report
from shared.report.run_files import read_run_record, stored_record


def write_stored_report(run_dir: Path) -> Path:
    """Write the report of the record that lies in a run's folder.

    Args:
        run_dir: Folder of a finished run.

    Returns:
        The page written.

    Raises:
        SettingsError: If there is no record, or none of a version this software knows.
    """
    stored = stored_record(run_dir)
    if isinstance(stored, Mapping) and stored.get("format") == HAIC_FORMAT:
        return write_haic_report(run_dir, read_haic_record(run_dir))
    return write_report(run_dir, read_run_record(run_dir))
