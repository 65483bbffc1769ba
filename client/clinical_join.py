"""Which clinical row belongs to which row of the manifest, and what is wrong with either.

The clinical table is a file of its own, or further columns of the manifest. A value that cannot be
right costs its patient; a value that is missing does not.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from client.clinical_file import read_clinical_cells
from client.manifest import CLINICAL_COLUMNS, Manifest, ManifestRow
from client.manifest_cells import column_name
from client.site_settings import SiteSettings
from shared.cohort.analysis_columns import site_columns
from shared.cohort.clinical import BY_NAME
from shared.cohort.clinical_table import ClinicalTable, parse_clinical_table
from shared.cohort.fusion_columns import READERS
from shared.errors import Level, ManifestError, Problem, SettingsError
from shared.messages.moments import SiteColumns
from shared.vocabulary import RecistResponse

_MISSING = {"", "na", "n/a", "nan", "null", "-", "."}
_CALLS = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}
_HARMLESS = re.compile(r"'?[-+0-9.,eE]*'?|.{0,6}", re.DOTALL)
"""A number or a code; a longer text in the wrong cell may be a name and is not repeated."""
_FIRST_ROW = 2  # below the header, as a spreadsheet counts


@dataclass(frozen=True)
class ClinicalPatients:
    """Patients of the manifest whose clinical row can be used.

    Attributes:
        cases: Their rows of the manifest, growing.
        columns: Every column of the analyses and the readers' calls; NaN is missing.
        problems: Everything found, by case or by row of the clinical table.
        unmatched: Rows of the clinical table that belong to no row of the manifest.
    """

    cases: tuple[int, ...]
    columns: SiteColumns
    problems: tuple[Problem, ...]
    unmatched: int = 0


@dataclass(frozen=True)
class _Record:
    """One clinical row of a usable row of the manifest."""

    row: ManifestRow
    line: int | None
    cells: Mapping[str, str]

    def where(self, column: str) -> str:
        told = "" if self.line is None else f" (clinical row {self.line})"
        return f"case {self.row.case}, column {column}{told}"


def clinical_patients(site: SiteSettings, manifest: Manifest) -> ClinicalPatients:
    """Read the clinical table and give every row of the manifest its row there.

    Args:
        site: Names the clinical file; without one the manifest holds the columns.
        manifest: Of the site.

    Returns:
        The patients whose row can be used, and every problem.

    Raises:
        ManifestError: When the file is no table, or columns are missing.
        SettingsError: When there is no clinical table at all.
    """
    problems: list[Problem] = []
    unmatched = 0
    if site.clinical is None:
        header = _of_manifest(manifest)
        records = [_Record(row, None, manifest.cells[row.case]) for row in manifest.rows]
    else:
        header, records, unmatched = _of_file(site.clinical, manifest, problems)
    cases, table = _checked(header, records, problems)
    problems += _disagreements(records, cases, table)
    calls = {name: _calls(name, header, records, problems) for name in READERS}
    wrong = {p.where.partition(",")[0] for p in problems if p.level is Level.ERROR}
    keep = [place for place, case in enumerate(cases) if f"case {case}" not in wrong]
    kept = tuple(cases[place] for place in keep)
    columns: dict[str, np.ndarray] = {} if table is None else site_columns(table.rows(keep))
    for name, said in calls.items():
        columns[name] = np.array([said[case] for case in kept], dtype=np.float64)
    return ClinicalPatients(kept, columns, tuple(problems), unmatched)


def _of_manifest(manifest: Manifest) -> list[str]:
    header = [name for name in manifest.header if name in (*CLINICAL_COLUMNS, "response")]
    if not BY_NAME.keys() & set(header):
        raise SettingsError(
            "Expected a clinical table beside the images, got none. Add "
            "'clinical = \"clinical.csv\"' under [site] of the site settings, or add its columns "
            "to the manifest; 'hepafed site manifest-schema' lists them."
        )
    return header


def _of_file(
    path: Path, manifest: Manifest, problems: list[Problem]
) -> tuple[list[str], list[_Record], int]:
    """Join the file's rows to the manifest's by ``patient_id``."""
    cells, lines = read_clinical_cells(path)
    header = [column_name(cell) for cell in cells]
    if "patient_id" not in header:
        raise ManifestError(
            "The clinical table lacks a column.",
            [
                Problem(
                    "column 'patient_id'",
                    "no such column",
                    "the identifiers of the manifest, to join images and clinic",
                    "Add the column; it never leaves the site.",
                )
            ],
        )
    of_patient: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
    for number, line in enumerate(lines, start=_FIRST_ROW):
        record = dict(zip(header, (cell.strip() for cell in line), strict=False))
        of_patient[record.get("patient_id", "")].append((number, record))
    unmatched = 0
    for patient_id in of_patient.keys() - (manifest.patient_ids - {""}):
        unmatched += len(of_patient[patient_id])
        problems += [_stranger(number, patient_id) for number, _ in of_patient[patient_id]]
    problems.sort(key=lambda problem: int(problem.where.split()[2].rstrip(",")))
    records: list[_Record] = []
    for row in manifest.rows:
        found = of_patient.get(row.patient_id, [])
        if len(found) == 1:
            records.append(_Record(row, *found[0]))
        else:
            problems.append(_not_one(row.case, [number for number, _ in found]))
    return header, records, unmatched


def _stranger(number: int, patient_id: str) -> Problem:
    if not patient_id:
        return Problem(
            f"clinical row {number}, column patient_id",
            "nothing",
            "the patient's identifier, as in the manifest",
            "Fill the cell; until then the row is not used.",
        )
    return Problem(
        f"clinical row {number}, column patient_id",
        "a patient without images: the manifest has no row with this identifier",
        "a patient of the manifest",
        "Add the patient and the study to the manifest, or correct patient_id; until then the "
        "row is not used.",
    )


def _not_one(case: int, numbers: Sequence[int]) -> Problem:
    if not numbers:
        return Problem(
            f"case {case}, column patient_id",
            "images without a row in the clinical table",
            "one row of the clinical table with the same patient_id",
            "Add the patient there, or correct patient_id; until then the patient is left out.",
        )
    return Problem(
        f"case {case}, column patient_id",
        f"{len(numbers)} rows of the clinical table (rows {', '.join(map(str, numbers))})",
        "one row per patient",
        "Keep one of them, or correct the identifier; none of them is used until then.",
    )


def _checked(
    header: Sequence[str], records: Sequence[_Record], problems: list[Problem]
) -> tuple[tuple[int, ...], ClinicalTable | None]:
    """Check the values; give the cases of the rows that remain, with their table."""
    names = [name for name in header if name not in READERS]
    names += [] if "response" in names else ["response"]
    lines = [
        [_cell(record, name, from_manifest=name not in header) for name in names]
        for record in records
    ]
    try:
        table, found = parse_clinical_table(names, lines)
    except ManifestError as error:
        if records and not any(p.where.startswith("row ") for p in error.problems):
            raise
        table, found = None, error.problems
    wrong: set[int] = set()
    for problem in found:
        number, column = _place(problem)
        if number is None:
            problems.append(_of_header(problem))
            continue
        if problem.level is Level.ERROR:
            wrong.add(number)
        problems.append(_of_cell(problem, records[number].where(column)))
    kept = tuple(r.row.case for place, r in enumerate(records) if place not in wrong)
    return (kept if table is not None else ()), table


def _cell(record: _Record, name: str, *, from_manifest: bool) -> str:
    if name == "response" and (from_manifest or record.line is None):
        return record.row.response.value  # the manifest writes it in words, too
    return record.cells.get(name, "")


def _place(problem: Problem) -> tuple[int | None, str]:
    """Read the row of a problem, from 0, and its column."""
    match = re.fullmatch(r"row (\d+), (\w+)", problem.where)
    return (int(match[1]) - _FIRST_ROW, match[2]) if match else (None, "")


def _of_header(problem: Problem) -> Problem:
    return replace(problem, where=f"clinical table, {problem.where}")


def _of_cell(problem: Problem, where: str) -> Problem:
    got = problem.got if _HARMLESS.fullmatch(problem.got) else "another text"
    fix = problem.fix.rstrip(".")
    if problem.level is Level.ERROR:
        fix += "; until then the patient is left out"
    return replace(problem, where=where, got=got, fix=f"{fix}.")


def _disagreements(
    records: Sequence[_Record], cases: Sequence[int], table: ClinicalTable | None
) -> Iterator[Problem]:
    if table is None:
        return
    by_case = {record.row.case: record for record in records}
    for case, response in zip(cases, table.responses, strict=True):
        record = by_case[case]
        if response is not record.row.response:
            yield Problem(
                record.where("response"),
                f"{_word(response)} there and {_word(record.row.response)} in the manifest",
                "the same response in both",
                "Correct the wrong one; until then the patient is left out.",
            )


def _word(response: RecistResponse) -> str:
    return f"'{response.value}'"


def _calls(
    name: str, header: Sequence[str], records: Sequence[_Record], problems: list[Problem]
) -> dict[int, float]:
    """Read a reader's calls by case; NaN where a patient was not read."""
    calls: dict[int, float] = {}
    for record in records:
        text = record.cells.get(name, "") if name in header else ""
        calls[record.row.case] = _CALLS.get(text, math.nan)
        if text.lower() not in _MISSING and text not in _CALLS:
            problems.append(
                Problem(
                    record.where(name),
                    repr(text) if _HARMLESS.fullmatch(text) else "another text",
                    "1 (called progressive disease), 0 (did not), or nothing (not read)",
                    "Correct or empty the cell; until then the patient is left out.",
                )
            )
    return calls
