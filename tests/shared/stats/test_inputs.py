"""What cannot be computed from is refused with counts, never with patients' values."""

import numpy as np
import pytest

from shared.errors import DataError
from shared.stats.inputs import require_both_classes, require_finite, require_flags


def test_finite_values_come_back_as_double_precision() -> None:
    values = require_finite(np.array([0.1, 2.0], dtype=np.float32), "scores")
    assert values.dtype == np.float64


def test_refusal_counts_the_broken_values_and_shows_none() -> None:
    with pytest.raises(DataError) as refusal:
        require_finite(np.array([3.25, np.nan, -np.inf]), "scores")
    assert "2 of 3" in str(refusal.value)
    assert "3.25" not in str(refusal.value)


def test_flags_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="Expected 2 boolean events"):
        require_flags(np.array([True, False, True]), 2, "events")


def test_both_classes_are_counted() -> None:
    assert require_both_classes(np.array([True, False, True])) == (2, 1)


def test_an_empty_cohort_is_refused() -> None:
    with pytest.raises(DataError, match="0 with and 0 without"):
        require_both_classes(np.array([], dtype=bool))
