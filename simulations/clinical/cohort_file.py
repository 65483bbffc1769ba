"""A clinical cohort from a CSV file, and its division into sites."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.cohort.clinical_table import ClinicalTable, parse_clinical_table
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.errors import DataError, Level, ManifestError, Problem
from shared.fusion.folds import assign_folds
from shared.privacy.disclosure_rules import MINIMUM_COUNT

DEFAULT_SITES = 3
"""Sites a cohort without a site column is divided into: the fewest a sum may hold."""

_DECIMAL_COMMA = re.compile(r"^\s*-?\d+,\d+\s*$")


@dataclass(frozen=True)
class ClinicalCohort:
    """Patients of a file that can be used.

    Attributes:
        table: Their checked rows.
        problems: Everything found, of whatever level.
        rows: Rows in the file.
    """

    table: ClinicalTable
    problems: tuple[Problem, ...]
    rows: int

    @property
    def excluded(self) -> int:
        """Count the rows that were left out."""
        return self.rows - len(self.table.responses)


def read_clinical_csv(path: Path) -> ClinicalCohort:
    """Read a cohort: UTF-8 with or without a byte-order mark, commas or semicolons.

    In a file with semicolons, a comma inside a number is a decimal point.

    Args:
        path: The file; its first line names the columns.

    Returns:
        The rows without errors, and every problem found.

    Raises:
        ManifestError: When the file is not a table, columns are missing, or no row can be used.
    """
    if not path.is_file():
        raise ManifestError(f"Expected a CSV file, got no such file: {path}. Check the name.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"Expected UTF-8, got another encoding in {path.name}. In the spreadsheet choose "
            "'CSV UTF-8' when saving."
        ) from error
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    try:
        lines = list(csv.reader(text.splitlines(), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ManifestError(
            f"Expected a CSV table, got a line that cannot be read in {path.name} ({error}). "
            "Save it again from the spreadsheet."
        ) from error
    while lines and not any(cell.strip() for cell in lines[-1]):
        lines.pop()
    if not lines:
        raise ManifestError(f"Expected a table, got an empty file: {path.name}.")
    header, rows = lines[0], lines[1:]
    if separator == ";":
        rows = [[_with_point(cell) for cell in row] for row in rows]
    table, problems = parse_clinical_table(header, rows)
    return ClinicalCohort(table, (*problems, *_repeated(header, rows)), len(rows))


def problem_lines(cohort: ClinicalCohort) -> list[str]:
    """Set every problem in one table of plain text; nothing when there is none."""
    if not cohort.problems:
        return []
    cells = [("", "Where", "Got", "Expected", "What to do")]
    cells += [(p.level.value, p.where, p.got, p.expected, p.fix) for p in cohort.problems]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[4]]).strip()
        for line in cells
    ]
    return [*lines, f"{cohort.excluded} of {cohort.rows} rows left out."]


def divide(table: ClinicalTable, sites: int | None, seed: int) -> dict[str, ClinicalTable]:
    """Divide a cohort into sites: by its site column, or at random within both classes.

    Args:
        table: The cohort.
        sites: How many to deal the patients to; None for the site column where there is one.
        seed: Of the dealing.

    Returns:
        The sites' tables by name.

    Raises:
        DataError: When some patients have no site, or a site has too few patients to take part.
    """
    if sites is None and any(table.sites):
        names: Sequence[str] = table.sites
        unnamed = sum(1 for name in names if not name)
        if unnamed:
            raise DataError(
                f"Expected a site for every patient or for none, got none for {unnamed} of "
                f"{len(names)}. Fill the column, or divide the patients with --sites."
            )
    else:
        names = _dealt(table, DEFAULT_SITES if sites is None else sites, seed)
    chosen = np.array(names)
    parts = {name: table.rows(np.flatnonzero(chosen == name)) for name in sorted(set(names))}
    _refuse_small(parts)
    return parts


def _dealt(table: ClinicalTable, sites: int, seed: int) -> list[str]:
    events = np.array([PROGRESSIVE_DISEASE.is_event(word) for word in table.responses], dtype=bool)
    places = (
        assign_folds(events, sites, np.random.default_rng(seed))
        if sites > 1
        else np.zeros(events.size, dtype=np.int64)
    )
    digits = len(str(sites))
    return [f"site-{place + 1:0{digits}d}" for place in places]


def _refuse_small(parts: Mapping[str, ClinicalTable]) -> None:
    problems = [
        Problem(
            f"site '{name}'",
            f"{len(part.responses)} patients",
            f"at least {MINIMUM_COUNT} patients",
            "Join it to another site, or divide the patients with --sites.",
        )
        for name, part in parts.items()
        if len(part.responses) < MINIMUM_COUNT
    ]
    if problems:
        raise DataError("Sites with few patients cannot take part.", problems)


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if _DECIMAL_COMMA.match(cell) else cell


def _repeated(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Problem]:
    """Name rows that repeat an earlier row's identifier, without the identifier."""
    names = [name.strip().lower() for name in header]
    if "patient_id" not in names:
        return []
    place = names.index("patient_id")
    first: dict[str, int] = {}
    problems = []
    for number, row in enumerate(rows, start=2):
        identifier = row[place].strip() if place < len(row) else ""
        if not identifier:
            continue
        earlier = first.setdefault(identifier, number)
        if earlier != number:
            problems.append(
                Problem(
                    f"row {number}, patient_id",
                    f"the identifier of row {earlier}",
                    "one row per patient",
                    "Keep one of the two rows; both are counted now.",
                    Level.WARNING,
                )
            )
    return problems
