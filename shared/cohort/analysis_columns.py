"""Which columns the analyses use, how they follow from the 27 variables, and what they are called.

Sources: Quan 2024, Table 2 (age cut at 50), Results (cut-offs of the survival subgroups).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from shared.cohort.clinical import BY_NAME, VARIABLES, ClinicalVariable, Kind
from shared.cohort.clinical_table import ClinicalTable
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.vocabulary import RecistResponse

Column = Float64[np.ndarray, " patient"]

EVENT = PROGRESSIVE_DISEASE.name
"""Column of 1 (progressive disease) and 0 (disease control)."""

FOLLOW_UP = ("os_days", "os_event", "pfs_days", "pfs_event")
"""Overall and progression-free survival: whole days, and whether the event happened."""

RESPONSE = "response_code"
RESPONSES = tuple(RecistResponse)
"""The code of a response is its place here."""

_OLDER, _FEMALE = "aged_50_or_more", "sex_female"


@dataclass(frozen=True)
class Regressor:
    """One covariate of a regression.

    Attributes:
        name: Column.
        label: The variable in words.
        contrast: What its odds ratio compares.
        logged: Whether the logarithm is taken; its odds ratio is then per doubling.
        post_baseline: Whether it is known only after treatment began.
        table_column: The yes/no variable whose two-by-two table its univariable odds ratio is;
            empty for a measurement.
    """

    name: str
    label: str
    contrast: str
    logged: bool = False
    post_baseline: bool = False
    table_column: str = ""


@dataclass(frozen=True)
class Subgroup:
    """A division of patients whose survival is compared.

    Attributes:
        name: Column of 0 and 1.
        label: What divides them.
        one: Patients with 1, in words.
        zero: Patients with 0, in words.
        source: The variable that is cut.
        cut: Patients above it have 1; NaN for a yes/no variable.
    """

    name: str
    label: str
    one: str
    zero: str
    source: str
    cut: float = np.nan


def _cut(source: str, label: str, cut: float, unit: str) -> Subgroup:
    return Subgroup(
        f"{source}_above_{cut:g}", label, f">{cut:g} {unit}", f"≤{cut:g} {unit}", source, cut
    )


SUBGROUPS = (
    Subgroup("pre_haic_treatment", "treatment before HAIC", "yes", "no", "pre_haic_treatment"),
    _cut("afp_ng_ml", "AFP", 400, "ng/mL"),
    _cut("pivka_ii_mau_ml", "PIVKA-II", 1000, "mAU/mL"),
    _cut("ast_u_l", "AST", 40, "U/L"),
    _cut("ggt_u_l", "gamma-GT", 60, "U/L"),
)
"""The paper's cut-offs. Its sixth, BCLC stage, is not among the 27 variables."""


def site_columns(table: ClinicalTable) -> dict[str, Column]:
    """Derive every column of the analyses, from one site's own rows.

    Args:
        table: The site's patients.

    Returns:
        Columns by name; NaN is missing.
    """
    columns = dict(table.columns)
    codes = [RESPONSES.index(response) for response in table.responses]
    columns[RESPONSE] = np.array(codes, dtype=np.float64)
    events = [PROGRESSIVE_DISEASE.is_event(response) for response in table.responses]
    columns[EVENT] = np.array(events, dtype=np.float64)
    columns[_OLDER] = _above(columns["age_years"], np.nextafter(50.0, 0.0))
    columns[_FEMALE] = 1 - columns["sex_male"]
    for group in SUBGROUPS:
        if not np.isnan(group.cut):
            columns[group.name] = _above(columns[group.source], group.cut)
    for name in FOLLOW_UP:
        columns[name] = getattr(table, name)
    return columns


def regressors(*, paper_mode: bool) -> tuple[Regressor, ...]:
    """List the covariates in the order of Quan 2024, Table 2.

    Args:
        paper_mode: Whether to do as the paper did: laboratory values per unit, not per doubling,
            and the number of cycles, which is known only after treatment began.

    Returns:
        26 covariates, or 27 in paper mode.
    """
    return tuple(
        _regressor(variable, paper_mode=paper_mode)
        for variable in VARIABLES
        if paper_mode or not variable.post_baseline
    )


def paper_model(*, paper_mode: bool) -> tuple[Regressor, ...]:
    """Give the variables of the paper's clinical model: those significant in its Table 2.

    Without paper mode the number of cycles is left out, because it is not known at baseline.
    """
    chosen = (_OLDER, "haic_cycles", "tumour_thrombus", "extrahepatic_metastasis", "ast_u_l")
    return tuple(r for r in regressors(paper_mode=paper_mode) if r.name in chosen)


def _regressor(variable: ClinicalVariable, *, paper_mode: bool) -> Regressor:
    if variable.name == "age_years":
        return Regressor(_OLDER, "Age", "≥50 vs <50 years", table_column=_OLDER)
    if variable.name == "sex_male":
        return Regressor(_FEMALE, "Sex", "female vs male", table_column="sex_male")
    if variable.kind is Kind.BINARY:
        contrast = f"{variable.one} vs {variable.zero}"
        return Regressor(variable.name, variable.label, contrast, table_column=variable.name)
    logged = variable.skewed and not paper_mode
    return Regressor(
        variable.name,
        variable.label,
        "per doubling" if logged else "per unit",
        logged,
        variable.post_baseline,
    )


def table_rows() -> tuple[ClinicalVariable, ...]:
    """List the rows of Table 1: the 27 variables, age in years followed by age cut at 50."""
    older = ClinicalVariable(_OLDER, "Age", Kind.BINARY, 0, 1, "≥50 years", "<50 years")
    return (BY_NAME["age_years"], older, *(v for v in VARIABLES if v.name != "age_years"))


def _above(values: Column, cut: float) -> Column:
    return np.where(np.isnan(values), np.nan, (values > cut).astype(np.float64))


MODEL_COLUMNS = tuple(dict.fromkeys([*BY_NAME, *(r.name for r in regressors(paper_mode=True))]))
"""Columns a model may use, in an order that the sites and the server share."""
