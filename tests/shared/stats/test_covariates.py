"""Designs get an intercept; columns that say nothing new are named by number."""

import numpy as np
import pytest

from shared.errors import DataError
from shared.stats.covariates import design_with_intercept

EVENTS = np.arange(30) % 3 == 0


def features(seed: int = 1):
    return np.random.default_rng(seed).normal(size=(30, 4))


def test_design_is_the_covariates_behind_a_column_of_ones() -> None:
    x = features()
    design = design_with_intercept(x, EVENTS)
    np.testing.assert_array_equal(design[:, 0], 1.0)
    np.testing.assert_array_equal(design[:, 1:], x)


@pytest.mark.parametrize("constant", [0.0, 3.0, 1e9 + 0.1])
def test_a_constant_column_is_refused_by_number(constant: float) -> None:
    x = features()
    x[:, 2] = constant
    with pytest.raises(DataError, match=r"columns \[2\]"):
        design_with_intercept(x, EVENTS)


def test_a_combination_of_columns_is_refused() -> None:
    x = features()
    x[:, 3] = 2 * x[:, 0] - x[:, 1] + 5
    with pytest.raises(DataError, match="combination of others"):
        design_with_intercept(x, EVENTS)


def test_more_covariates_than_patients_are_refused() -> None:
    x = np.random.default_rng(2).normal(size=(5, 8))
    with pytest.raises(DataError, match="combination of others"):
        design_with_intercept(x, np.array([True, False, True, False, True]))


def test_large_but_varying_laboratory_values_are_kept() -> None:
    x = features() * 1e-3 + 1e5
    assert design_with_intercept(x, EVENTS).shape == (30, 5)


def test_missing_values_are_refused() -> None:
    x = features()
    x[0, 0] = np.nan
    with pytest.raises(DataError, match="1 of 120"):
        design_with_intercept(x, EVENTS)
