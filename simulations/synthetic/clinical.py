"""An invented clinical cohort with the margins of Quan 2024.

Margins: Table 1 (training group, n = 127). Each binary variable meets progressive disease in the
2x2 table that reproduces its odds ratio in Table 2, exactly at n = 127 and in proportion at other
sizes. Laboratory values are independent (log-)normal with the printed median and quartiles; those
with an odds ratio of note are shifted in patients with progressive disease. Survival is exponential
with the printed hazard ratios of AST and gamma-GT, and censored.

Departure: the printed share of ALBI grade 3 cannot follow from the printed albumin and bilirubin,
so the grade is drawn on its own, as the table has it, and does not follow from the two values.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from jaxtyping import Bool, Float64

from shared.cohort.clinical import BY_NAME, VARIABLES
from shared.vocabulary import RecistResponse

PAPER_PATIENTS = 127
_RESPONSES = {"CR": 2, "PR": 22, "SD": 86, "PD": 17}

EXPOSED = {
    "aged_50_or_more": (9, 88),
    "sex_male": (14, 100),
    "pre_haic_treatment": (12, 86),
    "high_dose_regimen": (15, 75),
    "multiple_tumours": (16, 99),
    "tumour_thrombus": (15, 63),
    "extrahepatic_metastasis": (13, 50),
    "hbsag_present": (14, 87),
    "albi_grade_3": (6, 51),
}
"""Exposed among the 17 with progressive disease, and among the 110 without (Table 2, solved)."""


@dataclass(frozen=True)
class Laboratory:
    """A laboratory value as Table 1 has it.

    Attributes:
        lower: First quartile.
        median: Median.
        upper: Third quartile.
        shift: Shift of patients with progressive disease, in standard deviations.
        decimals: Decimals in a table.
        skewed: Whether the logarithm is normal, rather than the value.
    """

    lower: float
    median: float
    upper: float
    shift: float
    decimals: int
    skewed: bool = True


# Shifts are ours; their signs and order of size follow the univariable odds ratios of Table 2.
LABORATORY = {
    "largest_tumour_cm": Laboratory(4.4, 6.9, 10.3, 0.0, 1),
    "afp_ng_ml": Laboratory(7, 166, 4081, 0.0, 1),
    "pivka_ii_mau_ml": Laboratory(242, 3898, 19474, 0.0, 0),
    "prothrombin_time_s": Laboratory(12.1, 12.9, 13.8, 0.25, 1, skewed=False),
    "platelets_e9_l": Laboratory(92, 134, 202, -0.3, 0),
    "neutrophils_e9_l": Laboratory(2.3, 3.3, 4.8, 0.0, 2),
    "lymphocytes_e9_l": Laboratory(0.8, 1.1, 1.5, -0.75, 2),
    "monocytes_e9_l": Laboratory(0.35, 0.48, 0.68, -0.2, 2),
    "total_bilirubin_umol_l": Laboratory(10.8, 15.8, 22.8, 0.0, 1),
    "alt_u_l": Laboratory(24, 39, 53, 0.2, 0),
    "ast_u_l": Laboratory(34, 56, 98, 0.7, 0),
    "akp_u_l": Laboratory(113, 155, 239, 0.5, 0),
    "ggt_u_l": Laboratory(76, 138, 248, 0.5, 0),
    "albumin_g_l": Laboratory(35, 38, 43, 0.3, 0, skewed=False),
    "crp_mg_l": Laboratory(4.8, 10.4, 34.1, 0.0, 1),
}
_QUARTILE_Z = 0.6744897501960817  # standard normal quantile of 0.75

# Probability of 1, 2, ... cycles: median 2 (1-3) overall, fewer where the disease progressed.
_CYCLES = (0.25, 0.35, 0.20, 0.12, 0.05, 0.03)
_CYCLES_PROGRESSIVE = (0.70, 0.25, 0.05, 0.0, 0.0, 0.0)

_AST_CUT, _AST_HAZARD_RATIO = 40.0, 1.649  # Quan 2024, Results, survival
_GGT_CUT, _GGT_HAZARD_RATIO = 60.0, 4.156
_BASE_OS_DAYS, _BASE_PFS_DAYS = 1500.0, 900.0  # medians near the printed ones after the ratios
_PROGRESSIVE_HAZARD_RATIO = 2.5
_CENSORING_DAYS = (60, 900)
MISSING_SHARE = 0.02  # of laboratory cells, so that missing values are met in every run

COLUMNS = (
    "patient_id",
    "site",
    "response",
    "os_days",
    "os_event",
    "pfs_days",
    "pfs_event",
    *(variable.name for variable in VARIABLES),
)


def draw_clinical_rows(
    patients: int, sites: Sequence[str], rng: np.random.Generator
) -> list[dict[str, str]]:
    """Draw a cohort as CSV cells.

    Args:
        patients: How many; 127 reproduces the 2x2 tables exactly.
        sites: Names; patients are spread at random and unevenly.
        rng: Source of all randomness.

    Returns:
        One row per patient, keys as ``COLUMNS``; derived columns are empty.
    """
    responses = _responses(patients, rng)
    progressive = responses == RecistResponse.PROGRESSIVE.value
    binary = {name: _exposure(name, progressive, rng) for name in EXPOSED}
    laboratory = {
        name: np.clip(_values(item, progressive, rng), BY_NAME[name].low, BY_NAME[name].high)
        for name, item in LABORATORY.items()
    }
    age = draw_ages(binary.pop("aged_50_or_more"), rng)
    follow_up = draw_follow_up(progressive, laboratory, rng)
    cells: dict[str, list[str]] = {
        "patient_id": [f"C-{number:04d}" for number in range(1, patients + 1)],
        "site": [sites[i] for i in _uneven_sites(patients, len(sites), rng)],
        "response": [str(word) for word in responses],
        "age_years": [f"{value:.0f}" for value in age],
        "haic_cycles": [str(value) for value in draw_cycles(progressive, rng)],
        "nlr": [""] * patients,
        "plr": [""] * patients,
        **{name: [str(int(value)) for value in flags] for name, flags in binary.items()},
        **{name: [str(int(value)) for value in column] for name, column in follow_up.items()},
    }
    for name, item in LABORATORY.items():
        lost = rng.random(patients) < MISSING_SHARE
        cells[name] = [
            "" if gone else f"{value:.{item.decimals}f}"
            for value, gone in zip(laboratory[name], lost, strict=True)
        ]
    return [{name: cells[name][i] for name in COLUMNS} for i in range(patients)]


def write_clinical_csv(rows: Iterable[dict[str, str]], stream: TextIO) -> None:
    """Write rows under their header."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _responses(patients: int, rng: np.random.Generator) -> np.ndarray:
    exact = {word: count * patients / PAPER_PATIENTS for word, count in _RESPONSES.items()}
    counts = {word: int(value) for word, value in exact.items()}
    # Largest remainders fill up to the number of patients.
    for word in sorted(exact, key=lambda w: counts[w] - exact[w])[
        : patients - sum(counts.values())
    ]:
        counts[word] += 1
    words: np.ndarray = np.repeat(list(counts), list(counts.values()))
    return rng.permutation(words)


