"""The division of a cohort file's patients into sites, and back into one cohort."""

from collections.abc import Mapping, Sequence

import numpy as np

from client.clinical_file import ClinicalCohort
from shared.cohort.analysis_columns import Column
from shared.cohort.clinical_table import ClinicalTable
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.errors import DataError, Problem
from shared.fusion.folds import assign_folds
from shared.privacy.disclosure_rules import MINIMUM_COUNT

DEFAULT_SITES = 3
"""Sites a cohort without a site column is divided into: the fewest a sum may hold."""


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


def pooled_columns(sites: Mapping[str, Mapping[str, Column]]) -> dict[str, Column]:
    """Put the sites' patients together, sites in the order of their names."""
    first = next(iter(sites.values()))
    return {name: np.concatenate([sites[site][name] for site in sorted(sites)]) for name in first}


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
