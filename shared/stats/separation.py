"""Prove that covariates separate the classes, so that a logistic likelihood has no maximum."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import optimize

from shared.errors import ConvergenceError

TRUE_MARGIN = 1e-6
"""The solver keeps constraints to 1e-7; a true margin averages more than this."""


def separates(design: Float[np.ndarray, "patient _"], events: Bool[np.ndarray, " patient"]) -> bool:
    """Tell whether some combination of the columns separates the classes, ties allowed.

    A direction along which no patient's likelihood falls and some patient's rises has no maximum
    on its way. Source: Albert and Anderson 1984, Biometrika 71; the linear programme of Konis
    2007, DPhil thesis, Oxford.

    The mean margin is maximised over directions that misplace nobody, in a box, columns scaled
    to size 1.

    Args:
        design: One row per patient, intercept first, full column rank.
        events: Whether the event happened.

    Returns:
        Whether the classes are completely or quasi-completely separated.

    Raises:
        ConvergenceError: When the linear programme does not end.

    Example:
        >>> design = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, 4.0]])
        >>> separates(design, np.array([False, False, True, True]))
        True
        >>> separates(design, np.array([False, True, False, True]))
        False
    """
    centred = design - np.where(np.arange(design.shape[1]) == 0, 0.0, design.mean(axis=0))
    signed = np.where(events, 1.0, -1.0)[:, np.newaxis] * centred / np.abs(centred).max(axis=0)
    solution = optimize.linprog(
        -signed.mean(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1)
    )
    if not solution.success:
        raise ConvergenceError(
            f"Expected the separation check to end, got status {solution.status}. Rescale the "
            "covariates, or leave out columns that nearly repeat others."
        )
    return bool(-solution.fun > TRUE_MARGIN)
