"""One patient's clinical values as the columns that released models use.

The same checks as for a site's table (``shared.cohort.clinical_table``), for a patient whose
response is not known yet: a value that cannot be right stops the prediction, a missing one is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from shared.cohort.analysis_columns import MODEL_COLUMNS, site_columns
from shared.cohort.clinical import BY_NAME, VARIABLES
from shared.cohort.clinical_table import parse_clinical_table
from shared.cohort.fusion_columns import READERS
from shared.errors import ManifestError, Problem
from shared.messages.moments import SiteColumns
from shared.vocabulary import RecistResponse

_NOT_ASKED = frozenset(
    {"patient_id", "site", "response", "os_days", "os_event", "pfs_days", "pfs_event", *READERS}
)
"""Columns that a hospital's table may have and a prediction does not look at."""

_PLACEHOLDER = RecistResponse.STABLE.value  # the table's check wants a response; no model sees it


@dataclass(frozen=True)
class ClinicalValues:
    """What is known of one patient.

    Attributes:
        columns: Every column a model may use; NaN is missing.
        given: Variables with a value of their own.
        derived: Variables that follow from others.
        missing: Variables without a value.
        notices: Names that were not used, as sentences.
    """

    columns: SiteColumns
    given: tuple[str, ...]
    derived: tuple[str, ...]
    missing: tuple[str, ...]
    notices: tuple[str, ...]


def clinical_values(cells: Mapping[str, str]) -> ClinicalValues:
    """Check one patient's values and derive what follows from them.

    Args:
        cells: Text by column name, as in a site's clinical table; case does not matter, empty or
            absent is missing.

    Returns:
        The columns and what became of each variable.

    Raises:
        ManifestError: With one problem per value that cannot be right, such as one in another unit.
    """
    given = {name.strip().lower(): text for name, text in cells.items()}
    header = ["response", *(variable.name for variable in VARIABLES)]
    row = [_PLACEHOLDER, *(given.get(variable.name, "") for variable in VARIABLES)]
    try:
        table, _ = parse_clinical_table(header, [row])
    except ManifestError as error:
        raise ManifestError(
            "The clinical values cannot be used.",
            [_of_one_patient(problem) for problem in error.problems],
        ) from error
    columns = {
        name: values for name, values in site_columns(table).items() if name in MODEL_COLUMNS
    }
    known = [v.name for v in VARIABLES if not np.isnan(columns[v.name][0])]
    own = tuple(name for name in known if not BY_NAME[name].derived or _says(given.get(name, "")))
    return ClinicalValues(
        columns=columns,
        given=own,
        derived=tuple(name for name in known if name not in own),
        missing=tuple(v.name for v in VARIABLES if v.name not in known),
        notices=tuple(_unused(name) for name in given if name not in {*BY_NAME, *_NOT_ASKED}),
    )


def values_by_name(pairs: Sequence[str]) -> dict[str, str]:
    """Read values written as ``name=number``, as a command takes them.

    Args:
        pairs: Such texts.

    Returns:
        Text by variable.

    Raises:
        ManifestError: With one problem per text that is none, unknown or repeated variable.
    """
    problems: list[Problem] = []
    cells: dict[str, str] = {}
    for number, pair in enumerate(pairs, start=1):
        name, separator, text = (part.strip() for part in pair.partition("="))
        name = name.lower()
        if not separator or not text or name not in BY_NAME:
            got = "no 'name=number'" if not separator or not text else f"the name '{name}'"
            expected = "a clinical variable, as in ast_u_l=56"
            problems.append(Problem(f"value {number}", got, expected, _hint(name)))
        elif name in cells:
            problems.append(Problem(f"value {number}", f"'{name}' again", "it once", "Remove one."))
        cells[name] = text
    if problems:
        raise ManifestError("The clinical values cannot be used.", problems)
    return cells


def _says(text: str) -> bool:
    """Tell whether a cell that passed the checks holds a number."""
    try:
        return not np.isnan(float(text.strip()))
    except ValueError:
        return False


def _of_one_patient(problem: Problem) -> Problem:
    return replace(problem, where=problem.where.removeprefix("row 2, "))


def _unused(name: str) -> str:
    return f"The clinical column '{name}' was not used. {_hint(name)}"


def _hint(name: str) -> str:
    near = get_close_matches(name, BY_NAME, n=1)
    return f"Did you mean '{near[0]}'?" if near else "No clinical variable has such a name."
