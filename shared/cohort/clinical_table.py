"""A clinical table: the 27 variables, response and follow-up of many patients, checked.

Columns are arrays; a missing value is NaN. Problems are collected over the whole table and name
row, column, value and remedy; a row with an error is left out and counted, the rest is used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from jaxtyping import Float64

from shared.cohort.clinical import (
    ALBI_GRADE_3_ABOVE,
    BY_NAME,
    VARIABLES,
    ClinicalVariable,
    Kind,
    albi_score,
)
from shared.errors import Level, ManifestError, Problem
from shared.vocabulary import RecistResponse

_FOLLOW_UP = ("os_days", "os_event", "pfs_days", "pfs_event")
_LONGEST_FOLLOW_UP_DAYS = 15_000  # about 40 years
_MISSING = {"", "na", "n/a", "nan", "null", "-", "."}


@dataclass(frozen=True)
class ClinicalTable:
    """Checked rows as columns.

    Attributes:
        columns: One array per clinical variable, in the order of ``VARIABLES``; NaN is missing.
        responses: Best response of every patient.
        sites: Site name of every patient; empty where the table has no such column.
        os_days: Overall survival, days from the first treatment; NaN where unknown.
        os_event: Whether the patient died.
        pfs_days: Progression-free survival, days.
        pfs_event: Whether the disease progressed or the patient died.
    """

    columns: Mapping[str, Float64[np.ndarray, " patient"]]
    responses: tuple[RecistResponse, ...]
    sites: tuple[str, ...]
    os_days: Float64[np.ndarray, " patient"]
    os_event: Float64[np.ndarray, " patient"]
    pfs_days: Float64[np.ndarray, " patient"]
    pfs_event: Float64[np.ndarray, " patient"]

    def rows(self, chosen: Sequence[int] | np.ndarray) -> "ClinicalTable":
        """Give the table of some patients only, in the order of their indices."""
        index = np.asarray(chosen, dtype=int)
        return ClinicalTable(
            {name: column[index] for name, column in self.columns.items()},
            tuple(self.responses[i] for i in index),
            tuple(self.sites[i] for i in index),
            self.os_days[index],
            self.os_event[index],
            self.pfs_days[index],
            self.pfs_event[index],
        )


def parse_clinical_table(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[ClinicalTable, tuple[Problem, ...]]:
    """Check a table of text cells.

    Args:
        header: Column names; case does not matter, unknown ones are ignored with a note.
        rows: Cells, one sequence per patient.

    Returns:
        The rows without errors, and every problem found.

    Raises:
        ManifestError: When columns are missing or no row can be used.
    """
    names = [name.strip().lower() for name in header]
    problems = _header_problems(names)
    parsed: list[dict[str, float | str]] = []
    for number, cells in enumerate(rows, start=2):  # row 1 is the header, as a spreadsheet counts
        record = dict(zip(names, cells, strict=False))
        found: list[Problem] = []
        values = _row(record, number, found)
        problems += found
        if not any(problem.level is Level.ERROR for problem in found):
            parsed.append(values)
    if not parsed:
        raise ManifestError("No row of the clinical table can be used.", problems)
    return _table(parsed), tuple(problems)


def _header_problems(names: Sequence[str]) -> list[Problem]:
    needed = [variable.name for variable in VARIABLES if not variable.derived]
    missing = [name for name in ("response", *needed) if name not in names]
    if missing:
        raise ManifestError(
            "The clinical table lacks columns.",
            [
                Problem(
                    f"column '{name}'",
                    "no such column",
                    BY_NAME[name].label if name in BY_NAME else "CR, PR, SD or PD",
                    _hint(name, names),
                )
                for name in missing
            ],
        )
    known = {*BY_NAME, *_FOLLOW_UP, "response", "site", "patient_id"}
    return [
        Problem(
            f"column '{name}'",
            "a column that is not used",
            "the columns of the schema",
            "Nothing to do.",
            Level.INFO,
        )
        for name in names
        if name not in known
    ]


def _hint(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"Rename '{near[0]}'?" if near else "Add the column; leave unknown values empty."


def _row(record: Mapping[str, str], number: int, problems: list[Problem]) -> dict[str, float | str]:
    word = record.get("response", "").strip().upper()
    if word not in set(RecistResponse):
        problems.append(
            Problem(
                f"row {number}, response",
                repr(word),
                "CR, PR, SD or PD",
                "Enter the best response by RECIST 1.1.",
            )
        )
    values: dict[str, float | str] = {"response": word, "site": record.get("site", "").strip()}
    for variable in VARIABLES:
        values[variable.name] = _value(variable, record, number, problems)
    for name in _FOLLOW_UP:
        values[name] = _follow_up(name, record.get(name, ""), number, problems)
    return values


def _number(text: str, where: str, problems: list[Problem]) -> float:
    cleaned = text.strip()
    if cleaned.lower() in _MISSING:
        return math.nan
    try:
        value = float(cleaned)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        problems.append(
            Problem(where, repr(cleaned), "a number, or nothing", "Correct or empty the cell.")
        )
        return math.nan
    return value


def _value(
    variable: ClinicalVariable, record: Mapping[str, str], number: int, problems: list[Problem]
) -> float:
    where = f"row {number}, {variable.name}"
    value = _number(record.get(variable.name, ""), where, problems)
    if math.isnan(value):
        return value
    if variable.kind is Kind.BINARY:
        if value not in {0.0, 1.0}:
            problems.append(
                Problem(
                    where,
                    f"{value:g}",
                    f"0 ({variable.zero}) or 1 ({variable.one})",
                    "Correct the cell.",
                )
            )
    elif not variable.low <= value <= variable.high:
        problems.append(
            Problem(
                where,
                f"{value:g}",
                f"{variable.label}, from {variable.low:g} to {variable.high:g}",
                "Check the unit (off by 10 or 1000?) and correct the cell.",
            )
        )
    return value


def _follow_up(name: str, text: str, number: int, problems: list[Problem]) -> float:
    where = f"row {number}, {name}"
    value = _number(text, where, problems)
    is_flag = name.endswith("_event")
    allowed = value in {0.0, 1.0} if is_flag else 0 < value <= _LONGEST_FOLLOW_UP_DAYS
    if not math.isnan(value) and not allowed:
        expected = "0 (censored) or 1 (happened)" if is_flag else "days after the first treatment"
        problems.append(Problem(where, f"{value:g}", expected, "Correct the cell."))
    return value


def _table(parsed: Sequence[Mapping[str, float | str]]) -> ClinicalTable:
    def column(name: str) -> Float64[np.ndarray, " patient"]:
        return np.array([float(row[name]) for row in parsed], dtype=np.float64)

    columns = {variable.name: column(variable.name) for variable in VARIABLES}
    _fill(columns, "nlr", columns["neutrophils_e9_l"] / columns["lymphocytes_e9_l"])
    _fill(columns, "plr", columns["platelets_e9_l"] / columns["lymphocytes_e9_l"])
    score = albi_score(columns["total_bilirubin_umol_l"], columns["albumin_g_l"])
    grade = np.where(np.isnan(score), np.nan, (score > ALBI_GRADE_3_ABOVE).astype(np.float64))
    _fill(columns, "albi_grade_3", grade)
    return ClinicalTable(
        columns,
        tuple(RecistResponse(str(row["response"])) for row in parsed),
        tuple(str(row["site"]) for row in parsed),
        *(column(name) for name in _FOLLOW_UP),
    )


def _fill(
    columns: dict[str, Float64[np.ndarray, " patient"]],
    name: str,
    derived: Float64[np.ndarray, " patient"],
) -> None:
    columns[name] = np.where(np.isnan(columns[name]), derived, columns[name])
