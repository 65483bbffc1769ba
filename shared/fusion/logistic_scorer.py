"""A logistic model, or a reader's call, in the form in which a fitted machine travels.

Sites then score image, clinic and their fusion by the same code, and a release carries one kind of
model.
"""

import math

import numpy as np
from jaxtyping import Float64

from shared.errors import DataError
from shared.fusion.standardize import Preparation
from shared.fusion.svm import LINEAR, FittedSvm


def logistic_scorer(
    preparation: Preparation,
    intercept: float,
    coefficients: Float64[np.ndarray, " column"],
    prevalence: float,
) -> FittedSvm:
    """Write a logistic model as a linear machine whose decision value is the log odds.

    The curve has slope 1 and intercept 0, so that the machine's probability is the model's. A
    missing value takes the median of the preparation.

    The event is called where its probability is at least the prevalence. With prevalence q and a
    density f of calibrated probabilities p, those with the event have the density p f / q and the
    others (1 - p) f / (1 - q). Calling the event at p adds p / q - (1 - p) / (1 - q) times f to
    Youden's J = sensitivity + specificity - 1, which is 0 or more exactly where p >= q. So q is
    the threshold that maximises J, and no threshold has to be searched on few patients.
    Source of J: Youden 1950, Cancer 3.

    Args:
        preparation: Fitted on the same patients; its first part is used, its indicators of missing
            values are not.
        intercept: Log odds at columns of 0.
        coefficients: Per unit of a column, or of its natural logarithm where it is logged.
        prevalence: Share of the patients with the event, in (0, 1).

    Returns:
        The machine.

    Raises:
        DataError: If a coefficient is not finite or the prevalence is 0 or 1.
    """
    numbers = [intercept, *coefficients.tolist()]
    if not all(map(math.isfinite, numbers)) or not 0 < prevalence < 1:
        raise DataError(
            "Expected finite coefficients and patients of both classes, got others. "
            "Use fewer columns, or wait for more patients."
        )
    columns = len(preparation.columns)
    centres = preparation.centres[:1, :columns]
    scales = preparation.scales[:1, :columns]
    return FittedSvm(
        preparation=Preparation(
            columns=preparation.columns,
            logged=preparation.logged,
            indicated=(),
            medians=preparation.medians[:1],
            centres=centres,
            scales=scales,
        ),
        degree=LINEAR,
        weights=np.append(coefficients * scales[0], intercept + coefficients @ centres[0]),
        slope=1.0,
        intercept=0.0,
        threshold=math.log(prevalence / (1 - prevalence)),
    )


def hard_call(column: str) -> FittedSvm:
    """Write a reader's yes or no as a machine: the event is called where the column is 1.

    Its probabilities only rank the two calls; nothing else can be said of them.

    Args:
        column: Of 1 (called) and 0.

    Returns:
        The machine.
    """
    return FittedSvm(
        preparation=Preparation(
            columns=(column,),
            logged=(),
            indicated=(),
            medians=np.zeros((1, 1)),
            centres=np.full((1, 1), 0.5),
            scales=np.ones((1, 1)),
        ),
        degree=LINEAR,
        weights=np.array([1.0, 0.0]),
        slope=1.0,
        intercept=0.0,
        threshold=0.0,
    )
