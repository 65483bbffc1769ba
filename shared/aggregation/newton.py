"""Newton's climb of a concave log-likelihood that asks for its parts instead of computing them.

The steps are those of ``shared.stats.irls.newton_maximise``; asking lets many models climb in the
same exchanges, and one that has no maximum does not stop the others.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from shared.errors import ConvergenceError
from shared.stats.irls import CONVERGED_DECREMENT, LikelihoodParts, solve_information

MOST_STEPS = 50
MOST_HALVINGS = 30

Vector = Float64[np.ndarray, " feature"]


@dataclass(frozen=True)
class Climb:
    """Where a climb ended.

    Attributes:
        coefficients: The last point.
        parts: Value, gradient and information there.
        step: The last step: under separation it points to where the likelihood keeps rising.
        steps: Steps taken.
        converged: Whether it is the maximum.
    """

    coefficients: Vector
    parts: LikelihoodParts
    step: Vector
    steps: int
    converged: bool


def newton_climb(start: Vector) -> Generator[Vector, LikelihoodParts, Climb]:
    """Climb to the maximum, halving steps that overshoot.

    Source: Nocedal and Wright 2006, Numerical Optimization, section 3.3.

    Args:
        start: Where to begin; zeros do for a logistic model.

    Yields:
        A point whose parts are wanted.

    Returns:
        The end of the climb, converged or not.
    """
    here, step = start, np.zeros_like(start)
    parts = yield here
    for taken in range(1, MOST_STEPS + 1):
        try:
            step = solve_information(parts.information, parts.gradient)
        except ConvergenceError:
            return Climb(here, parts, step, taken - 1, converged=False)
        decrement = float(step @ parts.gradient)
        # The value is a sum over patients and carries this much rounding.
        slack = 1e-13 * max(1.0, abs(parts.value))
        for halving in range(MOST_HALVINGS):
            point = here + step * 0.5**halving
            there = yield point
            if there.value >= parts.value - slack:
                break
        else:
            # Uphill is lost in rounding only where the summit is reached to rounding.
            return Climb(here, parts, step, taken, converged=True)
        here, parts = point, there
        if decrement < CONVERGED_DECREMENT:
            return Climb(here, parts, step, taken, converged=True)
    return Climb(here, parts, step, MOST_STEPS, converged=False)
