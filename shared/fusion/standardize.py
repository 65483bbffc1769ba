"""From named columns with gaps to standardised features, by numbers fitted on training patients.

Skewed laboratory values are logged, gaps take the median, columns with many gaps get an indicator
(the published models left patients with gaps out: Quan 2024 lost 105 of 444 that way), and every
feature is centred and scaled. All of it is fitted inside the training part of each fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from shared.errors import DataError, Problem
from shared.messages.moments import SiteColumns

INDICATED_SHARE = 0.05
"""Share of missing values from which a column gets an indicator."""


@dataclass(frozen=True)
class Preparation:
    """How columns become features, for each of several training parts.

    Attributes:
        columns: Names of the columns.
        logged: Those that are logged.
        indicated: Those that get an indicator of a missing value.
        medians: What replaces a missing value (after the logarithm), per part and column.
        centres: What is subtracted, per part and feature.
        scales: What is divided by, per part and feature; 1 for a constant feature.
    """

    columns: tuple[str, ...]
    logged: tuple[str, ...]
    indicated: tuple[str, ...]
    medians: Float64[np.ndarray, "part column"]
    centres: Float64[np.ndarray, "part feature"]
    scales: Float64[np.ndarray, "part feature"]

    @property
    def features(self) -> tuple[str, ...]:
        """Name the features: the columns, then the indicators."""
        return (*self.columns, *(f"{name} missing" for name in self.indicated))


def chosen_columns(
    table: SiteColumns, columns: Sequence[str], logged: Sequence[str]
) -> Float64[np.ndarray, "patient column"]:
    """Put columns side by side, logged where asked; missing values stay NaN.

    Args:
        table: A site's columns.
        columns: Which.
        logged: Those of which the natural logarithm is taken.

    Returns:
        The matrix.

    Raises:
        DataError: When a column is missing, infinite, or not above 0 where it is logged; every
            such column is named.
    """
    problems: list[Problem] = []
    chosen: list[np.ndarray] = []
    for name in columns:
        if name not in table:
            problems.append(
                Problem(f"column '{name}'", "no such column", "a column", "Add the column.")
            )
            continue
        values = np.asarray(table[name], dtype=np.float64)
        wrong = np.isinf(values) | ((values <= 0) if name in logged else False)
        if wrong.any():
            expected = "finite values above 0" if name in logged else "finite values"
            fix = "Correct or empty those cells."
            problems.append(Problem(f"column '{name}'", f"{wrong.sum()} others", expected, fix))
        else:
            chosen.append(np.log(values) if name in logged else values)
    if problems:
        raise DataError("Columns of the clinical table cannot be used.", problems)
    return np.stack(chosen, axis=1) if chosen else np.zeros((0, 0))


def with_indicators(
    matrix: Float64[np.ndarray, "patient column"],
    indicated: Bool[np.ndarray, " column"],
    medians: Float64[np.ndarray, " column"] | None,
) -> Float64[np.ndarray, "patient feature"]:
    """Fill gaps with medians and append the indicators.

    Args:
        matrix: Columns with NaN where missing.
        indicated: Which columns get an indicator.
        medians: What replaces missing values; None leaves them missing.

    Returns:
        Columns, then one indicator (1 for missing) per indicated column.
    """
    missing = np.isnan(matrix)
    filled = matrix if medians is None else np.where(missing, medians, matrix)
    return np.concatenate([filled, missing[:, indicated].astype(np.float64)], axis=1)


def prepare(
    table: SiteColumns, preparation: Preparation, part: int = 0
) -> Float64[np.ndarray, "patient feature"]:
    """Make the standardised features of one training part.

    Args:
        table: A site's columns.
        preparation: Fitted on training patients.
        part: Whose numbers are used; 0 is everybody.

    Returns:
        One row per patient, without gaps.

    Raises:
        DataError: When a column cannot be used.
    """
    matrix = chosen_columns(table, preparation.columns, preparation.logged)
    indicated = np.isin(preparation.columns, preparation.indicated)
    features = with_indicators(matrix, indicated, preparation.medians[part])
    return np.asarray((features - preparation.centres[part]) / preparation.scales[part])
