"""The site's manifest: one row per patient, with everything that is wrong with it.

Columns (any order, any case): ``patient_id`` and ``response`` (RECIST 1.1) are required;
``study_uid``, ``liver_lower_mm`` and ``liver_upper_mm``, ``liver_mask`` (a file), ``split``
(training or held_out) and a column per role of a series (``portal_series`` for CT,
``t1_arterial_series`` for MRI: series number or UID that a person confirmed; a cell that begins
with ``?`` is a guess of ``hepafed site scan`` and does not count) may be given. The same file may
hold the clinical table, which ``client.clinical_rows`` reads. A wrong row is left out and the rest
is used.
Values are quoted only where they cannot be a patient's name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from client.image_roles import USED, series_column
from client.manifest_cells import (
    cell_problem,
    column_name,
    read_liver_mask,
    read_liver_range,
    read_response,
    read_split,
)
from client.table_file import read_table
from shared.cohort.analysis_columns import FOLLOW_UP
from shared.cohort.clinical import BY_NAME
from shared.cohort.fusion_columns import READERS
from shared.errors import Level, ManifestError, Problem
from shared.tasks.liver_range import LiverRange, LiverSource
from shared.vocabulary import ImageRole, RecistResponse, Split

REQUIRED_COLUMNS = ("patient_id", "response")
SERIES_COLUMNS = {series_column(role): role for roles in USED.values() for role in roles}
KNOWN_COLUMNS = (
    *REQUIRED_COLUMNS,
    "study_uid",
    "liver_lower_mm",
    "liver_upper_mm",
    "liver_mask",
    "split",
    *SERIES_COLUMNS,
)
CLINICAL_COLUMNS = (*BY_NAME, *FOLLOW_UP, *READERS, "site")
"""What the same file may hold of the clinical table."""

GUESS = "?"
"""Begins a cell that the software guessed and no person confirmed."""


@dataclass(frozen=True)
class ManifestRow:
    """One patient of the manifest.

    Attributes:
        case: Number of the row, from 1, without the header; names the patient in every message.
        patient_id: The hospital's identifier, as in DICOM PatientID; never leaves the site.
        study_uid: The study to use; empty where the patient has only one.
        response: Best response.
        liver_range_mm: Heights (DICOM z) of the liver's ends, or None.
        liver_mask: File with a mask of the liver, or None.
        split: What the manifest assigns, or None.
        series: Series numbers or UIDs that a person confirmed, by role.
    """

    case: int
    patient_id: str
    study_uid: str
    response: RecistResponse
    liver_range_mm: tuple[float, float] | None
    liver_mask: Path | None
    split: Split | None
    series: Mapping[ImageRole, str]

    @property
    def liver(self) -> LiverRange | None:
        """Give the liver's range with its source."""
        if self.liver_range_mm is None:
            return None
        return LiverRange(*self.liver_range_mm, LiverSource.MANIFEST)


