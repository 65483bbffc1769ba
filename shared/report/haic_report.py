"""The report of a run on MRI and clinic on disk: the page, the tidy table and every figure."""

from pathlib import Path

from shared.report.drawings import Drawing
from shared.report.haic_figures import result_drawings
from shared.report.haic_loss_figures import loss_drawings
from shared.report.haic_page import render_haic_report
from shared.report.haic_record import HaicRecord
from shared.report.haic_run_tables import scored_by_sequence
from shared.report.haic_tidy import haic_tidy_csv
from shared.report.report_files import write_report_files
from shared.report.sign_off import read_sign_off


def draw_haic(record: HaicRecord) -> dict[str, Drawing]:
    """Draw every figure the record has numbers for, by name."""
    drawn = (
        *result_drawings(record, by_sequence=scored_by_sequence(record)),
        *loss_drawings(record),
    )
    return {drawing.name: drawing for drawing in drawn}


def write_haic_report(run_dir: Path, record: HaicRecord) -> Path:
    """Write ``report.html``, ``tidy.csv`` and ``figures/fig_*.{svg,png,csv}`` into a run's folder.

    The page shows who signed the run off, if ``sign_off.json`` lies there, and whether that holds
    for this record.

    Args:
        run_dir: The run's folder.
        record: Of the run.

    Returns:
        The page written.

    Raises:
        SettingsError: If the folder holds a sign-off that cannot be read.
    """
    drawings = draw_haic(record)
    page = render_haic_report(record, drawings, read_sign_off(run_dir))
    return write_report_files(run_dir, page, haic_tidy_csv(record), drawings.values())
