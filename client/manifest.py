"""The site's manifest: one row per patient, with everything that is wrong with it.

Columns (any order, any case): ``patient_id`` and ``response`` (RECIST 1.1) are required;
``study_uid``, ``liver_lower_mm`` and ``liver_upper_mm``, ``liver_mask`` (a file), ``split``
(training or held_out), ``plain_series``, ``arterial_series``, ``portal_series``,
``delayed_series`` (series number or UID that a person confirmed; a cell that begins with ``?`` is a
guess of ``hepafed site scan`` and does not count) may be given. The same file may hold the clinical
variables, which ``client.clinical_file`` reads. A wrong row is left out and the rest is used.
Values are quoted only where they cannot be a patient's name.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from client.table_file import read_table
from shared.cohort.clinical import BY_NAME
from shared.errors import Level, ManifestError, Problem
from shared.vocabulary import CtPhase, RecistResponse, Split

REQUIRED_COLUMNS = ("patient_id", "response")
SERIES_COLUMNS = {f"{phase.value}_series": phase for phase in CtPhase}
KNOWN_COLUMNS = (
    *REQUIRED_COLUMNS,
    "study_uid",
    "liver_lower_mm",
    "liver_upper_mm",
    "liver_mask",
    "split",
    *SERIES_COLUMNS,
)
GUESS = "?"
"""Begins a cell that the software guessed and no person confirmed."""

_RESPONSES = {
    **{response.value.lower(): response for response in RecistResponse},
    "complete response": RecistResponse.COMPLETE,
    "partial response": RecistResponse.PARTIAL,
    "stable disease": RecistResponse.STABLE,
    "progressive disease": RecistResponse.PROGRESSIVE,
}
_SPLITS = {Split.TRAINING.value: Split.TRAINING, Split.HELD_OUT.value: Split.HELD_OUT}
_HARMLESS_LENGTH = 4  # a mistyped code; longer words are quoted only if close to a known one


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
        series: Series numbers or UIDs that a person confirmed, by phase.
    """

    case: int
    patient_id: str
    study_uid: str
    response: RecistResponse
    liver_range_mm: tuple[float, float] | None
    liver_mask: Path | None
    split: Split | None
    series: Mapping[CtPhase, str]


@dataclass(frozen=True)
class Manifest:
    """The usable rows and everything wrong with the others.

    Attributes:
        rows: Usable rows, in the order of the file.
        patient_ids: Of all rows, usable or not.
        study_uids: Of all rows, usable or not.
        row_count: How many rows the file has.
        problems: Everything found; errors have cost their row.
    """

    rows: tuple[ManifestRow, ...]
    patient_ids: frozenset[str]
    study_uids: frozenset[str]
    row_count: int
    problems: tuple[Problem, ...]


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
    header = [_column_name(cell) for cell in table[0]]
    problems = _header_problems(header)
    records = [
        (number, dict(zip(header, (cell.strip() for cell in cells), strict=False)))
        for number, cells in enumerate(table[1:], 1)
        if any(cell.strip() for cell in cells)
    ]
    return _rows(records, path.parent.resolve(), problems)


def _column_name(cell: str) -> str:
    return "_".join(cell.strip().lower().replace("-", " ").split())


def _header_problems(header: Sequence[str]) -> list[Problem]:
    known = {*KNOWN_COLUMNS, *BY_NAME}
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
                f"columns of {', '.join(KNOWN_COLUMNS)}, or clinical variables",
                "Nothing to do: they are ignored.",
                Level.INFO,
            )
        ]
    return []


def _missing_column(name: str, unknown: Sequence[str]) -> Problem:
    near = get_close_matches(name, unknown, n=1)
    fix = f"Rename the column '{near[0]}' to '{name}'." if near else f"Add a column '{name}'."
    return Problem("header", f"no column {name}", f"a column {name}", fix)


