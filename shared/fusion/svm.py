"""A support vector machine as a sum of row losses, so that sites can add their shares.

Linear: squared hinge, the bias penalised like every weight, as scikit-learn's
``LinearSVC(loss="squared_hinge", dual=False, intercept_scaling=1)``.
Degree two: the Gaussian kernel to second order, with each row's missing part on the kernel's
diagonal, which widens that row's hinge into a Huber hinge; close to ``SVC(kernel="rbf")``.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy import special

from shared.fusion.standardize import Preparation, prepare
from shared.messages.moments import SiteColumns

LINEAR, DEGREE_TWO = 1, 2


@dataclass(frozen=True)
class Rows:
    """Patients as a model's loss sees them.

    Attributes:
        design: Feature coordinates, the last one constant 1.
        widths: Width of each row's Huber hinge; 0 for the squared hinge.
        signs: +1 with the event, -1 without.
        weights: Class weight of each row.
    """

    design: Float64[np.ndarray, "patient coordinate"]
    widths: Float64[np.ndarray, " patient"]
    signs: Float64[np.ndarray, " patient"]
    weights: Float64[np.ndarray, " patient"]


@dataclass(frozen=True)
class FittedSvm:
    """A fitted machine with everything a prediction needs.

    Attributes:
        preparation: From columns to standardised features; one part.
        degree: 1 for linear, 2 for second-order kernel features.
        weights: One per coordinate, the bias last.
        slope: Of Platt's logistic curve.
        intercept: Of Platt's logistic curve.
        threshold: The event is called when the decision value is at least this.
    """

    preparation: Preparation
    degree: int
    weights: Float64[np.ndarray, " coordinate"]
    slope: float
    intercept: float
    threshold: float


def coordinates(features: int, degree: int) -> int:
    """Count the coordinates of a model, the bias included."""
    return features + 1 if degree == LINEAR else 2 + features + features * (features + 1) // 2


def lift(
    features: Float64[np.ndarray, "patient feature"], degree: int
) -> tuple[Float64[np.ndarray, "patient coordinate"], Float64[np.ndarray, " patient"]]:
    """Give the coordinates of a model and what the kernel's diagonal lacks.

    Second order: exp(-g|x|^2) (1, sqrt(2g) x, 2g/sqrt(2) x_i x_j), g = 1 / number of features, is
    the Taylor expansion of the Gaussian kernel (Cotter, Keshet and Srebro 2011, arXiv 1109.4603).

    Args:
        features: Standardised.
        degree: 1 or 2.

    Returns:
        Coordinates, the last one 1, and 1 - |coordinates|^2 without it (0 for linear).
    """
    patients, count = features.shape
    ones = np.ones((patients, 1))
    if degree == LINEAR:
        return np.concatenate([features, ones], axis=1), np.zeros(patients)
    gamma = 1 / count
    rows, columns = np.triu_indices(count)
    pairs = features[:, rows] * features[:, columns] * np.where(rows == columns, 1, np.sqrt(2))
    shrink = np.exp(-gamma * np.sum(features**2, axis=1, keepdims=True))
    lifted = shrink * np.concatenate(
        [ones, np.sqrt(2 * gamma) * features, np.sqrt(2) * gamma * pairs], axis=1
    )
    lacking = np.maximum(1 - np.sum(lifted**2, axis=1), 1e-9)  # rounding may pass 1 by a little
    return np.concatenate([lifted, ones], axis=1), lacking


def rotate(
    design: Float64[np.ndarray, "patient coordinate"],
    basis: Float64[np.ndarray, "turned turned"],
) -> Float64[np.ndarray, "patient coordinate"]:
    """Turn the first coordinates, as many as the basis has, and keep the rest."""
    size = basis.shape[0]
    return np.concatenate([design[:, :size] @ basis.T, design[:, size:]], axis=1)


def turned_coordinates(features: int, degree: int) -> int:
    """Say how many coordinates are penalised and turned: all, but a free bias."""
    return coordinates(features, degree) - (0 if degree == LINEAR else 1)


def loss_and_gradient(
    rows: Rows, point: Float64[np.ndarray, " coordinate"], penalty: float
) -> tuple[float, Float64[np.ndarray, " coordinate"]]:
    """Sum the loss of the rows and its gradient; the penalty on the weights is not in it.

    Squared hinge: C sum c_i max(0, m_i)^2 with m_i = 1 - y_i f_i (Fan 2008, JMLR 9, equation 4).
    Huber hinge of width d: max over 0 <= a <= C c_i of a m - d a^2 / 2 (Chapelle 2007, Neural
    Computation 19, section 2).

    Args:
        rows: Patients.
        point: Weights.
        penalty: C, the price of a row's loss.

    Returns:
        Loss and gradient.
    """
    margin = 1 - rows.signs * (rows.design @ point)
    price = penalty * rows.weights
    squared = rows.widths == 0
    short = np.maximum(margin, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        dual = np.where(squared, 2 * price * short, np.clip(short / rows.widths, 0, price))
    losses = np.where(squared, price * short**2, dual * margin - 0.5 * rows.widths * dual**2)
    return float(losses.sum()), -rows.design.T @ (rows.signs * dual)


def decision_values(model: FittedSvm, table: SiteColumns) -> Float64[np.ndarray, " patient"]:
    """Give the signed distance scores; higher speaks for the event.

    Raises:
        DataError: When a column is missing or cannot be used.
    """
    design, _ = lift(prepare(table, model.preparation), model.degree)
    return np.asarray(design @ model.weights)


def probabilities(model: FittedSvm, table: SiteColumns) -> Float64[np.ndarray, " patient"]:
    """Give the calibrated probability of the event."""
    return np.asarray(special.expit(model.slope * decision_values(model, table) + model.intercept))


def calls(model: FittedSvm, table: SiteColumns) -> Bool[np.ndarray, " patient"]:
    """Say for which patients the event is called."""
    return np.asarray(decision_values(model, table) >= model.threshold)


def class_weights(events: int, others: int, *, balanced: bool) -> tuple[float, float]:
    """Give the weight of a row with the event and of one without.

    Balanced: patients / (2 patients of the class), as scikit-learn's ``class_weight="balanced"``.
    """
    if not balanced:
        return 1.0, 1.0
    return (events + others) / (2 * events), (events + others) / (2 * others)
