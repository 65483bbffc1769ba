"""Slices of a range, and evenly spaced ones among them."""

import numpy as np
import pytest

from shared.errors import PreparationError
from shared.imaging.slices import slices_in_range, spread_evenly

POSITIONS = np.arange(0.0, 100.0, 5.0)


@pytest.mark.parametrize("ends", [(20.0, 40.0), (40.0, 20.0)])
def test_a_range_takes_the_slices_between_its_ends(ends):
    assert slices_in_range(POSITIONS, *ends, 5.0).tolist() == [4, 5, 6, 7, 8]


def test_a_range_between_two_slices_takes_the_nearest():
    assert slices_in_range(POSITIONS, 21.0, 22.0, 5.0).tolist() == [4]


def test_a_range_outside_the_scan_is_refused_with_what_the_scan_covers():
    with pytest.raises(PreparationError, match="covers 0 to 95 mm"):
        slices_in_range(POSITIONS, 200.0, 300.0, 5.0)


def test_chosen_slices_are_the_middles_of_equal_parts():
    assert spread_evenly(np.arange(12), 4).tolist() == [1, 4, 7, 10]


@pytest.mark.parametrize("count", [0, 5, 9])
def test_zero_or_too_many_takes_all(count):
    assert spread_evenly(np.arange(5), count).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", range(1, 40))
@pytest.mark.parametrize("count", [1, 3, 7])
def test_chosen_slices_never_repeat(size, count):
    chosen = spread_evenly(np.arange(size), count)
    assert len(set(chosen.tolist())) == len(chosen) == min(size, count)
