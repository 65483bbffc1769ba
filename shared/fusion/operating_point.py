"""Choices made on out-of-fold scores: the penalty, and the threshold of the call."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from scipy import special

from shared.aggregation.score_cells import ScoreCells, auc_from_placements, placement_sums
from shared.errors import DataError


def area_or_nan(cells: ScoreCells) -> float:
    """Give the area of counted scores; NaN when one class is empty, as in a small fold."""
    patients = cells.counts.sum(axis=1)
    if not patients.all():
        return math.nan
    return float(auc_from_placements(patients, *placement_sums(cells)).aucs[0])


def choose_penalty(penalties: Sequence[float], areas: Float64[np.ndarray, "penalty fold"]) -> float:
    """Choose the penalty with the largest mean area over the folds; of equal ones the smallest.

    Args:
        penalties: Rising.
        areas: NaN for a fold with one class; such folds are left out.

    Returns:
        The penalty.

    Raises:
        DataError: When no fold has both classes.
    """
    usable = ~np.isnan(areas).any(axis=0)
    if not usable.any():
        raise DataError(
            "Expected at least one fold with patients of both classes, got none. "
            "Use fewer folds, or wait for more patients."
        )
    # Means that differ by rounding are equal; the smaller penalty is the simpler model.
    means = np.round(areas[:, usable].mean(axis=1), 12)
    return penalties[int(np.argmax(means))]


def youden_threshold(cells: ScoreCells) -> float:
    """Give the decision value that maximises sensitivity + specificity of out-of-fold scores.

    Of equal ones the smallest, which misses the fewest events.
    Source: Youden 1950, Cancer 3.

    Args:
        cells: Counts of logistic scores; both classes hold patients.

    Returns:
        The event is called at this decision value and above.
    """
    events, others = cells.counts
    called_events = np.cumsum(events[::-1])[::-1] / events.sum()
    called_others = np.cumsum(others[::-1])[::-1] / others.sum()
    best = int(np.argmax(np.round(called_events - called_others, 12)))
    lowest = np.finfo(np.float64).smallest_subnormal
    return float(special.logit(max(cells.edges[best], lowest)))
