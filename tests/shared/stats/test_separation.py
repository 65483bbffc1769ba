"""Separation is proven, complete or with ties, and not suspected where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.stats.separation import separates


def design_of(*columns):
    return np.column_stack([np.ones(len(columns[0])), *columns])


def test_complete_separation_by_one_column_is_seen() -> None:
    marker = np.array([1.0, 2.0, 8.0, 9.0])
    assert separates(design_of(marker), np.array([False, False, True, True]))


def test_a_tie_at_the_border_still_separates() -> None:
    marker = np.array([1.0, 2.0, 2.0, 3.0])
    assert separates(design_of(marker), np.array([False, False, True, True]))


def test_an_overlap_of_one_pair_does_not_separate() -> None:
    marker = np.array([1.0, 3.0, 2.0, 4.0])
    assert not separates(design_of(marker), np.array([False, False, True, True]))


def test_two_columns_may_separate_together_only() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 60))
    events = x + y > 0.3
    assert separates(design_of(x, y), events)
    assert not separates(design_of(x), events)


@pytest.mark.parametrize("empty_cell", [0, 1, 2, 3])
def test_an_empty_cell_of_a_two_by_two_table_separates(empty_cell: int) -> None:
    sizes = np.array([5, 6, 7, 8])
    sizes[empty_cell] = 0
    exposed = np.repeat([1.0, 1.0, 0.0, 0.0], sizes)
    assert separates(design_of(exposed), np.repeat([True, False, True, False], sizes))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_scale_and_naming_of_the_event_do_not_matter(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=12)
    events = np.arange(12) < size
    assert (
        separates(design_of(x), events)
        == separates(design_of(x * 1e4 - 7), events)
        == separates(design_of(x), ~events)
        == bool(x[events].min() >= x[~events].max() or x[events].max() <= x[~events].min())
    )