@dataclass(frozen=True)
class Manifest:
    """The usable rows and everything wrong with the others.

    Attributes:
        rows: Usable rows, in the order of the file.
        patient_ids: Of all rows, usable or not.
        study_uids: Of all rows, usable or not.
        row_count: How many rows the file has.
        problems: Everything found; errors have cost their row.
        header: Columns, in lower case.
        cells: Cells of every row by column, by case.
    """

    rows: tuple[ManifestRow, ...]
    patient_ids: frozenset[str]
    study_uids: frozenset[str]
    row_count: int
    problems: tuple[Problem, ...]
    header: tuple[str, ...] = ()
    cells: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Args:
        path: A CSV or Parquet file; see ``client.table_file``. Masks lie below its folder.

    Returns:
        Usable rows and all problems.

    Raises:
        ManifestError: If it is no table, or a required column is missing.
    """
    table = read_table(path)
    if not table:
        raise ManifestError(
            "Expected a table with a header row, got an empty file. "
            f"Begin it with: {','.join(KNOWN_COLUMNS[:3])}."
        )
    header = [column_name(cell) for cell in table[0]]
    problems = _header_problems(header)
    records = [
        (number, dict(zip(header, (cell.strip() for cell in cells), strict=False)))
        for number, cells in enumerate(table[1:], 1)
        if any(cell.strip() for cell in cells)
    ]
    return _manifest(header, records, path.parent.resolve(), problems)


def _header_problems(header: Sequence[str]) -> list[Problem]:
    known = {*KNOWN_COLUMNS, *CLINICAL_COLUMNS}
    unknown = [name for name in header if name and name not in known]
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    problems = [_missing_column(name, unknown) for name in missing]
    problems += [
        Problem("header", f"column {name} twice", "every column once", "Remove one of them.")
        for name, count in Counter(header).items()
        if count > 1 and name in known
    ]
    if problems:
        raise ManifestError("The manifest cannot be used.", problems)
    if unknown:
        return [
            Problem(
                "header",
                f"{len(unknown)} further column(s)",
                f"columns of {', '.join(KNOWN_COLUMNS)}, or of the clinical table",
                "Nothing to do: they are ignored.",
                Level.INFO,
            )
        ]
    return []


def _missing_column(name: str, unknown: Sequence[str]) -> Problem:
    near = get_close_matches(name, unknown, n=1)
    fix = f"Rename the column '{near[0]}' to '{name}'." if near else f"Add a column '{name}'."
    return Problem("header", f"no column {name}", f"a column {name}", fix)


def _manifest(
    header: Sequence[str],
    records: Sequence[tuple[int, dict[str, str]]],
    folder: Path,
    problems: list[Problem],
) -> Manifest:
    counts = Counter(record.get("patient_id", "") for _, record in records)
    assigned = any(record.get("split") for _, record in records)
    rows: list[ManifestRow] = []
    problems += _guesses([record for _, record in records])
    for case, record in records:
        found: list[Problem] = []
        row = _row(case, record, folder, found)
        if counts[row.patient_id] > 1 and row.patient_id:
            found.append(
                Problem(
                    f"case {case}, column patient_id",
                    f"an identifier that {counts[row.patient_id]} rows share",
                    "one row per patient",
                    "Keep one row, or correct the identifier; none of these rows is used.",
                )
            )
        if assigned and row.split is None and not record.get("split"):
            found.append(cell_problem(case, "split", "", "training or held_out, as in other rows"))
        problems += found
        if not found:
            rows.append(row)
    return Manifest(
        rows=tuple(rows),
        patient_ids=frozenset(counts),
        study_uids=frozenset(record.get("study_uid", "") for _, record in records),
        row_count=len(records),
        problems=tuple(problems),
        header=tuple(header),
        cells=dict(records),
    )


def _guesses(records: Sequence[Mapping[str, str]]) -> list[Problem]:
    count = sum(r.get(column, "").startswith(GUESS) for r in records for column in SERIES_COLUMNS)
    if not count:
        return []
    return [
        Problem(
            "manifest",
            f"{count} guessed series that nobody confirmed",
            "series that a person confirmed",
            "Nothing to do where headers tell what it is; to confirm a guess, delete its '?'.",
            Level.INFO,
        )
    ]


def _row(
    case: int, record: Mapping[str, str], folder: Path, problems: list[Problem]
) -> ManifestRow:
    patient_id = record.get("patient_id", "")
    if not patient_id:
        problems.append(
            cell_problem(case, "patient_id", "", "the identifier used in DICOM PatientID")
        )
    return ManifestRow(
        case=case,
        patient_id=patient_id,
        study_uid=record.get("study_uid", ""),
        response=read_response(case, record.get("response", ""), problems),
        liver_range_mm=read_liver_range(case, record, problems),
        liver_mask=read_liver_mask(case, record.get("liver_mask", ""), folder, problems),
        split=read_split(case, record.get("split", ""), problems),
        series={
            role: record[column]
            for column, role in SERIES_COLUMNS.items()
            if record.get(column) and not record[column].startswith(GUESS)
        },
    )
