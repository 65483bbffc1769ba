"""Percentile bootstrap: patients drawn with replacement, or patients with all their slices.

Slices of one patient are not independent; an interval over slices must draw patients.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from shared.errors import DataError
from shared.stats.intervals import normal_quantile

Statistic = Callable[[Int[np.ndarray, " _"]], float]
"""Maps row numbers, drawn with replacement, to a number; NaN or DataError where undefined."""


@dataclass(frozen=True)
class BootstrapInterval:
    """A statistic with its percentile interval.

    Attributes:
        estimate: The statistic on all rows.
        lower: Lower percentile; NaN when every resample was undefined.
        upper: Upper percentile.
        resamples: Resamples that gave a number.
        undefined: Resamples that gave none (one class only, say); many of them bias the interval.
    """

    estimate: float
    lower: float
    upper: float
    resamples: int
    undefined: int


def bootstrap_patients(
    statistic: Statistic,
    patients: int,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> BootstrapInterval:
    """Draw patients with replacement.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3
    (percentile). Liao 2024, section 2.9: 1000 resamples.

    Args:
        statistic: Takes row numbers, so that it may index several arrays alike.
        patients: How many rows there are, at least 1.
        rng: Source of the draws.
        resamples: How many, at least 1.
        level: Confidence level, in (0, 1).

    Returns:
        The interval.

    Raises:
        DataError: When there are no patients or no resamples, or the level is impossible.

    Example:
        >>> ages = np.array([41.0, 55.0, 62.0, 70.0])
        >>> draw = np.random.default_rng(1)
        >>> result = bootstrap_patients(lambda rows: float(ages[rows].mean()), 4, draw)
        >>> result.estimate, result.lower, round(result.upper, 2)
        (57.0, 46.25, 66.29)
    """
    _require_rows(patients)
    return _percentiles(
        statistic,
        np.arange(patients),
        lambda: rng.integers(0, patients, patients),
        (resamples, level),
    )


def bootstrap_within_classes(
    statistic: Statistic,
    strata: Int[np.ndarray, " patient"],
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> BootstrapInterval:
    """Draw patients with replacement inside each stratum, so that no class ever vanishes.

    Source: Davison and Hinkley 1997, Bootstrap Methods, section 3.2 (several samples);
    R's pROC draws so by default.

    Args:
        statistic: Takes row numbers.
        strata: Stratum of each patient, any whole numbers.
        rng: Source of the draws.
        resamples: How many, at least 1.
        level: Confidence level, in (0, 1).

    Returns:
        The interval; row numbers come stratum by stratum.

    Raises:
        DataError: When there are no patients or no resamples, or the level is impossible.

    Example:
        >>> events = np.array([1, 0, 0, 0])
        >>> draw = np.random.default_rng(1)
        >>> share = bootstrap_within_classes(lambda rows: float(events[rows].mean()), events, draw)
        >>> share.lower, share.upper
        (0.25, 0.25)
    """
    _require_rows(strata.size)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    return _percentiles(
        statistic,
        np.arange(strata.size),
        lambda: np.concatenate([m[rng.integers(0, m.size, m.size)] for m in members]),
        (resamples, level),
    )


def bootstrap_clusters(
    statistic: Statistic,
    patient_of_slice: Int[np.ndarray, " slice"],
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> BootstrapInterval:
    """Draw patients with replacement, each with all slices.

    Source: Davison and Hinkley 1997, Bootstrap Methods, section 3.8 (hierarchical data,
    strategy 1: whole clusters).

    Args:
        statistic: Takes slice numbers; a patient drawn twice brings all slices twice.
        patient_of_slice: Case number of each slice's patient.
        rng: Source of the draws.
        resamples: How many, at least 1.
        level: Confidence level, in (0, 1).

    Returns:
        The interval.

    Raises:
        DataError: When there are no slices or no resamples, or the level is impossible.

    Example:
        >>> calls = np.array([1.0, 1.0, 0.0, 1.0])
        >>> draw = np.random.default_rng(1)
        >>> cases = np.array([7, 7, 7, 9])
        >>> result = bootstrap_clusters(lambda rows: float(calls[rows].mean()), cases, draw)
        >>> result.estimate, round(result.lower, 3), result.upper
        (0.75, 0.667, 1.0)
    """
    _require_rows(patient_of_slice.size)
    order = np.argsort(patient_of_slice, kind="stable")
    starts = np.unique(patient_of_slice[order], return_index=True)[1]
    members = np.split(order, starts[1:])
    return _percentiles(
        statistic,
        np.arange(patient_of_slice.size),
        lambda: np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]),
        (resamples, level),
    )


def _percentiles(
    statistic: Statistic,
    everybody: Int[np.ndarray, " _"],
    draw: Callable[[], Int[np.ndarray, " _"]],
    plan: tuple[int, float],
) -> BootstrapInterval:
    """Evaluate the statistic on each draw and take the percentiles of those defined."""
    resamples, level = plan
    normal_quantile(level)
    if resamples < 1:
        raise DataError(f"Expected at least one resample, got {resamples}. Ask for 1000.")
    values = np.array([_or_nan(statistic, draw()) for _ in range(resamples)])
    defined = values[~np.isnan(values)]
    tail = (1 - level) / 2
    lower, upper = np.quantile(defined, [tail, 1 - tail]) if defined.size else (math.nan, math.nan)
    return BootstrapInterval(
        estimate=_or_nan(statistic, everybody),
        lower=float(lower),
        upper=float(upper),
        resamples=defined.size,
        undefined=resamples - defined.size,
    )


def _or_nan(statistic: Statistic, rows: Int[np.ndarray, " _"]) -> float:
    """Evaluate the statistic; a refusal for lack of data is a NaN."""
    try:
        return statistic(rows)
    except DataError:
        return math.nan


def _require_rows(rows: int) -> None:
    """Refuse to resample nothing."""
    if rows < 1:
        raise DataError("Expected at least one patient to draw from, got none. Pool more sites.")
