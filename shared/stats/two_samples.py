"""Compare one measurement between two groups: Student, Welch, Mann-Whitney."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special
from scipy import stats as scipy_stats

from shared.errors import DataError
from shared.stats.inputs import require_finite


@dataclass(frozen=True)
class TTest:
    """A test that two groups have the same mean.

    Attributes:
        difference: Mean of the first group minus mean of the second, in the measurement's unit.
        t: The statistic; NaN when no spread is left to judge by.
        degrees: Degrees of freedom, not whole for Welch.
        p: Two-sided P; NaN where t is.
    """

    difference: float
    t: float
    degrees: float
    p: float


@dataclass(frozen=True)
class MannWhitney:
    """A test that neither of two groups tends to larger values.

    Attributes:
        u: Pairs in which the first group's value is larger, ties one half.
        z: Standardised u, ties and continuity corrected; 0 when all values are equal.
        p: Two-sided P of the normal approximation.
    """

    u: float
    z: float
    p: float


def student_t(first: Float[np.ndarray, " _"], second: Float[np.ndarray, " _"]) -> TTest:
    """Test equality of means, assuming equal variances.

    Source: Student 1908, Biometrika 6. R: `t.test(var.equal = TRUE)`.

    Args:
        first: Finite measurements of the first group.
        second: Finite measurements of the second group.

    Returns:
        The test.

    Raises:
        DataError: When a group is empty, a value is not finite, or there are under 3 patients.

    Example:
        >>> test = student_t(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
        >>> round(test.t, 4), test.degrees, round(test.p, 4)
        (-1.5492, 4.0, 0.1963)
    """
    (n1, mean1, squares1), (n2, mean2, squares2) = _moments(first), _moments(second)
    degrees = n1 + n2 - 2
    _require_degrees(degrees)
    variance = (squares1 + squares2) / degrees * (1 / n1 + 1 / n2)
    return _t_test(mean1 - mean2, variance, float(degrees))


def welch_t(first: Float[np.ndarray, " _"], second: Float[np.ndarray, " _"]) -> TTest:
    """Test equality of means without assuming equal variances.

    Source: Welch 1947, Biometrika 34 (Satterthwaite's degrees of freedom). R: `t.test`.

    Args:
        first: Finite measurements of the first group, at least two.
        second: Finite measurements of the second group, at least two.

    Returns:
        The test.

    Raises:
        DataError: When a group has fewer than two patients or a value is not finite.

    Example:
        >>> test = welch_t(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
        >>> round(test.t, 4), round(test.degrees, 4), round(test.p, 4)
        (-1.5492, 2.9412, 0.2209)
    """
    (n1, mean1, squares1), (n2, mean2, squares2) = _moments(first), _moments(second)
    _require_degrees(min(n1, n2) - 1)
    part1, part2 = squares1 / (n1 - 1) / n1, squares2 / (n2 - 1) / n2
    variance = part1 + part2
    if variance == 0:
        return _t_test(mean1 - mean2, 0.0, float(n1 + n2 - 2))
    degrees = variance**2 / (part1**2 / (n1 - 1) + part2**2 / (n2 - 1))
    return _t_test(mean1 - mean2, variance, degrees)


def mann_whitney(
    first: Float[np.ndarray, " _"], second: Float[np.ndarray, " _"], *, continuity: bool = True
) -> MannWhitney:
    """Test whether one group tends to larger values, by the normal approximation.

    The approximation is used at every size, because laboratory values are tied and because the
    federated form can use nothing else.
    Source: Mann and Whitney 1947; ties as in Lehmann 1975, Nonparametrics, section 1.4.
    R: `wilcox.test(exact = FALSE, correct = ...)`; SPSS does not correct for continuity.

    Args:
        first: Finite measurements of the first group.
        second: Finite measurements of the second group.
        continuity: Whether to move u by one half towards its expectation.

    Returns:
        The test.

    Raises:
        DataError: When a group is empty or a value is not finite.

    Example:
        >>> test = mann_whitney(np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
        >>> test.u, round(test.z, 4), round(test.p, 4)
        (2.0, -1.2841, 0.1991)
    """
    n1, n2 = _moments(first)[0], _moments(second)[0]
    pooled = np.concatenate([first, second])
    ranks = scipy_stats.rankdata(pooled)
    u = float(ranks[:n1].sum()) - n1 * (n1 + 1) / 2
    tied = np.unique(pooled, return_counts=True)[1].astype(np.float64)
    n = n1 + n2
    # n^3 - n less the same for each tied value, over n(n - 1): 0 when all values are equal.
    spread = (float(n) ** 3 - n - float(np.sum(tied**3 - tied))) / (n * (n - 1))
    variance = n1 * n2 / 12 * spread
    deviation = u - n1 * n2 / 2
    shift = min(0.5, abs(deviation)) if continuity else 0.0
    z = math.copysign(abs(deviation) - shift, deviation) / math.sqrt(variance) if variance else 0.0
    return MannWhitney(u=u, z=z, p=float(2 * special.ndtr(-abs(z))))


def _moments(values: Float[np.ndarray, " _"]) -> tuple[int, float, float]:
    """Give size, mean, and sum of squares about the mean, or refuse an empty group."""
    values = require_finite(values, "measurements")
    if values.size == 0:
        raise DataError(
            "Expected measurements in both groups, got an empty group. Leave the row out of the "
            "table, or compare other groups."
        )
    mean = float(values.mean())
    return values.size, mean, float(np.sum((values - mean) ** 2))


def _require_degrees(degrees: int) -> None:
    """Refuse groups that leave nothing to estimate a variance from."""
    if degrees < 1:
        raise DataError(
            "Expected enough patients to estimate a variance, got too few. Use the Mann-Whitney "
            "test, or pool more sites."
        )


def _t_test(difference: float, variance: float, degrees: float) -> TTest:
    """Judge a difference by Student's distribution."""
    if variance == 0:
        return TTest(difference, math.nan, degrees, math.nan)
    t = difference / math.sqrt(variance)
    return TTest(difference, t, degrees, float(2 * special.stdtr(degrees, -abs(t))))
