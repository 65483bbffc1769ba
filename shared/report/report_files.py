"""The report on disk: the page, the tidy table, and every figure with the numbers behind it."""

from pathlib import Path

from shared.report.drawings import draw_all
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
    folder = run_dir / FIGURES_NAME
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in drawings.items():
        (folder / f"{name}.svg").write_text(
            svg_text(drawing.figure, text_as_paths=True), encoding="utf-8"
        )
        (folder / f"{name}.png").write_bytes(png_bytes(drawing.figure))
        (folder / f"{name}.csv").write_text(drawing.csv, encoding="utf-8")
    (run_dir / TIDY_NAME).write_text(tidy_csv(record), encoding="utf-8")
    page = run_dir / REPORT_NAME
    page.write_text(render_report(record, drawings), encoding="utf-8")
    return page
