"""The researcher's commands for clinical tables: an invented cohort, and its statistics."""

from pathlib import Path
from typing import Annotated

import typer

from shared.report.console import Format, emit, say

FormatOption = Annotated[Format, typer.Option("--format", help="What to print on standard output.")]


def clinical(
    out: Annotated[Path, typer.Argument(help="CSV file to write.")],
    patients: Annotated[
        int, typer.Option(min=10, help="127 meets the published 2x2 tables exactly.")
    ] = 127,
    sites: Annotated[int, typer.Option(min=1, help="Hospitals, of uneven size.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    form: FormatOption = Format.TEXT,
) -> None:
    """Write an invented clinical cohort: 27 variables, response and survival.

    Margins follow Table 1 of Quan 2024; with 127 patients the odds ratios of its nine yes/no
    variables are met to the last printed digit.
    """
    import numpy as np

    from simulations.synthetic.clinical import draw_clinical_rows, write_clinical_csv

    names = [f"site-{number}" for number in range(1, sites + 1)]
    rows = draw_clinical_rows(patients, names, np.random.default_rng(seed))
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as stream:
        write_clinical_csv(rows, stream)
    emit(
        {"file": str(out), "patients": patients, "sites": names},
        f"{patients} invented patients of {sites} sites in {out}.\n"
        f"Next: hepafed stats {out} --out runs/statistics",
        form,
    )


def stats(
    cohort: Annotated[Path, typer.Argument(help="CSV file; see docs/statistics.md.")],
    out: Annotated[Path, typer.Option(help="Folder for tables, figures and the page.")],
    sites: Annotated[
        int | None,
        typer.Option(
            min=1, help="Deal the patients to so many sites; without it the site column counts."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 1,
    paper_mode: Annotated[
        bool, typer.Option("--paper-mode", help="As published: cycles, and values per unit.")
    ] = False,
    minimum_count: Annotated[
        int, typer.Option(min=5, help="Smaller counts are withheld; may only be raised.")
    ] = 5,
    show_small_counts: Annotated[
        bool, typer.Option("--show-small-counts", help="Withhold nothing: your own data.")
    ] = False,
    models: Annotated[bool, typer.Option(help="Also train the clinical models.")] = True,
    form: FormatOption = Format.TEXT,
) -> None:
    """Compute a cohort's statistics over sites, from sums alone, beside the pooled ones.

    Table 1, odds ratios for progressive disease, survival by subgroup, two clinical models; every
    number both ways, with the largest difference.
    """
    from client.clinical_file import read_clinical_csv
    from simulations.clinical.cohort_file import problem_lines
    from simulations.clinical.statistics_files import write_statistics
    from simulations.clinical.study import Choices, compute_statistics

    read = read_clinical_csv(cohort)
    for line in problem_lines(read):
        say(line)
    choices = Choices(sites, seed, paper_mode, minimum_count, show_small_counts, models)
    written = write_statistics(compute_statistics(read, choices), out)
    emit({**written.data, "problems": [p.sentence() for p in read.problems]}, written.text, form)
