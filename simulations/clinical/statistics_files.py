"""Everything that a cohort's statistics are written as: text, CSV, JSON, figures, one page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from shared.report.drawings import Drawing
from shared.report.figure_data import csv_text
from shared.report.figures import png_bytes, svg_text
from shared.report.page import Section
from shared.report.statistics_page import render_statistics
from shared.report.tables import Table
from shared.report.wording import listed
from simulations.clinical.differences import largest
from simulations.clinical.released_baseline import Row, baseline_rows, withheld_categories
from simulations.clinical.released_rows import (
    difference_rows,
    model_rows,
    regression_rows,
    survival_rows,
)
from simulations.clinical.statistics_drawings import draw_statistics
from simulations.clinical.statistics_tables import (
    WORD_COLUMNS,
    baseline_table,
    differences_table,
    model_table,
    plain_text,
    regression_table,
    survival_table,
)
from simulations.clinical.statistics_words import (
    curve_sentence,
    headline,
    reading_points,
    summary_sentences,
)
from simulations.clinical.study import FEDERATED, POOLED, TOLERANCES, Statistics

PAGE_NAME = "statistics.html"
JSON_NAME = "statistics.json"


@dataclass(frozen=True)
class Written:
    """What was written, and what a command prints of it."""

    text: str
    data: dict[str, object]
    files: tuple[Path, ...]


def write_statistics(statistics: Statistics, out: Path) -> Written:
    """Write all files of a cohort's statistics into a folder.

    Args:
        statistics: From ``compute_statistics``.
        out: Folder; made when missing, its files of the same names replaced.

    Returns:
        What a command prints, and the files.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = _rows(statistics)
    tables = _tables(statistics, rows)
    drawings = draw_statistics(statistics)
    written = [_write(out / f"{name}.csv", _csv(found)) for name, found in rows.items()]
    for name, drawing in drawings.items():
        written.append(_write(out / f"{name}.svg", svg_text(drawing.figure, text_as_paths=True)))
        (out / f"{name}.png").write_bytes(png_bytes(drawing.figure))
        written += [out / f"{name}.png", _write(out / f"{name}.csv", drawing.csv)]
    data = _data(statistics, rows)
    written.append(_write(out / JSON_NAME, json.dumps(data, indent=1, allow_nan=False) + "\n"))
    written.append(_write(out / PAGE_NAME, _page(statistics, tables, drawings)))
    blocks = [*summary_sentences(statistics), "", *(f"{plain_text(t)}\n" for t in tables.values())]
    blocks += [*reading_points(statistics), "", f"Page: {out / PAGE_NAME}"]
    return Written("\n".join(blocks), {**data, "folder": str(out)}, tuple(written))


def _rows(statistics: Statistics) -> dict[str, list[Row]]:
    minimum, paper = statistics.choices.smallest_shown, statistics.choices.paper_mode
    rows: dict[str, list[Row]] = {name: [] for name in ("table1", "table2", "survival", "models")}
    for how in (FEDERATED, POOLED):
        results = statistics.results[how]
        hidden = withheld_categories(results.baseline, minimum)
        found = {
            "table1": baseline_rows(results.baseline, minimum),
            "table2": regression_rows(results.regression, hidden, paper_mode=paper),
            "survival": survival_rows(results.survival, minimum),
            "models": model_rows(results),
        }
        for name, own in found.items():
            rows[name] += [{"computed": how, **row} for row in own]
    rows["differences"] = difference_rows(statistics)
    return rows


def _tables(statistics: Statistics, rows: dict[str, list[Row]]) -> dict[str, Table]:
    def ours(name: str) -> list[Row]:
        return [row for row in rows[name] if row["computed"] == FEDERATED]

    patients = statistics.results[FEDERATED].baseline.patients
    tables = {
        "patients": baseline_table(ours("table1"), patients),
        "regression": regression_table(ours("table2")),
        "survival": survival_table(ours("survival")),
    }
    if ours("models"):
        tables["models"] = model_table(ours("models"))
    tables["differences"] = differences_table(statistics)
    return tables


def _data(statistics: Statistics, rows: dict[str, list[Row]]) -> dict[str, object]:
    choices = statistics.choices
    return {
        "hepafed": version("hepafed"),
        "patients": statistics.results[FEDERATED].baseline.patients[0],
        "excluded_rows": statistics.excluded,
        "sites": statistics.site_patients,
        "seed": choices.seed,
        "paper_mode": choices.paper_mode,
        "minimum_count": choices.smallest_shown,
        **{name: found for name, found in rows.items() if name != "differences"},
        "largest_differences": [
            {
                "table": item.table,
                "numbers": item.numbers,
                "absolute": item.absolute,
                "absolute_at": item.absolute_at,
                "relative": item.relative,
                "relative_at": item.relative_at,
                "one_side_only": item.one_sided,
                "expected_below": TOLERANCES.get(item.table),
            }
            for item in largest(statistics.differences)
        ],
        "agrees": all(
            item.within(TOLERANCES[item.table])
            for item in statistics.differences
            if item.table in TOLERANCES
        ),
        "notes": reading_points(statistics),
    }


def _page(statistics: Statistics, tables: dict[str, Table], drawings: dict[str, Drawing]) -> str:
    curves = tuple(drawing for name, drawing in drawings.items() if name.startswith("fig_km"))
    roc = tuple(drawing for name, drawing in drawings.items() if name == "fig_roc")
    sections = [
        Section(
            "summary",
            "Summary",
            sentences=tuple(summary_sentences(statistics)),
            headline=headline(statistics),
        ),
        Section("patients", "Patients", tables=(tables["patients"],)),
        Section("regression", "Progressive disease", tables=(tables["regression"],)),
        Section(
            "survival",
            "Survival",
            sentences=(curve_sentence(statistics),) if curves else (),
            tables=(tables["survival"],),
            drawings=curves,
        ),
    ]
    if "models" in tables:
        sections.append(
            Section("models", "Clinical models", tables=(tables["models"],), drawings=roc)
        )
    sections += [
        Section("differences", "Federated against pooled", tables=(tables["differences"],)),
        Section("reading", "How to read this", points=tuple(reading_points(statistics))),
    ]
    sites = listed(tuple(f"{name} ({n})" for name, n in statistics.site_patients.items()))
    return render_statistics(
        "Clinical statistics over sites",
        f"Sites: {sites} · seed {statistics.choices.seed} · {statistics.seconds:.1f} s federated",
        sections,
        f"Written by HepaFed {version('hepafed')}. The numbers behind this page are in the CSV "
        "files and statistics.json beside it.",
        WORD_COLUMNS,
    )


def _csv(rows: Sequence[Row]) -> str:
    return csv_text(tuple(rows[0]), (tuple(row.values()) for row in rows)) if rows else ""


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
