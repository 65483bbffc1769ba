"""Confidence intervals of a proportion, on counts of any shape at once.

Clopper-Pearson is the default of this project. Quan 2024 says Clopper-Pearson but printed Wilson
with continuity correction (and Wald cut to [0, 1] for the clinical model): those are kept to
reproduce the paper.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from shared.errors import DataError


class IntervalMethod(StrEnum):
    """How a proportion's interval is made."""

    CLOPPER_PEARSON = "clopper_pearson"
    WILSON = "wilson"
    WILSON_CORRECTED = "wilson_corrected"
    WALD_CUT = "wald_cut"


@dataclass(frozen=True)
class Proportion:
    """A proportion with its interval.

    Attributes:
        value: Count over total, in [0, 1]; NaN when the total is 0.
        lower: Lower limit, in [0, 1]; NaN when the total is 0.
        upper: Upper limit, in [0, 1]; NaN when the total is 0.
        count: Numerator.
        total: Denominator.
    """

    value: float
    lower: float
    upper: float
    count: int
    total: int


Counts = int | Int[np.ndarray, "..."]
"""One count, or many of any shape."""

Limits = tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]
"""Lower and upper limits, of the counts' shape."""


def proportion(
    count: int,
    total: int,
    level: float = 0.95,
    method: IntervalMethod = IntervalMethod.CLOPPER_PEARSON,
) -> Proportion:
    """Give a proportion with its interval.

    Args:
        count: Patients who have the property, at least 0.
        total: Patients asked, at least the count; 0 gives NaN throughout.
        level: Confidence level, in (0, 1).
        method: Which interval.

    Returns:
        Value and limits.

    Raises:
        DataError: When the counts or the level are impossible.

    Example:
        >>> sensitivity = proportion(14, 17)
        >>> round(sensitivity.value, 3), round(sensitivity.lower, 3), round(sensitivity.upper, 3)
        (0.824, 0.566, 0.962)
    """
    lower, upper = LIMITS_OF_METHOD[method](count, total, level)
    return Proportion(
        value=count / total if total else float("nan"),
        lower=float(lower),
        upper=float(upper),
        count=count,
        total=total,
    )


