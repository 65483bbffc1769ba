"""Intervals and P of Firth's fit, from the profile of the penalised likelihood."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import optimize, special

from shared.errors import ConvergenceError
from shared.stats.firth import PenalisedMaximum, maximise_penalised
from shared.stats.intervals import normal_quantile
from shared.stats.irls import solve_information

FARTHEST_LIMIT = 200.0
"""Log odds ratio, per standard deviation, beyond which a profile limit is called infinite."""

REACHED = 1e-6
"""Distance of the likelihood ratio from its quantile at which a limit counts as found."""

WALK_TO_ZERO = 9
"""Points from the maximum to a coefficient of 0; each starts from the last."""


@dataclass(frozen=True)
class Profile:
    """What the profile of the penalised likelihood says of one coefficient.

    Attributes:
        lower: Lower limit of the coefficient (a log odds ratio); minus infinity where the profile
            cannot be followed down to the quantile.
        upper: Upper limit; infinity likewise.
        p: P of the penalised likelihood-ratio test that the coefficient is 0.
    """

    lower: float
    upper: float
    p: float


def profile(
    design: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    maximum: PenalisedMaximum,
    column: int,
    level: float = 0.95,
) -> Profile:
    """Find a coefficient's interval and P from the profile of the penalised likelihood.

    Under separation the likelihood is lopsided and Wald's interval wrong; the profile is not.
    Source: Heinze and Schemper 2002. R: `logistf(pl = TRUE)`.

    Args:
        design: As given to `maximise_penalised`.
        events: Whether the event happened.
        maximum: What `maximise_penalised` found with all coefficients free.
        column: Design column of the coefficient.
        level: Confidence level, in (0, 1).

    Returns:
        Limits and P.

    Raises:
        DataError: When the level is impossible.
        ConvergenceError: When the profile is not reached at a coefficient of 0.

    Example:
        >>> exposed = np.repeat([1.0, 0.0], 5)
        >>> design = np.column_stack([np.ones(10), exposed])
        >>> events = exposed == 1.0
        >>> found = profile(design, events, maximise_penalised(design, events), 1)
        >>> round(found.lower, 3), round(found.p, 5)
        (1.521, 0.00179)
    """
    quantile = normal_quantile(level) ** 2
    held = maximum
    for share in np.linspace(1.0, 0.0, WALK_TO_ZERO)[1:]:
        value = share * float(maximum.coefficients[column])
        held = maximise_penalised(design, events, (column, value), held.coefficients)
    drop = 2 * (maximum.log_likelihood - held.log_likelihood)
    lower, upper = (
        _limit(design, events, maximum, _Walk(column, side, quantile)) for side in (-1.0, 1.0)
    )
    return Profile(lower=lower, upper=upper, p=float(special.chdtrc(1, max(drop, 0.0))))


@dataclass(frozen=True)
class _Walk:
    """A walk along one column's profile, to one side, until the likelihood ratio is reached."""

    column: int
    side: float
    quantile: float


def _limit(
    design: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    maximum: PenalisedMaximum,
    walk: _Walk,
) -> float:
    """Walk out from the maximum, each point from the last: far off, the profile has other peaks."""
    at = float(maximum.coefficients[walk.column])
    basis = np.zeros(design.shape[1])
    basis[walk.column] = 1.0
    error = math.sqrt(solve_information(maximum.information, basis)[walk.column])
    farthest = FARTHEST_LIMIT / error / float(design[:, walk.column].std() or 1.0)

    def excess(errors: float, start: PenalisedMaximum) -> tuple[float, PenalisedMaximum]:
        value = at + walk.side * errors * error
        held = maximise_penalised(design, events, (walk.column, value), start.coefficients)
        return 2 * (maximum.log_likelihood - held.log_likelihood) - walk.quantile, held

    # In standard errors: near is within the limit, here the fit there, stride the next step.
    near, here, stride = 0.0, maximum, 0.5
    try:
        while near < farthest:
            far = near + stride
            beyond, there = excess(far, here)
            if beyond >= 0:
                root = float(optimize.brentq(_first_of(excess, here), near, far, xtol=1e-10))
                # Where the profile jumps from peak to peak, it does not pass the quantile.
                reached = abs(excess(root, here)[0]) < REACHED
                return at + walk.side * error * root if reached else walk.side * math.inf
            near, here, stride = far, there, 1.5 * stride
    except ConvergenceError:
        # At the very edge of a peak no point is reached: no limit is claimed.
        return walk.side * math.inf
    return walk.side * math.inf


def _first_of(
    excess: Callable[[float, PenalisedMaximum], tuple[float, PenalisedMaximum]],
    start: PenalisedMaximum,
) -> Callable[[float], float]:
    """Fix the start and keep the value only, as a root finder wants it."""
    return lambda errors: excess(errors, start)[0]
