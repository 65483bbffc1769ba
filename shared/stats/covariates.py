"""Turn covariates into a design with an intercept, refusing columns that say nothing new."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import linalg

from shared.errors import DataError
from shared.stats.inputs import require_both_classes, require_finite, require_flags

ROUNDING = 1e-12
"""A spread this small beside the column's size is the rounding of a constant."""

DEPENDENT = 1e-10
"""What a column of unit spread must keep beside the others; less is rounding of a combination."""


def design_with_intercept(
    features: Float[np.ndarray, "patient feature"], events: Bool[np.ndarray, " patient"]
) -> Float[np.ndarray, "patient _"]:
    """Prepend a column of ones, and refuse columns that it or other columns already say.

    Source: Golub and Van Loan 2013, Matrix Computations, section 5.4.2 (rank by pivoted QR).

    Args:
        features: One row per patient, one column per covariate; finite.
        events: Whether the event happened.

    Returns:
        The design, intercept first.

    Raises:
        DataError: When a value is not finite, one class is empty, or a column is constant or a
            combination of others.

    Example:
        >>> design_with_intercept(np.array([[5.0], [7.0]]), np.array([True, False])).tolist()
        [[1.0, 5.0], [1.0, 7.0]]
    """
    features = require_finite(features, "covariates")
    require_flags(events, features.shape[0], "events")
    require_both_classes(events)
    design = np.column_stack([np.ones(features.shape[0]), features])
    centred = features - features.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    # Relative to the column's own size, a spread this small is rounding of a constant.
    flat = spread <= ROUNDING * np.sqrt((features**2).sum(axis=0))
    redundant = {int(column) for column in np.flatnonzero(flat)}
    kept = np.flatnonzero(~flat)
    if kept.size:
        triangle, order = linalg.qr(
            centred[:, kept] / spread[kept], mode="r", pivoting=True, check_finite=False
        )
        size = np.zeros(kept.size)
        diagonal = np.abs(np.diagonal(triangle))
        size[: diagonal.size] = diagonal
        redundant |= {int(kept[order[i]]) for i in np.flatnonzero(size < DEPENDENT)}
    if redundant:
        raise DataError(
            f"Expected covariates that vary and say different things, got columns "
            f"{sorted(redundant)} (counted from 0) that are constant or a combination of others. "
            "Leave them out."
        )
    return design
