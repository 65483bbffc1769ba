"""Say whether a printed ratio, its interval and its P belong together.

For an odds or hazard ratio, the width of the Wald interval fixes the standard error, and with it
the P. Rounding leaves a range of P; a printed P outside it comes from another test or fit.
"""

import itertools
import math
from dataclasses import dataclass

from scipy import special

from shared.errors import DataError
from shared.stats.intervals import normal_quantile


@dataclass(frozen=True)
class ImpliedP:
    """The range of Wald P that a printed ratio and interval allow.

    Attributes:
        lowest: Smallest two-sided P over all numbers that print alike.
        highest: Largest.
    """

    lowest: float
    highest: float

    def allows(self, printed_p: float, decimals: int) -> bool:
        """Tell whether a P printed with so many decimals falls in the range."""
        half = 0.5 * 10.0**-decimals
        return self.lowest - half <= printed_p <= self.highest + half


def implied_p(
    ratio: float, lower: float, upper: float, decimals: int = 3, level: float = 0.95
) -> ImpliedP:
    """Find the Wald P that a printed ratio and its interval imply.

    The interval is exp(log ratio +- z * error), so error = log(upper / lower) / 2z, and P is that
    of log ratio / error. The extremes over the rounding box lie at its corners, because P is
    monotone in each of the three numbers on either side of a ratio of 1; a box that holds 1 has
    P = 1. Source: Altman and Bland 2011, BMJ 343, d2304.

    Args:
        ratio: Printed odds or hazard ratio, above 0.
        lower: Printed lower limit, above 0.
        upper: Printed upper limit, above the lower.
        decimals: Digits printed after the point.
        level: Confidence level of the interval, in (0, 1).

    Returns:
        The range of P.

    Raises:
        DataError: When the numbers are no ratio with an interval.

    Example:
        >>> p = implied_p(1.649, 1.017, 2.674)
        >>> round(p.lowest, 4), round(p.highest, 4), p.allows(0.0194, decimals=4)
        (0.0423, 0.0428, False)
    """
    half = 0.5 * 10.0**-decimals
    if not (half < lower <= upper and ratio > half):
        raise DataError(
            f"Expected a ratio above 0 with a lower limit not above its upper, got {ratio} "
            f"({lower} to {upper}). Give the numbers as printed."
        )
    z = normal_quantile(level)
    corners = [
        _wald_p(ratio + a, lower + b, upper + c, z)
        for a, b, c in itertools.product((-half, half), repeat=3)
        if lower + b < upper + c
    ]
    return ImpliedP(
        # Limits that print alike may lie as close as one likes, and P with them.
        lowest=0.0 if upper - lower <= 2 * half else min(corners),
        highest=1.0 if abs(ratio - 1) <= half else max(corners),
    )


def _wald_p(ratio: float, lower: float, upper: float, z: float) -> float:
    """Give the two-sided P of a ratio whose interval is z errors wide on each side."""
    return float(2 * special.ndtr(-abs(math.log(ratio)) * 2 * z / math.log(upper / lower)))
