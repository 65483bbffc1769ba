"""One patient's clinical table row, drawn before the outcome from the margins of Quan 2024.

Unlike `clinical`, which draws the variables given the response so that the published 2x2 tables
come out exactly, this draws the variables first and lets the response follow from five of them and
from the images: a patient can be drawn alone, and the best possible AUC is known.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from shared.cohort.clinical import BY_NAME
from shared.vocabulary import RecistResponse
from simulations.synthetic.clinical import (
    COLUMNS,
    EXPOSED,
    LABORATORY,
    MISSING_SHARE,
    PAPER_PATIENTS,
    Laboratory,
    draw_ages,
    draw_cycles,
    draw_follow_up,
)

_WEIGHTS = {
    "extrahepatic_metastasis": 0.70,
    "age_years": -0.50,
    "ast_u_l": 0.65,
    "lymphocytes_e9_l": -0.55,
}
"""Log-odds per standard deviation, before scaling.

Signs and order of size follow the odds ratios of Quan 2024, Table 2 (metastasis 3.9, age 0.28, AST
1.007 per U/L, lymphocytes 0.157).
"""

_THROMBUS_WEIGHT = 0.70
"""Likewise for tumour thrombus (odds ratio 5.6), which the images show as well."""

_SCALE = float(np.hypot(_THROMBUS_WEIGHT, np.linalg.norm(list(_WEIGHTS.values()))))
_AGE_MEAN, _AGE_SD = 57.0, 11.4
"""Of `draw_ages` at the published share of patients from 50 up, to the digits that matter."""

_QUARTILE_WIDTH = 1.3489795003921634
"""Distance of a standard normal's quartiles."""

_READING_ERROR = 0.05
"""Two readers' diameters of one lesion differ by about this share."""

Baseline = dict[str, float]
"""Values known before treatment, by column; ratios that follow from others are left out."""


@dataclass(frozen=True)
class FollowUp:
    """What becomes known after treatment began.

    Attributes:
        haic_cycles: Cycles given; fewer after progression, so it must not predict.
        days: ``os_days``, ``os_event``, ``pfs_days`` and ``pfs_event``.
    """

    haic_cycles: int
    days: dict[str, int]


def draw_baseline(rng: np.random.Generator) -> Baseline:
    """Draw a patient with the margins of Quan 2024, Table 1, training group.

    The largest tumour's size is missing here: it is read off the images (`read_size`).
    """
    exposed = {name: bool(rng.random() < _share(name)) for name in EXPOSED}
    older = exposed.pop("aged_50_or_more")
    values: Baseline = {"age_years": float(draw_ages(np.array([older]), rng)[0])}
    values |= {name: float(flag) for name, flag in exposed.items()}
    for name, item in LABORATORY.items():
        if name != "largest_tumour_cm":
            variable = BY_NAME[name]
            value = _unscaled(item, float(rng.standard_normal()))
            values[name] = round(float(np.clip(value, variable.low, variable.high)), item.decimals)
    return values


def read_size(largest_mm: float, rng: np.random.Generator) -> float:
    """Read the largest lesion's diameter off the images, in cm, with a reader's error."""
    return round(0.1 * largest_mm * float(1.0 + _READING_ERROR * rng.standard_normal()), 1)


def clinical_part(values: Baseline) -> float:
    """Give what only the clinic knows of the log-odds, at effect 1 and mean about 0."""
    metastasis = _share("extrahepatic_metastasis")
    z = {
        "extrahepatic_metastasis": (values["extrahepatic_metastasis"] - metastasis)
        / np.sqrt(metastasis * (1.0 - metastasis)),
        "age_years": (values["age_years"] - _AGE_MEAN) / _AGE_SD,
        **{name: _scaled(name, values[name]) for name in ("ast_u_l", "lymphocytes_e9_l")},
    }
    return float(sum(weight * z[name] for name, weight in _WEIGHTS.items()) / _SCALE)


def thrombus_part(*, thrombus: bool) -> float:
    """Give what tumour thrombus, seen by the clinic and the images, adds to the log-odds.

    Together with `clinical_part` it has a standard deviation of about 1 in the population.
    """
    share = thrombus_share()
    return float(_THROMBUS_WEIGHT / _SCALE * (thrombus - share) / np.sqrt(share * (1.0 - share)))


def thrombus_deviation() -> float:
    """Give the standard deviation of `thrombus_part` in the population."""
    return float(_THROMBUS_WEIGHT / _SCALE)


def thrombus_share() -> float:
    """Give the share of patients with tumour thrombus (Quan 2024, Table 1: 78 of 127)."""
    return _share("tumour_thrombus")


def draw_course(values: Baseline, response: RecistResponse, rng: np.random.Generator) -> FollowUp:
    """Draw what follows treatment, given the response."""
    progressive = np.array([response is RecistResponse.PROGRESSIVE])
    laboratory: dict[str, Float64[np.ndarray, " patient"]] = {
        name: np.array([values[name]]) for name in ("ast_u_l", "ggt_u_l")
    }
    days = draw_follow_up(progressive, laboratory, rng)
    return FollowUp(
        haic_cycles=int(draw_cycles(progressive, rng)[0]),
        days={name: int(column[0]) for name, column in days.items()},
    )


def clinical_cells(
    values: Baseline,
    course: FollowUp,
    words: dict[str, str],
    rng: np.random.Generator,
) -> dict[str, str]:
    """Write one row of ``clinical.csv``; a few laboratory cells are lost, derived ones empty.

    Args:
        values: With the largest tumour's size.
        course: Cycles and follow-up.
        words: ``patient_id``, ``site`` and ``response``.
        rng: Source of the losses.

    Returns:
        Cells by column, in the order of `clinical.COLUMNS`.
    """
    cells = {**dict.fromkeys(COLUMNS, ""), **words}
    cells |= {name: str(value) for name, value in course.days.items()}
    cells["haic_cycles"] = str(course.haic_cycles)
    for name, value in values.items():
        decimals = LABORATORY[name].decimals if name in LABORATORY else 0
        lost = name in LABORATORY and rng.random() < MISSING_SHARE
        cells[name] = "" if lost else f"{value:.{decimals}f}"
    return cells


def _share(name: str) -> float:
    return sum(EXPOSED[name]) / PAPER_PATIENTS


def _spread(item: Laboratory) -> tuple[float, float]:
    """Give mean and standard deviation, of the logarithm where the value is skewed."""
    if item.skewed:
        width = float(np.log(item.upper) - np.log(item.lower))
        return float(np.log(item.median)), width / _QUARTILE_WIDTH
    return item.median, (item.upper - item.lower) / _QUARTILE_WIDTH


def _unscaled(item: Laboratory, z: float) -> float:
    mean, deviation = _spread(item)
    value = mean + deviation * z
    return float(np.exp(value)) if item.skewed else value


def _scaled(name: str, value: float) -> float:
    item = LABORATORY[name]
    mean, deviation = _spread(item)
    return ((float(np.log(value)) if item.skewed else value) - mean) / deviation
