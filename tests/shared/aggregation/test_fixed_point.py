"""Sums of encoded numbers are exact, order-free, and refuse what would wrap around."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aggregation.fixed_point import (
    FIXED_LIMIT,
    MAX_SITES,
    WIDE_LIMIT,
    add_words,
    decode_sums,
    encode_sums,
    relative_grid,
)
from shared.errors import MessageError
from shared.messages.sums import SumField, SumKind


def total(kind, columns):
    """Add one encoded number per site and decode the total."""
    fields = (SumField("x", (), kind),)
    words = np.zeros(fields[0].words, dtype=np.int64)
    for value in columns:
        words = add_words(words, encode_sums(fields, {"x": np.asarray(value)}))
    return decode_sums(fields, words)["x"]


@given(st.lists(st.integers(-(2**56), 2**56), min_size=1, max_size=MAX_SITES))
def test_counts_add_up_exactly(counts):
    assert int(total(SumKind.COUNT, counts)) == sum(counts)


@given(
    st.lists(st.floats(-FIXED_LIMIT, FIXED_LIMIT, exclude_min=True, exclude_max=True), max_size=9)
)
def test_fixed_numbers_add_up_to_half_a_grid_step_each(numbers):
    found = float(total(SumKind.FIXED, numbers))
    error = abs(Fraction(found) - sum(map(Fraction, numbers)))
    grid = Fraction(relative_grid(SumKind.FIXED)) * max(len(numbers), 1) / 2
    assert error <= grid + Fraction(math.ulp(found))


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9))
def test_wide_numbers_add_up_better_than_floats_do(numbers):
    error = abs(float(total(SumKind.WIDE, numbers)) - math.fsum(numbers))
    assert error <= 1e-15 * max(map(abs, numbers)) + len(numbers) * 2.0**-113


@pytest.mark.parametrize("kind", [SumKind.FIXED, SumKind.WIDE])
def test_totals_do_not_depend_on_order(kind):
    numbers = np.random.default_rng(0).normal(size=40) * 1e3
    assert total(kind, numbers) == total(kind, numbers[::-1])


@pytest.mark.parametrize("kind", [SumKind.FIXED, SumKind.WIDE])
def test_the_largest_numbers_of_every_site_do_not_wrap_around(kind):
    limit = math.nextafter(FIXED_LIMIT if kind is SumKind.FIXED else WIDE_LIMIT, 0)
    assert total(kind, [limit] * MAX_SITES) == pytest.approx(limit * MAX_SITES, rel=1e-12)


@pytest.mark.parametrize("value", [FIXED_LIMIT, -FIXED_LIMIT, math.inf, math.nan])
def test_a_number_off_the_grid_is_refused(value):
    with pytest.raises(MessageError, match="131072"):
        total(SumKind.FIXED, [value])


def test_a_float_is_no_count():
    with pytest.raises(MessageError, match="whole numbers"):
        total(SumKind.COUNT, [1.0])


def test_a_count_that_could_wrap_around_is_refused():
    with pytest.raises(MessageError, match="counts below"):
        total(SumKind.COUNT, [2**60])


def test_masks_that_cancel_change_no_bit():
    fields = (SumField("x", (3,), SumKind.WIDE), SumField("n", (2,), SumKind.COUNT))
    rng = np.random.default_rng(5)
    shares = [
        encode_sums(fields, {"x": rng.normal(size=3), "n": rng.integers(0, 99, 2)})
        for _ in range(3)
    ]
    masks = [rng.integers(-(2**63), 2**63 - 1, shares[0].size) for _ in range(2)]
    with np.errstate(over="ignore"):
        masked = [
            add_words(shares[0], masks[0]),
            add_words(shares[1], masks[1]),
            add_words(shares[2], -masks[0] - masks[1]),
        ]
    plain, hidden = (add_words(add_words(a, b), c) for a, b, c in (shares, masked))
    assert plain.tolist() == hidden.tolist()
    assert masked[0].tolist() != shares[0].tolist()


@pytest.mark.parametrize(
    "values", [{}, {"y": np.zeros(2)}, {"x": np.zeros(3)}, {"x": np.zeros(2), "y": np.zeros(1)}]
)
def test_arrays_other_than_those_asked_for_are_refused(values):
    with pytest.raises(MessageError, match="same version"):
        encode_sums((SumField("x", (2,), SumKind.FIXED),), values)


def test_a_total_of_another_length_is_refused():
    with pytest.raises(MessageError, match="Expected 2 words"):
        decode_sums((SumField("x", (2,), SumKind.FIXED),), np.zeros(3, dtype=np.int64))
