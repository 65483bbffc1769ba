"""The hospital's clinical table: a CSV file to checked rows."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.cohort.clinical_table import ClinicalTable, parse_clinical_table
from shared.errors import Level, ManifestError, Problem

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
    """Read a cohort and check its values.

    Args:
        path: As for ``read_clinical_cells``.

    Returns:
        The rows without errors, and every problem found.

    Raises:
        ManifestError: When the file is not a table, columns are missing, or no row can be used.
    """
    header, rows = read_clinical_cells(path)
    table, problems = parse_clinical_table(header, rows)
    return ClinicalCohort(table, (*problems, *_repeated(header, rows)), len(rows))


def read_clinical_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read the cells of a table: UTF-8, with or without a byte-order mark, commas or semicolons.

    In a file with semicolons, a comma inside a number is a decimal point.

    Args:
        path: The file; its first line names the columns.

    Returns:
        The header, and the rows below it.

    Raises:
        ManifestError: When the file is not a table.
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
    return header, rows


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