def _rows(
    records: Sequence[tuple[int, dict[str, str]]], folder: Path, problems: list[Problem]
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
            found.append(_cell(case, "split", "", "training or held_out, as in other rows"))
        problems += found
        if not found:
            rows.append(row)
    return Manifest(
        rows=tuple(rows),
        patient_ids=frozenset(counts),
        study_uids=frozenset(record.get("study_uid", "") for _, record in records),
        row_count=len(records),
        problems=tuple(problems),
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
            "Nothing to do where headers tell the phase; to confirm a guess, delete its '?'.",
            Level.INFO,
        )
    ]


def _row(
    case: int, record: Mapping[str, str], folder: Path, problems: list[Problem]
) -> ManifestRow:
    patient_id = record.get("patient_id", "")
    if not patient_id:
        problems.append(_cell(case, "patient_id", "", "the identifier used in DICOM PatientID"))
    return ManifestRow(
        case=case,
        patient_id=patient_id,
        study_uid=record.get("study_uid", ""),
        response=_response(case, record.get("response", ""), problems),
        liver_range_mm=_liver_range(case, record, problems),
        liver_mask=_liver_mask(case, record.get("liver_mask", ""), folder, problems),
        split=_split(case, record.get("split", ""), problems),
        series={
            phase: record[column]
            for column, phase in SERIES_COLUMNS.items()
            if record.get(column) and not record[column].startswith(GUESS)
        },
    )


def _response(case: int, word: str, problems: list[Problem]) -> RecistResponse:
    response = _RESPONSES.get(" ".join(word.lower().replace("_", " ").split()))
    if response is None:
        problems.append(_cell(case, "response", word, "CR, PR, SD or PD", tuple(_RESPONSES)))
        return RecistResponse.STABLE  # the row is left out
    return response


def _split(case: int, word: str, problems: list[Problem]) -> Split | None:
    split = _SPLITS.get(_column_name(word))
    if word and split is None:
        problems.append(_cell(case, "split", word, "training or held_out", tuple(_SPLITS)))
    return split


def _liver_range(
    case: int, record: Mapping[str, str], problems: list[Problem]
) -> tuple[float, float] | None:
    texts = {name: record.get(name, "") for name in ("liver_lower_mm", "liver_upper_mm")}
    if not any(texts.values()):
        return None
    ends: list[float] = []
    for column, text in texts.items():
        value = _millimetres(text)
        if value is None:
            problems.append(_cell(case, column, text, "a height in millimetres"))
        else:
            ends.append(value)
    if len(ends) < len(texts):
        return None
    if ends[0] == ends[1]:
        problems.append(_cell(case, "liver_upper_mm", "", "another height than liver_lower_mm"))
    return min(ends), max(ends)


def _liver_mask(case: int, text: str, folder: Path, problems: list[Problem]) -> Path | None:
    """Find the mask's file; links and ``..`` must not lead out of the manifest's folder."""
    if not text:
        return None
    got = "a file that is not there"
    try:
        path = (folder / text.replace("\\", "/")).resolve()
        if not path.is_relative_to(folder):
            got = "a path out of the manifest's folder"
        elif path.is_file():
            return path
    except (OSError, ValueError):
        got = "a name that no file can have"
    problems.append(
        Problem(
            f"case {case}, column liver_mask",
            got,
            "a file below the manifest's folder, named relative to it",
            "Correct the cell, or empty it; until then the row is left out.",
        )
    )
    return None


def _millimetres(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))  # decimal comma of Central European tables
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _cell(case: int, column: str, got: str, expected: str, known: Sequence[str] = ()) -> Problem:
    near = get_close_matches(got.lower(), list(known), n=1)
    if not got:
        shown = "nothing"
    else:
        shown = repr(got) if near or len(got) <= _HARMLESS_LENGTH else "another text"
    fix = f"Did you mean '{near[0]}'?" if near else "Correct the cell; until then it is left out."
    return Problem(f"case {case}, column {column}", shown, expected, fix)
