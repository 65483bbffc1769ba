"""The tables as people read them, made from the released rows of the federation."""

from collections.abc import Sequence

from shared.report.tables import Table
from shared.report.wording import NONE
from simulations.clinical.differences import largest
from simulations.clinical.regression import FEW_EVENTS_PER_VARIABLE
from simulations.clinical.released_baseline import GROUPS, Row
from simulations.clinical.study import TOLERANCES, Statistics

HIDDEN = "withheld"
WORD_COLUMNS = ("Contrast", "Test", "Group")
"""Headings of columns that hold words, set to the left."""
_SMALL_P = 0.001


def baseline_table(rows: Sequence[Row], patients: tuple[int, int, int]) -> Table:
    """Give Table 1."""
    lines = []
    for first in (row for row in rows if row["group"] == GROUPS[0]):
        same = {
            row["group"]: row
            for row in rows
            if (row["variable"], row["label"]) == (first["variable"], first["label"])
        }
        mark = " †" if first["after_baseline"] else ""
        present = first["patients"]
        missing = patients[0] - present if isinstance(present, int) else 0
        grouped = [_summary(same[group]) if group in same else "" for group in GROUPS]
        tested = bool(first["test"])
        hidden = any(row["withheld"] for row in same.values())
        lines.append(
            (
                f"{first['label']}{mark}",
                *grouped,
                (HIDDEN if hidden and first["p"] is None else p_text(first["p"])) if tested else "",
                str(first["test"]),
                str(missing) if missing else "",
            )
        )
    heads = ("All", "Disease control", "Progressive disease")
    return Table(
        "Patients by best response: median (quartiles) or count (%)",
        (
            "Variable",
            *(
                f"{head}, n\u00a0=\u00a0{count}"
                for head, count in zip(heads, patients, strict=True)
            ),
            "P",
            "Test",
            "Missing",
        ),
        tuple(lines),
        note="† known only after treatment began. Percentages are of patients with a value."
        + _why_hidden(lines),
    )


def regression_table(rows: Sequence[Row]) -> Table:
    """Give Table 2."""
    joint = {row["variable"]: row for row in rows if row["model"] == "multivariable"}
    lines = []
    for row in rows:
        if row["model"] != "univariable":
            continue
        mark = " †" if row["after_baseline"] else ""
        other = joint.get(row["variable"])
        lines.append(
            (
                f"{row['label']}{mark}",
                str(row["contrast"]),
                _ratio(row),
                _p_or_hidden(row),
                _ratio(other) if other else "",
                _p_or_hidden(other) if other else "",
            )
        )
    return Table(
        "Logistic regression; an odds ratio above 1 speaks for progressive disease (PD)",
        ("Variable", "Contrast", "Univariable OR (95% CI)", "P", "Multivariable OR (95% CI)", "P"),
        tuple(lines),
        note=_regression_note(rows) + _why_hidden(lines),
    )


def survival_table(rows: Sequence[Row]) -> Table:
    """Give survival by subgroup."""
    lines = []
    for row in rows:
        first = row["group"] in {"all", "no"} or str(row["group"]).startswith("≤")
        name = f"{row['outcome']}, {row['divided_by'] or 'all patients'}" if first else ""
        if row["patients"] is None:
            lines.append((name, str(row["group"]), *[HIDDEN] * 5))
            continue
        lines.append(
            (
                name,
                str(row["group"]),
                str(row["patients"]),
                HIDDEN if row["events"] is None else str(row["events"]),
                limits_text(row["median_months"], row["median_lower"], row["median_upper"], 1),
                ""
                if first
                else limits_text(row["hazard_ratio"], row["hazard_lower"], row["hazard_upper"], 2),
                "" if first else p_text(row["log_rank_p"]),
            )
        )
    reasons = {str(row["withheld"]) for row in rows if row["patients"] is None}
    return Table(
        "Survival by subgroup (Kaplan-Meier; hazard ratio by Cox, Efron's ties)",
        (
            "Outcome",
            "Group",
            "Patients",
            "Events",
            "Median, months (95% CI)",
            "HR (95% CI)",
            "P,\u00a0log\u2011rank",
        ),
        tuple(lines),
        note=" ".join(
            [
                "The hazard ratio compares a group with the one above it. …: limit not reached.",
                *sorted(reasons),
            ]
        )
        + _why_hidden(lines),
    )


def model_table(rows: Sequence[Row]) -> Table:
    """Give the clinical models."""
    names = ("sensitivity", "specificity", "ppv", "npv")
    return Table(
        "Clinical models, out-of-fold scores of five-fold cross-validation",
        ("Model", "AUC (95% CI)", "Sensitivity", "Specificity", "PPV", "NPV", "Brier score"),
        tuple(
            (
                str(row["model"]),
                limits_text(row["auc"], row["auc_lower"], row["auc_upper"], 3),
                *(limits_text(row[n], row[f"{n}_lower"], row[f"{n}_upper"], 2) for n in names),
                number_text(row["brier"], 3),
            )
            for row in rows
        ),
        note=(
            "Sensitivity is the share of patients with progressive disease who were called, "
            "specificity the share with disease control who were not. AUC: DeLong; proportions: "
            "Clopper-Pearson."
        ),
    )