def clopper_pearson(count: Counts, total: Counts, level: float = 0.95) -> Limits:
    """Give the exact binomial interval.

    Source: Clopper and Pearson 1934, Biometrika 26, by beta quantiles. R: `binom.test`.

    Args:
        count: Patients who have the property.
        total: Patients asked; 0 gives NaN.
        level: Confidence level, in (0, 1).

    Returns:
        Lower and upper limits, in [0, 1].

    Raises:
        DataError: When the counts or the level are impossible.

    Example:
        >>> lower, upper = clopper_pearson(10, 13)
        >>> round(float(lower), 4), round(float(upper), 4)
        (0.4619, 0.9496)
    """
    k, n = _checked(count, total)
    normal_quantile(level)
    tail = (1 - level) / 2
    # The beta quantile is undefined at the two ends, where the limit is known.
    lower = np.where(k > 0, special.betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
    upper = np.where(k < n, special.betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    return np.where(n > 0, lower, np.nan), np.where(n > 0, upper, np.nan)


def wilson(count: Counts, total: Counts, level: float = 0.95) -> Limits:
    """Give the score interval.

    Source: Wilson 1927, JASA 22; method 3 of Newcombe 1998, Statistics in Medicine 17.
    R: `prop.test(correct = FALSE)`.

    Args:
        count: Patients who have the property.
        total: Patients asked; 0 gives NaN.
        level: Confidence level, in (0, 1).

    Returns:
        Lower and upper limits, in [0, 1].

    Raises:
        DataError: When the counts or the level are impossible.

    Example:
        >>> lower, upper = wilson(10, 13)
        >>> round(float(lower), 4), round(float(upper), 4)
        (0.4974, 0.9182)
    """
    return _score_limits(count, total, level, correction=0.0)


def wilson_corrected(count: Counts, total: Counts, level: float = 0.95) -> Limits:
    """Give the score interval with continuity correction, which Quan 2024 printed in Table 3.

    The correction never exceeds the distance of the proportion to one half, as in R.
    Source: Newcombe 1998, Statistics in Medicine 17, method 4. R: `prop.test`.

    Args:
        count: Patients who have the property.
        total: Patients asked; 0 gives NaN.
        level: Confidence level, in (0, 1).

    Returns:
        Lower and upper limits, in [0, 1].

    Raises:
        DataError: When the counts or the level are impossible.

    Example:
        >>> lower, upper = wilson_corrected(14, 17)
        >>> round(float(lower), 3), round(float(upper), 3)
        (0.558, 0.953)
    """
    return _score_limits(count, total, level, correction=0.5)


def wald_cut(count: Counts, total: Counts, level: float = 0.95) -> Limits:
    """Give the normal interval cut to [0, 1]; only to reproduce papers that used it.

    Source: Newcombe 1998, Statistics in Medicine 17, method 1.

    Args:
        count: Patients who have the property.
        total: Patients asked; 0 gives NaN.
        level: Confidence level, in (0, 1).

    Returns:
        Lower and upper limits, in [0, 1].

    Raises:
        DataError: When the counts or the level are impossible.

    Example:
        >>> lower, upper = wald_cut(12, 13)
        >>> round(float(lower), 3), round(float(upper), 3)
        (0.778, 1.0)
    """
    k, n = _checked(count, total)
    z = normal_quantile(level)
    share = np.where(n > 0, k / np.maximum(n, 1), np.nan)
    half = z * np.sqrt(share * (1 - share) / np.maximum(n, 1))
    return (
        np.asarray(np.clip(share - half, 0.0, 1.0)),
        np.asarray(np.clip(share + half, 0.0, 1.0)),
    )


def normal_quantile(level: float) -> float:
    """Give the number of standard errors on each side of a two-sided normal interval.

    Args:
        level: Confidence level, in (0, 1).

    Returns:
        The quantile: 1.96 for 0.95.

    Raises:
        DataError: When the level is not in (0, 1).

    Example:
        >>> round(normal_quantile(0.95), 6)
        1.959964
    """
    if not 0 < level < 1:
        raise DataError(
            f"Expected a confidence level between 0 and 1, got {level}. Give 0.95 for 95%."
        )
    return float(special.ndtri((1 + level) / 2))


def _score_limits(count: Counts, total: Counts, level: float, correction: float) -> Limits:
    """Solve the score test for the proportion, with R's cap on the continuity correction."""
    k, n = _checked(count, total)
    z = normal_quantile(level)
    n_safe = np.maximum(n, 1)
    shift = np.minimum(correction, np.abs(k - n_safe / 2))
    ends = []
    for sign in (-1.0, 1.0):
        share = (k + sign * shift) / n_safe
        centre = share + z**2 / (2 * n_safe)
        root = np.sqrt(np.maximum(share * (1 - share) / n_safe + z**2 / (4 * n_safe**2), 0.0))
        ends.append((centre + sign * z * root) / (1 + z**2 / n_safe))
    # At k = 0 and k = n the limit is the end itself; the formula leaves rounding there.
    lower = np.where(k == 0, 0.0, np.clip(ends[0], 0.0, 1.0))
    upper = np.where(k == n, 1.0, np.clip(ends[1], 0.0, 1.0))
    return np.where(n > 0, lower, np.nan), np.where(n > 0, upper, np.nan)


def _checked(
    count: Counts, total: Counts
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Return counts and totals as floats of one shape, or refuse impossible ones."""
    k, n = np.broadcast_arrays(np.asarray(count), np.asarray(total))
    if np.any(k < 0) or np.any(k > n):
        raise DataError(
            "Expected counts from 0 to their totals, got a count outside. "
            "Check that numerator and denominator belong to the same patients."
        )
    return k.astype(np.float64), n.astype(np.float64)


LIMITS_OF_METHOD = {
    IntervalMethod.CLOPPER_PEARSON: clopper_pearson,
    IntervalMethod.WILSON: wilson,
    IntervalMethod.WILSON_CORRECTED: wilson_corrected,
    IntervalMethod.WALD_CUT: wald_cut,
}
"""The function behind each method."""
