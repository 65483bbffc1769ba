"""Platt scaling: a logistic curve from decision values to probabilities, fitted on sums.

The curve and its softened targets are those of ``shared.stats.platt``; here its likelihood is
summed over sites.
Source: Platt 1999, "Probabilistic outputs for support vector machines".
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64

from shared.stats.irls import LikelihoodParts, bernoulli_parts, newton_maximise


def platt_parts(
    values: Float64[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
    targets: tuple[float, float],
    curve: Float64[np.ndarray, " 2"],
) -> LikelihoodParts:
    """Sum likelihood, gradient and information of a curve over some patients.

    Args:
        values: Decision values of models that were not trained on the patient.
        events: Whether the event happened.
        targets: Of patients with the event, and without.
        curve: Slope and intercept.

    Returns:
        The parts; those of several sites add up.
    """
    design = np.stack([values, np.ones(values.size)], axis=1)
    return bernoulli_parts(design, np.where(events, *targets), curve)


def fit_platt(
    parts_at: Callable[[Float64[np.ndarray, " 2"]], LikelihoodParts], events: int, others: int
) -> tuple[float, float]:
    """Fit slope and intercept from sums.

    Args:
        parts_at: The summed parts at a curve.
        events: Patients with the event.
        others: Patients without it.

    Returns:
        Slope and intercept: probability = expit(slope * value + intercept).

    Raises:
        ConvergenceError: When the values are all equal or the climb does not end.
    """
    start = np.array([0.0, np.log((events + 1) / (others + 1))])  # Platt's own start
    slope, intercept = newton_maximise(parts_at, start).coefficients
    return float(slope), float(intercept)
