"""What a data manager reads after the data were opened: a table, and the same as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill

from shared.errors import Level, Problem

_WIDTH = 100


def problem_table(problems: Sequence[Problem]) -> str:
    """Lay out problems for a terminal, errors first.

    Args:
        problems: In any order.

    Returns:
        Three lines per problem (what, instead of what, what to do) and a last line of counts.
    """
    order = {level: place for place, level in enumerate(Level)}
    blocks = [_block(problem) for problem in sorted(problems, key=lambda p: order[p.level])]
    counts = Counter(problem.level for problem in problems)
    total = ", ".join(f"{counts[level]} {level}" for level in Level if counts[level])
    return "\n".join([*blocks, total or "no problems"])


def _block(problem: Problem) -> str:
    indent = " " * 9
    lines = (
        f"{problem.level.value:<8} {problem.where}: {problem.got}",
        f"{indent}expected {problem.expected}",
        f"{indent}{problem.fix}",
    )
    return "\n".join(fill(line, _WIDTH, subsequent_indent=indent + "  ") for line in lines)


def write_data_report(
    work: Path,
    problems: Sequence[Problem],
    usable: int,
    excluded: int,
    *,
    name: str = "data_report.json",
) -> None:
    """Write a report into the site's work folder; it names case numbers or rows only.

    Args:
        work: The work folder, created when needed.
        problems: Everything found.
        usable: Patients that can be used.
        excluded: Rows that cannot.
        name: Of the file.
    """
    work.mkdir(parents=True, exist_ok=True)
    document = {
        "usable_patients": usable,
        "excluded_patients": excluded,
        "problems": [asdict(problem) for problem in problems],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (work / name).write_text(text + "\n", encoding="utf-8")
