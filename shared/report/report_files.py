"""The report on disk: the page, the tidy table, and every figure with the numbers behind it."""

from collections.abc import Iterable
from pathlib import Path

from shared.report.drawings import Drawing, draw_all
from shared.report.figures import png_bytes, svg_text
from shared.report.page import render_report
from shared.report.run_record import RunRecord
from shared.report.tidy import tidy_csv

REPORT_NAME = "report.html"
TIDY_NAME = "tidy.csv"
FIGURES_NAME = "figures"


def write_report(run_dir: Path, record: RunRecord) -> Path:
    """Write ``report.html``, ``tidy.csv`` and ``figures/fig_*.{svg,png,csv}`` into a run's folder.

    Returns:
        The page written.
    """
    drawings = draw_all(record)
    page = render_report(record, drawings)
    return write_report_files(run_dir, page, tidy_csv(record), drawings.values())


def write_report_files(run_dir: Path, page: str, tidy: str, drawings: Iterable[Drawing]) -> Path:
    """Write a page, its tidy table, and every figure as SVG, PNG and CSV.

    Args:
        run_dir: The run's folder.
        page: HTML.
        tidy: CSV.
        drawings: The figures.

    Returns:
        The page written.
    """
    folder = run_dir / FIGURES_NAME
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in drawings:
        (folder / f"{drawing.name}.svg").write_text(
            svg_text(drawing.figure, text_as_paths=True), encoding="utf-8"
        )
        (folder / f"{drawing.name}.png").write_bytes(png_bytes(drawing.figure))
        (folder / f"{drawing.name}.csv").write_text(drawing.csv, encoding="utf-8")
    (run_dir / TIDY_NAME).write_text(tidy, encoding="utf-8")
    target = run_dir / REPORT_NAME
    target.write_text(page, encoding="utf-8")
    return target
