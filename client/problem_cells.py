"""Problems as rows of a table: where, what, instead of what, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Level, Problem

_COLUMN = "column "


@dataclass(frozen=True)
class ProblemCells:
    """One problem, cell by cell.

    Attributes:
        level: Error, warning or info.
        row: The case, the row of the clinical table, or whatever else is meant.
        column: Column of the table or part of the study; empty for the whole row.
        value: What came.
        problem: What was expected.
        fix: What to do.
    """

    level: Level
    row: str
    column: str
    value: str
    problem: str
    fix: str


def problem_cells(problems: Sequence[Problem]) -> tuple[ProblemCells, ...]:
    """Lay problems out as a table, errors first, else in the order given.

    Args:
        problems: In any order.
    """
    order = {level: place for place, level in enumerate(Level)}
    return tuple(_cells(problem) for problem in sorted(problems, key=lambda p: order[p.level]))


def _cells(problem: Problem) -> ProblemCells:
    row, _, rest = problem.where.partition(", ")
    if not row.startswith(("case ", "clinical ")):
        row, rest = problem.where, ""
    return ProblemCells(
        level=problem.level,
        row=row,
        column=rest.removeprefix(_COLUMN),
        value=problem.got,
        problem=f"expected {problem.expected}",
        fix=problem.fix,
    )
