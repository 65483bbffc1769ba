"""Maximise a Bernoulli log-likelihood by Newton steps on sums over patients.

The sums (value, gradient, information) are what a site would send: `newton_maximise` takes any
function that returns them, summed over one table or over many.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import linalg, special

from shared.errors import ConvergenceError

CONVERGED_DECREMENT = 1e-14
"""Squared length of the last step in standard errors; Newton squares it once more."""

LARGEST_HALVINGS = 30
"""A step halved more often moves nothing that a float can hold."""


@dataclass(frozen=True)
class LikelihoodParts:
    """A log-likelihood at one point, with its slope and curvature.

    Attributes:
        value: The log-likelihood.
        gradient: Its gradient, one entry per coefficient.
        information: Minus its Hessian (observed and expected information agree here).
    """

    value: float
    gradient: Float[np.ndarray, " feature"]
    information: Float[np.ndarray, "feature feature"]

    def __add__(self, other: "LikelihoodParts") -> "LikelihoodParts":
        """Sum two tables of patients."""
        return LikelihoodParts(
            self.value + other.value,
            self.gradient + other.gradient,
            self.information + other.information,
        )


@dataclass(frozen=True)
class Maximum:
    """Where a log-likelihood is largest.

    Attributes:
        coefficients: The point.
        parts: Value, gradient and information there.
        iterations: Newton steps taken.
    """

    coefficients: Float[np.ndarray, " feature"]
    parts: LikelihoodParts
    iterations: int


def bernoulli_parts(
    design: Float[np.ndarray, "patient feature"],
    targets: Float[np.ndarray, " patient"],
    coefficients: Float[np.ndarray, " feature"],
    offset: Float[np.ndarray, " patient"] | None = None,
) -> LikelihoodParts:
    """Sum a logistic log-likelihood and its derivatives over patients.

    Source: McCullagh and Nelder 1989, Generalized Linear Models, sections 2.5 and 4.4.

    Args:
        design: One row per patient; a column of ones for the intercept.
        targets: Outcome in [0, 1]; fractions are allowed (Platt's targets).
        coefficients: Where to evaluate.
        offset: Known part of the linear predictor; none unless given.

    Returns:
        The parts; adding those of two sites gives the parts of the pooled table.

    Example:
        >>> parts = bernoulli_parts(np.ones((4, 1)), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(1))
        >>> round(parts.value, 4), parts.gradient.tolist(), parts.information.tolist()
        (-2.7726, [-1.0], [[1.0]])
    """
    predictor = design @ coefficients
    if offset is not None:
        predictor = predictor + offset
    probability = special.expit(predictor)
    # log(1 + e^x) without overflow; expit(-x) instead of 1 - expit(x) keeps the far tail.
    value = float(targets @ predictor - np.sum(np.logaddexp(0.0, predictor)))
    weight = probability * special.expit(-predictor)
    return LikelihoodParts(
        value=value,
        gradient=design.T @ (targets - probability),
        information=design.T @ (design * weight[:, np.newaxis]),
    )


def newton_maximise(
    parts_at: Callable[[Float[np.ndarray, " feature"]], LikelihoodParts],
    start: Float[np.ndarray, " feature"],
    max_iterations: int = 50,
) -> Maximum:
    """Climb to the maximum of a concave log-likelihood, halving steps that overshoot.

    The information is scaled to a unit diagonal before it is solved, so that laboratory values
    of very different size do not cost digits.
    Source: Nocedal and Wright 2006, Numerical Optimization, section 3.3.

    Args:
        parts_at: Value, gradient and information at a point; summed over sites if need be.
        start: Where to begin; zeros do for a logistic model.
        max_iterations: Steps after which to give up.

    Returns:
        The maximum.

    Raises:
        ConvergenceError: When the information cannot be inverted or the climb does not end, as
            under separation.

    Example:
        >>> design, targets = np.ones((4, 1)), np.array([1.0, 0.0, 0.0, 0.0])
        >>> found = newton_maximise(lambda b: bernoulli_parts(design, targets, b), np.zeros(1))
        >>> round(float(np.exp(found.coefficients[0])), 12)
        0.333333333333
    """
    here, parts = start, parts_at(start)
    for iteration in range(1, max_iterations + 1):
        step = solve_information(parts.information, parts.gradient)
        decrement = float(step @ parts.gradient)
        if decrement < CONVERGED_DECREMENT:
            return Maximum(here + step, parts_at(here + step), iteration)
        ahead = _step_uphill(parts_at, here, parts, step)
        if ahead is None:
            break
        here, parts = ahead
    raise ConvergenceError(
        f"Expected the likelihood to reach its maximum, got none within {max_iterations} "
        "Newton steps. Check for separation, or use Firth's penalised likelihood."
    )


def solve_information(
    information: Float[np.ndarray, "feature feature"], right: Float[np.ndarray, "feature ..."]
) -> Float[np.ndarray, "feature ..."]:
    """Solve information x = right, scaled to a unit diagonal.

    Source: Golub and Van Loan 2013, Matrix Computations, section 3.5 (scaling).

    Args:
        information: Symmetric, positive definite.
        right: Right-hand side, one or many columns.

    Returns:
        The solution, of the right-hand side's shape.

    Raises:
        ConvergenceError: When the information is singular or not finite.

    Example:
        >>> solve_information(np.diag([4.0, 100.0]), np.array([2.0, 10.0])).tolist()
        [0.5, 0.1]
    """
    diagonal = np.diagonal(information)
    if not np.all(np.isfinite(information)) or np.any(diagonal <= 0):
        raise ConvergenceError(_singular())
    scale = 1 / np.sqrt(diagonal)
    try:
        factor = linalg.cho_factor(information * np.outer(scale, scale))
    except linalg.LinAlgError as error:
        raise ConvergenceError(_singular()) from error
    columns = scale.reshape(-1, *([1] * (right.ndim - 1)))
    return np.asarray(columns * linalg.cho_solve(factor, columns * right))


def _step_uphill(
    parts_at: Callable[[Float[np.ndarray, " feature"]], LikelihoodParts],
    here: Float[np.ndarray, " feature"],
    parts: LikelihoodParts,
    step: Float[np.ndarray, " feature"],
) -> tuple[Float[np.ndarray, " feature"], LikelihoodParts] | None:
    """Take the step, or the largest half of halves that does not lose likelihood."""
    # The value itself is a sum over patients and carries this much rounding.
    slack = 1e-13 * max(1.0, abs(parts.value))
    for halving in range(LARGEST_HALVINGS):
        candidate = here + step * 0.5**halving
        there = parts_at(candidate)
        if there.value >= parts.value - slack:
            return candidate, there
    return None


def _singular() -> str:
    """Say that the information cannot be inverted."""
    return (
        "Expected an information matrix that can be inverted, got a singular one. Leave out "
        "constant or redundant columns, or check for separation."
    )
