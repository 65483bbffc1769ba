"""The 27 clinical variables of Quan 2024: name, unit, plausible range, coding.

Source: Quan 2024, Methods, list of clinical features, in the paper's order; medians and quartiles
in its Table 1. Plausible ranges are ours: wide enough for every adult a liver clinic sees, narrow
enough that a value in another unit (off by 10 or 1000) falls outside.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float


class Kind(StrEnum):
    """How a variable is coded."""

    BINARY = "binary"
    COUNT = "count"
    CONTINUOUS = "continuous"


@dataclass(frozen=True)
class ClinicalVariable:
    """One column of a clinical table.

    Attributes:
        name: Column name, with the unit where there is one.
        label: Name in words, with the unit.
        kind: Coding; a binary is 0 or 1.
        low: Smallest plausible value.
        high: Largest plausible value.
        one: What 1 means, for a binary.
        zero: What 0 means, for a binary.
        skewed: Whether the logarithm is taken before standardising or modelling.
        post_baseline: Whether the value is only known after treatment began; such a variable
            leaks the outcome and is off by default (Quan 2024: number of cycles).
        derived: Whether it follows from other columns and may be left empty.
    """

    name: str
    label: str
    kind: Kind
    low: float
    high: float
    one: str = ""
    zero: str = ""
    skewed: bool = False
    post_baseline: bool = False
    derived: bool = False


def _binary(
    name: str, label: str, one: str, zero: str, *, derived: bool = False
) -> ClinicalVariable:
    return ClinicalVariable(name, label, Kind.BINARY, 0, 1, one, zero, derived=derived)


def _laboratory(
    name: str, label: str, low: float, high: float, *, skewed: bool = False, derived: bool = False
) -> ClinicalVariable:
    return ClinicalVariable(name, label, Kind.CONTINUOUS, low, high, skewed=skewed, derived=derived)


VARIABLES: tuple[ClinicalVariable, ...] = (
    _laboratory("age_years", "Age, years", 18, 100),
    _binary("sex_male", "Sex", "male", "female"),
    _binary("pre_haic_treatment", "Treatment before HAIC", "yes", "no"),
    ClinicalVariable("haic_cycles", "HAIC cycles", Kind.COUNT, 1, 20, post_baseline=True),
    _binary("high_dose_regimen", "HAIC regimen", "high dose", "low dose"),
    _binary("multiple_tumours", "Tumour number", "multiple", "single"),
    _laboratory("largest_tumour_cm", "Largest tumour, cm", 0.5, 30),
    _binary("tumour_thrombus", "Tumour thrombus", "yes", "no"),
    _binary("extrahepatic_metastasis", "Extrahepatic metastasis", "yes", "no"),
    _binary("hbsag_present", "HBsAg", "present", "absent"),
    _laboratory("afp_ng_ml", "AFP, ng/mL", 0.1, 2_000_000, skewed=True),
    _laboratory("pivka_ii_mau_ml", "PIVKA-II, mAU/mL", 1, 5_000_000, skewed=True),
    _laboratory("prothrombin_time_s", "Prothrombin time, s", 8, 40),
    _laboratory("platelets_e9_l", "Platelets, 10^9/L", 10, 1200),
    _laboratory("neutrophils_e9_l", "Neutrophils, 10^9/L", 0.2, 40),
    _laboratory("lymphocytes_e9_l", "Lymphocytes, 10^9/L", 0.1, 20),
    _laboratory("monocytes_e9_l", "Monocytes, 10^9/L", 0.02, 5),
    _laboratory("nlr", "Neutrophil-lymphocyte ratio", 0.1, 100, skewed=True, derived=True),
    _laboratory("plr", "Platelet-lymphocyte ratio", 2, 3000, skewed=True, derived=True),
    _laboratory("total_bilirubin_umol_l", "Total bilirubin, umol/L", 1, 800, skewed=True),
    _binary("albi_grade_3", "ALBI grade", "3", "1 or 2", derived=True),
    _laboratory("alt_u_l", "ALT, U/L", 2, 3000, skewed=True),
    _laboratory("ast_u_l", "AST, U/L", 2, 3000, skewed=True),
    _laboratory("akp_u_l", "AKP, U/L", 10, 3000, skewed=True),
    _laboratory("ggt_u_l", "gamma-GT, U/L", 3, 5000, skewed=True),
    _laboratory("albumin_g_l", "Albumin, g/L", 10, 65),
    _laboratory("crp_mg_l", "CRP, mg/L", 0.05, 500, skewed=True),
)

BY_NAME: dict[str, ClinicalVariable] = {variable.name: variable for variable in VARIABLES}


def albi_score(
    bilirubin_umol_l: Float[np.ndarray, " patient"], albumin_g_l: Float[np.ndarray, " patient"]
) -> Float[np.ndarray, " patient"]:
    """Compute the albumin-bilirubin score.

    Source: Johnson et al., J Clin Oncol 2015, 33:550; grade 3 is a score above -1.39, grade 1 one
    of at most -2.60.

    Example:
        >>> albi_score(np.array([10.0]), np.array([40.0])).round(2)
        array([-2.74])
    """
    score: Float[np.ndarray, " patient"] = 0.66 * np.log10(bilirubin_umol_l) - 0.085 * albumin_g_l
    return score


ALBI_GRADE_3_ABOVE = -1.39
