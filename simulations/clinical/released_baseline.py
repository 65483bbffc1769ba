"""Table 1 as rows of plain values, after the disclosure rules.

A count from 1 to 4 beside its total could be recognised, so a two-by-two table with such a cell is
withheld whole (its margins would give one withheld cell back), and its P with it, which would give
the counts back too.
"""

import math

import numpy as np

from shared.cohort.analysis_columns import RESPONSES, table_rows
from shared.cohort.clinical import BY_NAME
from shared.privacy.disclosure_rules import may_release_parts, suppressed_cells
from simulations.clinical.baseline import Baseline, Category, Measurement

Row = dict[str, str | int | float | bool | None]
"""One row of a table; None stands for what is withheld or does not exist."""

GROUPS = ("all", "disease_control", "progressive_disease")


def baseline_rows(baseline: Baseline, minimum: int) -> list[Row]:
    """Give Table 1: one row per variable (or response) and group."""
    measured = {item.name: item for item in baseline.measurements}
    yes_no = {item.name: item for item in baseline.categories}
    rows: list[Row] = []
    for variable in table_rows():
        if variable.name in measured:
            rows += _measurement_rows(variable.label, measured[variable.name], minimum)
        else:
            rows += _category_rows(variable.label, variable.one, yes_no[variable.name], minimum)
    return [*_response_rows(baseline, minimum), *rows]


def withheld_categories(baseline: Baseline, minimum: int) -> set[str]:
    """Name the yes/no variables whose two-by-two table is withheld."""
    return {item.name for item in baseline.categories if _is_withheld(item, minimum)}


def hidden_responses(baseline: Baseline, minimum: int) -> list[bool]:
    """Withhold among CR, PR and SD; the number with PD is known from the group's size."""
    controlled = np.array([baseline.responses[:3]])
    return [*suppressed_cells(controlled, minimum)[0].tolist(), False]


def number(value: float) -> float | None:
    """Give a number, or None where it is no finite number."""
    return float(value) if math.isfinite(value) else None


def _is_withheld(item: Category, minimum: int) -> bool:
    table = np.array(
        [
            [present - ones, ones]
            for present, ones in zip(item.present[1:], item.ones[1:], strict=True)
        ]
    )
    return bool(suppressed_cells(table, minimum).any())


def _measurement_rows(label: str, item: Measurement, minimum: int) -> list[Row]:
    rows: list[Row] = []
    tested = min(item.present[1:]) >= minimum
    for place, group in enumerate(GROUPS):
        shown = item.present[place] >= minimum
        quartiles = [number(q) if shown else None for q in item.quartiles[place]]
        rows.append(
            {
                **_baseline_row(item.name, label, group),
                "patients": item.present[place],
                "lower_quartile": quartiles[0],
                "median": quartiles[1],
                "upper_quartile": quartiles[2],
                "test": "Mann-Whitney",
                "p": number(item.p) if tested else None,
                "welch_p": number(item.welch_p) if tested else None,
                "withheld": not (shown and tested),
            }
        )
    return rows


def _category_rows(label: str, one: str, item: Category, minimum: int) -> list[Row]:
    hidden = _is_withheld(item, minimum)
    rows: list[Row] = []
    for place, group in enumerate(GROUPS):
        present, ones = item.present[place], item.ones[place]
        shown = may_release_parts((ones, present - ones), minimum) and not (hidden and place)
        rows.append(
            {
                **_baseline_row(item.name, f"{label}: {one}", group),
                "patients": present,
                "count": ones if shown else None,
                "percent": _percent(ones, present) if shown else None,
                "test": item.test,
                "p": None if hidden else number(item.p),
                "withheld": hidden if place else not shown,
            }
        )
    return rows


def _response_rows(baseline: Baseline, minimum: int) -> list[Row]:
    hidden = hidden_responses(baseline, minimum)
    return [
        {
            **_baseline_row("response", f"Best response: {word}", "all"),
            "patients": baseline.patients[0],
            "count": None if gone else count,
            "percent": None if gone else _percent(count, baseline.patients[0]),
            "withheld": gone,
        }
        for word, count, gone in zip(RESPONSES, baseline.responses, hidden, strict=True)
    ]


def _baseline_row(variable: str, label: str, group: str) -> Row:
    known = BY_NAME.get(variable)
    return {
        "variable": variable,
        "label": label,
        "group": group,
        "patients": None,
        "count": None,
        "percent": None,
        "lower_quartile": None,
        "median": None,
        "upper_quartile": None,
        "test": "",
        "p": None,
        "welch_p": None,
        "after_baseline": known is not None and known.post_baseline,
        "withheld": False,
    }


def _percent(count: int, total: int) -> float | None:
    """Give a percentage, or None of nothing."""
    return 100 * count / total if total else None
