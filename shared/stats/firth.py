"""Firth's penalised logistic likelihood, which has a maximum even under separation.

Sources: Firth 1993, Biometrika 80 (the penalty, half the log determinant of the information);
Heinze and Schemper 2002, Statistics in Medicine 21 (logistic form).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import linalg, special

from shared.errors import ConvergenceError

LARGEST_STEP = 5.0
"""Largest change of a coefficient per step, per standard deviation of its column, as in logistf;
coefficients already larger may change by their own size, or a far start would never come home."""

CONVERGED_STEP = 1e-10
"""Length, in standard errors, of a step not worth taking; the one before was about its root."""

MAX_ITERATIONS = 100
"""Ten steps are usual; far along a profile, thirty."""

FLATTEST = 1e-3
"""Least curvature, in units of the Fisher information, that a step relies on."""


@dataclass(frozen=True)
class PenalisedMaximum:
    """The maximum of the penalised likelihood.

    Attributes:
        coefficients: Where it is, one entry per design column.
        log_likelihood: The penalised log-likelihood there.
        information: Fisher information there.
        iterations: Steps taken.
    """

    coefficients: Float[np.ndarray, " feature"]
    log_likelihood: float
    information: Float[np.ndarray, "feature feature"]
    iterations: int


def penalised_log_likelihood(
    design: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    coefficients: Float[np.ndarray, " feature"],
) -> float:
    """Evaluate the log-likelihood plus half the log determinant of the information.

    Source: Firth 1993 (Jeffreys' prior).

    Args:
        design: One row per patient; a column of ones for the intercept.
        events: Whether the event happened.
        coefficients: Where to evaluate.

    Returns:
        The penalised log-likelihood; minus infinity where the information is singular.

    Example:
        >>> events = np.array([True, False, False, False])
        >>> round(penalised_log_likelihood(np.ones((4, 1)), events, np.zeros(1)), 6)
        -2.772589
    """
    predictor = design @ coefficients
    value = float(predictor[events].sum() - np.sum(np.logaddexp(0.0, predictor)))
    root = design * np.sqrt(special.expit(predictor) * special.expit(-predictor))[:, np.newaxis]
    diagonal = np.abs(np.diagonal(linalg.qr(root, mode="r")[0]))
    if np.any(diagonal == 0):
        return -math.inf
    return value + float(np.log(diagonal).sum())


def maximise_penalised(
    design: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    held: tuple[int, float] | None = None,
    start: Float[np.ndarray, " feature"] | None = None,
) -> PenalisedMaximum:
    """Find the maximum of the penalised likelihood, all coefficients free or one held.

    Source: Heinze and Schemper 2002: the score with h(1/2 - p) added, steps at most
    `LARGEST_STEP` long and halved while the likelihood falls. Departure: steps by the exact
    curvature, because steps by the Fisher information need hundreds under separation.
    R: `logistf`.

    Args:
        design: One row per patient, full column rank; a column of ones for the intercept.
        events: Whether the event happened; both classes present.
        held: A column and the value its coefficient is held at; the penalty keeps the column.
        start: Where to begin; zeros unless given.

    Returns:
        The maximum.

    Raises:
        ConvergenceError: When it is not reached.

    Example:
        >>> events = np.array([True, False, False, False])
        >>> found = maximise_penalised(np.ones((4, 1)), events)
        >>> round(float(found.coefficients[0]), 10) == round(math.log(1.5 / 3.5), 10)
        True
    """
    size = design.shape[1]
    here = np.zeros(size) if start is None else start.copy()
    free = np.arange(size)
    if held is not None:
        here[held[0]] = held[1]
        free = np.delete(free, held[0])
    spread = np.where(np.ptp(design, axis=0) > 0, design.std(axis=0), 1.0)[free]
    value = penalised_log_likelihood(design, events, here)
    for iteration in range(1, MAX_ITERATIONS + 1):
        slope = _slope(design, events, here)
        step, length = _newton_step(slope, free)
        if length < CONVERGED_STEP:
            return PenalisedMaximum(here, value, slope.information, iteration)
        room = max(LARGEST_STEP, float(np.abs(here[free] * spread).max(initial=0.0)))
        step = step / max(1.0, float(np.abs(step * spread).max(initial=0.0)) / room)
        here, value = _step_uphill(design, events, (here, value), (free, step))
    raise ConvergenceError(
        f"Expected Firth's likelihood to reach its maximum, got none after {MAX_ITERATIONS} steps. "
        "Use fewer covariates: there are too few patients for these."
    )


@dataclass(frozen=True)
class _Slope:
    """Firth's modified score, the Fisher information, and the curvature of the penalty."""

    score: Float[np.ndarray, " feature"]
    information: Float[np.ndarray, "feature feature"]
    penalty_curvature: Float[np.ndarray, "feature feature"]


def _slope(
    design: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    coefficients: Float[np.ndarray, " feature"],
) -> _Slope:
    """Differentiate the penalised likelihood twice.

    With h the leverages, w = p(1 - p) and q = 1 - 2p, the penalty's gradient is
    sum h q x / 2 and its Hessian [sum h (q^2 - 2w) x x' - tr(G_j G_k)] / 2, where
    G_j = sum q x_j u u' over the rows u of an orthonormal basis of the weighted design.
    """
    predictor = design @ coefficients
    probability = special.expit(predictor)
    weight = probability * special.expit(-predictor)
    # Not event minus probability, which loses its digits where the fit is nearly certain.
    residual = np.where(events, special.expit(-predictor), -probability)
    root = design * np.sqrt(weight)[:, np.newaxis]
    # Leverages from an orthonormal basis: no inverse, no squared condition number.
    basis = linalg.qr(root, mode="economic")[0]
    leverage = np.sum(basis**2, axis=1)
    lean = 1.0 - 2.0 * probability
    turned = np.array([(basis.T @ (basis * (lean * x)[:, np.newaxis])).ravel() for x in design.T])
    bent = design.T @ (design * (leverage * (lean**2 - 2 * weight))[:, np.newaxis])
    return _Slope(
        score=design.T @ (residual + leverage * lean / 2),
        information=root.T @ root,
        penalty_curvature=(bent - turned @ turned.T) / 2,
    )


def _newton_step(
    slope: _Slope, free: Int[np.ndarray, " _"]
) -> tuple[Float[np.ndarray, " _"], float]:
    """Step by the exact curvature, kept uphill where the likelihood is not concave.

    Curvature is taken along the directions in which it and the Fisher information are diagonal
    at once; its absolute value is used, and no less than `FLATTEST`.
    Source: Nocedal and Wright 2006, Numerical Optimization, section 3.4 (modified Hessian).

    Returns the step of the free columns and its length in standard errors.
    """
    if free.size == 0:
        return np.zeros(0), 0.0
    within = np.ix_(free, free)
    fisher, score = slope.information[within], slope.score[free]
    size = 1 / np.sqrt(np.diagonal(fisher))
    scaled = fisher * np.outer(size, size)
    bend = scaled - slope.penalty_curvature[within] * np.outer(size, size)
    try:
        curvature, directions = linalg.eigh(bend, scaled)
    except (linalg.LinAlgError, ValueError) as error:
        raise ConvergenceError(
            "Expected an information matrix that can be inverted, got a singular one. Use fewer "
            "covariates: there are too few patients for these."
        ) from error
    along = directions.T @ (size * score) / np.maximum(np.abs(curvature), FLATTEST)
    return size * (directions @ along), float(np.linalg.norm(along))


def _step_uphill(
    design: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    at: tuple[Float[np.ndarray, " feature"], float],
    move: tuple[Int[np.ndarray, " _"], Float[np.ndarray, " _"]],
) -> tuple[Float[np.ndarray, " feature"], float]:
    """Take the step along the free columns, halved while the penalised likelihood falls."""
    here, value = at
    free, step = move
    slack = 1e-12 * max(1.0, abs(value))
    for halving in range(30):
        candidate = here.copy()
        candidate[free] += step * 0.5**halving
        there = penalised_log_likelihood(design, events, candidate)
        if there >= value - slack:
            return candidate, there
    raise ConvergenceError(
        "Expected a step that raises Firth's likelihood, got none. Rescale the covariates, or "
        "leave out columns that nearly repeat others."
    )