def differences_table(statistics: Statistics) -> Table:
    """Give the largest differences between federated and pooled."""
    return Table(
        "Federated against pooled: the largest differences",
        (
            "Table",
            "Numbers",
            "Largest absolute",
            "Largest relative",
            "Expected below",
            "One side only",
        ),
        tuple(
            (
                item.table,
                str(item.numbers),
                f"{item.absolute:.1e}",
                f"{item.relative:.1e}",
                f"{TOLERANCES[item.table]:.0e}" if item.table in TOLERANCES else NONE,
                str(item.one_sided),
            )
            for item in largest(statistics.differences)
        ),
        note=(
            "The expected difference is relative for numbers above 1 and absolute below. Numbers "
            "on one side only: limits of Firth's odds ratios, which are not computed over sites."
        ),
    )


def plain_text(table: Table) -> str:
    """Set a table in columns of plain text, numbers to the right."""
    lines = [table.header, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]
    left = {0} | {column for column, head in enumerate(table.header) if head in WORD_COLUMNS}

    def set_line(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    body = [table.caption, rule, set_line(table.header), rule, *map(set_line, table.rows)]
    return "\n".join([*body, table.note] if table.note else body)


def p_text(p: object) -> str:
    """Give a P with three decimals, or ``<0.001``."""
    if not isinstance(p, float):
        return NONE
    return "<0.001" if p < _SMALL_P else f"{p:.3f}"


def limits_text(value: object, lower: object, upper: object, decimals: int) -> str:
    """Give ``1.65 (1.02–2.67)``; a limit that does not exist is a dash."""
    if not isinstance(value, float):
        return "not reached" if decimals == 1 else NONE
    low, high = number_text(lower, decimals), number_text(upper, decimals)
    return f"{value:.{decimals}f} ({low}–{high})"


def number_text(value: object, decimals: int) -> str:
    """Give a number with fixed decimals, or the dash."""
    return f"{value:.{decimals}f}" if isinstance(value, float) else "…"


def _why_hidden(lines: Sequence[tuple[str, ...]]) -> str:
    if not any(HIDDEN in line for line in lines):
        return ""
    return (
        " Withheld: a count below the minimum, and whatever would give it back: other counts of "
        "the same table, its P, its univariable odds ratio."
    )


def _summary(row: Row) -> str:
    if row["count"] is not None and isinstance(row["percent"], float):
        return f"{row['count']} ({row['percent']:.1f}%)"
    if isinstance(row["median"], float):
        low, high = (_short(row[name]) for name in ("lower_quartile", "upper_quartile"))
        return f"{_short(row['median'])} ({low}–{high})"
    return HIDDEN if row["withheld"] else NONE


def _short(value: object) -> str:
    """Give three significant digits, whole numbers from 100 on."""
    if not isinstance(value, float):
        return NONE
    if abs(value) >= 100:  # noqa: PLR2004 - three digits are there
        return f"{value:.0f}"
    return f"{value:.3g}"


def _ratio(row: Row) -> str:
    if row["withheld"]:
        return HIDDEN
    if row["refusal"]:
        return "not fitted"
    if row["lower"] is None and isinstance(row["odds_ratio"], float):
        return f"{row['odds_ratio']:.3f} (Firth)"
    return limits_text(row["odds_ratio"], row["lower"], row["upper"], 3)


def _p_or_hidden(row: Row) -> str:
    return HIDDEN if row["withheld"] else p_text(row["p"])


def _regression_note(rows: Sequence[Row]) -> str:
    sentences = []
    joint = next((row for row in rows if row["model"] == "multivariable"), None)
    if joint is not None:
        share = joint["events_per_variable"]
        sentences.append(
            f"Multivariable: {joint['patients']} complete patients, {joint['events']} with PD."
        )
        if isinstance(share, float) and share < FEW_EVENTS_PER_VARIABLE:
            sentences.append(
                f"Warning: {share:.1f} events per variable, fewer than "
                f"{FEW_EVENTS_PER_VARIABLE}: these odds ratios are shaky."
            )
    if any(str(row["method"]).startswith("Firth") for row in rows):
        sentences.append(
            "Firth: the variable separates the outcomes; the odds ratio is Firth's, the P that of "
            "his likelihood ratio, limits are not given."
        )
    sentences += [f"{row['label']}: {row['refusal']}" for row in rows if row["refusal"]]
    return " ".join(sentences)