def _exposure(
    name: str, progressive: Bool[np.ndarray, " patient"], rng: np.random.Generator
) -> Bool[np.ndarray, " patient"]:
    flags = np.zeros(len(progressive), dtype=bool)
    paper = _RESPONSES["PD"], PAPER_PATIENTS - _RESPONSES["PD"]
    for members, exposed, total in zip(
        (np.flatnonzero(progressive), np.flatnonzero(~progressive)),
        EXPOSED[name],
        paper,
        strict=True,
    ):
        chosen = round(exposed * len(members) / total)
        flags[rng.permutation(members)[:chosen]] = True
    return flags


def draw_ages(
    older: Bool[np.ndarray, " patient"], rng: np.random.Generator
) -> Float64[np.ndarray, " patient"]:
    """Draw whole years, from 50 up where `older`, below 50 elsewhere."""
    return np.where(
        older, rng.triangular(50, 54, 82, len(older)), rng.triangular(25, 47, 49.4, len(older))
    ).round()


def _values(
    item: Laboratory, progressive: Bool[np.ndarray, " patient"], rng: np.random.Generator
) -> Float64[np.ndarray, " patient"]:
    share = progressive.mean()
    # Centred, so that the shift leaves the margin of the whole group where Table 1 has it.
    z = rng.standard_normal(len(progressive)) + item.shift * (progressive - share)
    if item.skewed:
        scale = (np.log(item.upper) - np.log(item.lower)) / (2 * _QUARTILE_Z)
        values = np.exp(np.log(item.median) + scale * z)
    else:
        values = item.median + (item.upper - item.lower) / (2 * _QUARTILE_Z) * z
    return np.asarray(values.round(item.decimals), dtype=np.float64)


def draw_cycles(progressive: Bool[np.ndarray, " patient"], rng: np.random.Generator) -> np.ndarray:
    """Draw numbers of HAIC cycles; progression ends treatment early."""
    choices = np.arange(1, len(_CYCLES) + 1)
    few = rng.choice(choices, len(progressive), p=_CYCLES_PROGRESSIVE)
    usual = rng.choice(choices, len(progressive), p=_CYCLES)
    return np.where(progressive, few, usual)


def draw_follow_up(
    progressive: Bool[np.ndarray, " patient"],
    laboratory: dict[str, Float64[np.ndarray, " patient"]],
    rng: np.random.Generator,
) -> dict[str, Float64[np.ndarray, " patient"]]:
    """Draw follow-up: exponential times of death and progression, censored independently.

    Hazard ratios of AST and gamma-GT are those of Quan 2024 (Results, survival); that of
    progressive disease is ours.

    Args:
        progressive: Whose best response was progressive disease.
        laboratory: At least ``ast_u_l`` and ``ggt_u_l``, in U/L.
        rng: Source of all randomness.

    Returns:
        ``os_days`` and ``pfs_days`` in whole days, ``os_event`` and ``pfs_event`` as 0 or 1.
    """
    hazard = (
        np.where(laboratory["ast_u_l"] > _AST_CUT, _AST_HAZARD_RATIO, 1.0)
        * np.where(laboratory["ggt_u_l"] > _GGT_CUT, _GGT_HAZARD_RATIO, 1.0)
        * np.where(progressive, _PROGRESSIVE_HAZARD_RATIO, 1.0)
    )
    death = np.ceil(rng.exponential(_BASE_OS_DAYS / hazard))
    progression = np.minimum(np.ceil(rng.exponential(_BASE_PFS_DAYS / hazard)), death)
    censored = rng.integers(*_CENSORING_DAYS, len(hazard), endpoint=True).astype(np.float64)
    return {
        "os_days": np.minimum(death, censored),
        "os_event": (death <= censored).astype(np.float64),
        "pfs_days": np.minimum(progression, censored),
        "pfs_event": (progression <= censored).astype(np.float64),
    }


def _uneven_sites(patients: int, sites: int, rng: np.random.Generator) -> np.ndarray:
    weights = rng.dirichlet(np.full(sites, 5.0))
    return rng.choice(sites, patients, p=weights)
