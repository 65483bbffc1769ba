"""Single cells of the manifest: each gives its value, or a problem with case, column and remedy.

Values are quoted only where they cannot be a patient's name.
"""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from shared.errors import Problem
from shared.vocabulary import RecistResponse, Split

_RESPONSES = {
    **{response.value.lower(): response for response in RecistResponse},
    "complete response": RecistResponse.COMPLETE,
    "partial response": RecistResponse.PARTIAL,
    "stable disease": RecistResponse.STABLE,
    "progressive disease": RecistResponse.PROGRESSIVE,
}
_SPLITS = {Split.TRAINING.value: Split.TRAINING, Split.HELD_OUT.value: Split.HELD_OUT}
_HARMLESS_LENGTH = 4  # a mistyped code; longer words are quoted only if close to a known one


def column_name(cell: str) -> str:
    """Fold a header's cell: case, blanks and hyphens do not matter."""
    return "_".join(cell.strip().lower().replace("-", " ").split())


def read_response(case: int, word: str, problems: list[Problem]) -> RecistResponse:
    """Read a RECIST response, as a code or in words."""
    response = _RESPONSES.get(" ".join(word.lower().replace("_", " ").split()))
    if response is None:
        problems.append(cell_problem(case, "response", word, "CR, PR, SD or PD", tuple(_RESPONSES)))
        return RecistResponse.STABLE  # the row is left out
    return response


def read_split(case: int, word: str, problems: list[Problem]) -> Split | None:
    """Read what a patient serves for; None for an empty cell."""
    split = _SPLITS.get(column_name(word))
    if word and split is None:
        problems.append(cell_problem(case, "split", word, "training or held_out", tuple(_SPLITS)))
    return split


def read_liver_range(
    case: int, record: Mapping[str, str], problems: list[Problem]
) -> tuple[float, float] | None:
    """Read the heights of the liver's ends, lower first; None where a row gives none."""
    texts = {name: record.get(name, "") for name in ("liver_lower_mm", "liver_upper_mm")}
    if not any(texts.values()):
        return None
    ends: list[float] = []
    for column, text in texts.items():
        value = _millimetres(text)
        if value is None:
            problems.append(cell_problem(case, column, text, "a height in millimetres"))
        else:
            ends.append(value)
    if len(ends) < len(texts):
        return None
    if ends[0] == ends[1]:
        problems.append(
            cell_problem(case, "liver_upper_mm", "", "another height than liver_lower_mm")
        )
    return min(ends), max(ends)


def read_liver_mask(case: int, text: str, folder: Path, problems: list[Problem]) -> Path | None:
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


def cell_problem(
    case: int, column: str, got: str, expected: str, known: Sequence[str] = ()
) -> Problem:
    """Say what is wrong with a cell.

    Args:
        case: Row of the manifest.
        column: Its column.
        got: The cell.
        expected: What it should hold.
        known: Words that the writer may have meant.
    """
    near = get_close_matches(got.lower(), list(known), n=1)
    if not got:
        shown = "nothing"
    else:
        shown = repr(got) if near or len(got) <= _HARMLESS_LENGTH else "another text"
    fix = f"Did you mean '{near[0]}'?" if near else "Correct the cell; until then it is left out."
    return Problem(f"case {case}, column {column}", shown, expected, fix)
