"""L-BFGS that asks for value and gradient instead of calling a function.

Asking lets many fits share one exchange with the sites, and lets a fit stop after a fixed number
of gradients, which is what keeps its transcript too short to be solved for a patient.
Source: Nocedal and Wright 2006, Numerical Optimization, algorithms 7.4 and 3.5, equation 3.59.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

Vector = Float64[np.ndarray, " coordinate"]

SUFFICIENT = 1e-4
"""Wolfe's first constant (Nocedal and Wright, page 33)."""
CURVATURE = 0.9
"""Wolfe's second constant, for quasi-Newton directions."""
NOISE = 1e-11
"""Relative slack of a value: a sum of numbers rounded to 2^-40."""


@dataclass(frozen=True)
class Evaluation:
    """A function at one point.

    Attributes:
        value: Of the function.
        gradient: At the point.
    """

    value: float
    gradient: Vector


@dataclass(frozen=True)
class Minimum:
    """Where a search ended.

    Attributes:
        point: The point with the smallest gradient of all that were asked about.
        largest_gradient: Its largest component there, without sign.
        evaluations: How many points were asked about.
        converged: Whether the gradient is within the tolerance.
    """

    point: Vector
    largest_gradient: float
    evaluations: int
    converged: bool


Search = Generator[Vector, Evaluation, Minimum]
"""Yields a point, receives its evaluation, returns the minimum."""


@dataclass(frozen=True)
class _Trial:
    """A point on the line of search: step, value and slope along the direction."""

    step: float
    value: float
    slope: float
    point: Vector
    gradient: Vector


def lbfgs(start: Vector, first_step: float, most: int, tolerance: float = 1e-9) -> Search:
    """Search the minimum of a smooth convex function.

    All pairs are kept: a search has at most a few dozen.

    Args:
        start: Where to begin.
        first_step: Guess of the inverse curvature, used until the first step has measured it.
        most: Largest number of points to ask about.
        tolerance: Largest gradient component at which the search ends.

    Yields:
        A point to evaluate.

    Returns:
        The minimum found.
    """
    evaluation = yield start
    here = _Trial(0.0, float(evaluation.value), 0.0, start, evaluation.gradient)
    asked, best = 1, here
    pairs: list[tuple[Vector, Vector]] = []
    while asked < most and _size(best) > tolerance:
        direction = -_two_loops(here.gradient, pairs, first_step)
        slope = float(direction @ here.gradient)
        origin = _Trial(0.0, here.value, slope, here.point, here.gradient)
        low, high, step = origin, None, 1.0
        while True:
            point = origin.point + step * direction
            evaluation = yield point
            asked += 1
            trial = _Trial(
                step,
                float(evaluation.value),
                float(direction @ evaluation.gradient),
                point,
                evaluation.gradient,
            )
            best = min(best, trial, key=_size)
            if asked >= most or _accepted(origin, trial):
                break
            low, high = _bracket(origin, low, high, trial)
            step = _next_step(low, high)
            if high is not None and abs(high.step - low.step) < 1e-12:  # noqa: PLR2004 - rounding: no step is left
                break
        moved, turned = trial.point - here.point, trial.gradient - here.gradient
        # The minimum of a convex function turns the gradient uphill along any step.
        if float(moved @ turned) > 1e-14 * float(moved @ moved):
            pairs.append((moved, turned))
        elif trial.value >= here.value:
            break
        here = trial
    return Minimum(best.point, _size(best), asked, _size(best) <= tolerance)


def _size(trial: _Trial) -> float:
    return float(np.max(np.abs(trial.gradient)))


def _two_loops(gradient: Vector, pairs: list[tuple[Vector, Vector]], first_step: float) -> Vector:
    """Multiply the gradient by the inverse curvature that the pairs have measured."""
    result = gradient.copy()
    shares: list[float] = []
    for moved, turned in reversed(pairs):
        share = float(moved @ result) / float(moved @ turned)
        shares.append(share)
        result = result - share * turned
    if pairs:
        moved, turned = pairs[-1]
        first_step = float(moved @ turned) / float(turned @ turned)
    result = first_step * result
    for (moved, turned), share in zip(pairs, reversed(shares), strict=True):
        result = result + moved * (share - float(turned @ result) / float(moved @ turned))
    return result


def _accepted(origin: _Trial, trial: _Trial) -> bool:
    """Test Wolfe's conditions; near the minimum, where values are noise, by slopes alone.

    Source of the second test: Hager and Zhang 2005, SIAM J Optim 16, equation 1.4.
    """
    if abs(trial.slope) > CURVATURE * abs(origin.slope):
        return False
    if trial.value <= origin.value + SUFFICIENT * trial.step * origin.slope:
        return True
    noise = NOISE * max(1.0, abs(origin.value))
    flat = (2 * SUFFICIENT - 1) * origin.slope >= trial.slope
    return bool(flat and trial.value <= origin.value + noise)


def _bracket(
    origin: _Trial, low: _Trial, high: _Trial | None, trial: _Trial
) -> tuple[_Trial, _Trial | None]:
    """Replace an end of the interval that holds the minimum along the line."""
    noise = NOISE * max(1.0, abs(origin.value))
    too_high = trial.value > origin.value + SUFFICIENT * trial.step * origin.slope + noise
    if too_high or trial.value > low.value + noise:
        return low, trial
    if trial.slope * ((high.step if high else math.inf) - low.step) >= 0:
        return trial, low
    return trial, high


def _next_step(low: _Trial, high: _Trial | None) -> float:
    """Take the minimum of the cubic through both ends, kept away from them."""
    if high is None:
        return 4.0 * low.step if low.step else 1.0
    a, b = (low, high) if low.step < high.step else (high, low)
    width = b.step - a.step
    d1 = a.slope + b.slope - 3 * (b.value - a.value) / width
    square = d1 * d1 - a.slope * b.slope
    step = math.nan
    if square >= 0:
        d2 = math.sqrt(square)
        denominator = b.slope - a.slope + 2 * d2
        if denominator:
            step = b.step - width * (b.slope + d2 - d1) / denominator
    if not math.isfinite(step):
        step = a.step + width / 2
    return min(max(step, a.step + 0.05 * width), b.step - 0.05 * width)
