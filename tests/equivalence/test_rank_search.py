"""Ranks found by counting equal those of the pooled values, whatever the unit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.local_moments import answer_moments
from server.rank_search import compare_values, value_cells
from shared.aggregation.sum_channel import PlainSumChannel
from shared.errors import DataError
from shared.stats.two_samples import mann_whitney


def channel(federation, table, sites):
    places = np.arange(table["x"].size) % sites

    def answering(place):
        own = {name: column[places == place] for name, column in table.items()}
        return lambda request: answer_moments(request, own, f"s{place}", masked=True)

    answers = {f"s{place}": answering(place) for place in range(sites)}
    return PlainSumChannel(federation(answers), minimum_sites=1)


def grouped(values):
    x = np.asarray(values, dtype=np.float64)
    return {"x": x, "group": (np.arange(x.size) % 2).astype(float)}


def pooled(table):
    known = ~np.isnan(table["x"])
    return mann_whitney(*(table["x"][known & (table["group"] == g)] for g in (0, 1)))


@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("decimals", [0, 1, 17])
def test_ranks_of_skewed_values_compare_exactly(federation, sites, decimals):
    rng = np.random.default_rng(decimals)
    table = grouped(np.exp(rng.normal(5, 3, 127)).round(decimals))
    table["x"][::11] = np.nan
    assert compare_values(channel(federation, table, sites), "x", "group") == pooled(table)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9)),
        min_size=12,
        max_size=40,
    )
)
def test_ranks_of_any_numbers_compare_exactly(federation, values):
    table = grouped(values)
    assert compare_values(channel(federation, table, 2), "x", "group") == pooled(table)


def test_no_cell_holds_two_values(federation):
    values = np.array([1.0, np.nextafter(1.0, 2.0), 1.0, -1.0, 0.0, 7.0])
    cells = value_cells(channel(federation, grouped(values), 1), "x", "group")
    assert cells.tolist() == [[0, 1, 2, 0, 0], [1, 0, 0, 1, 1]]


def test_a_group_without_values_is_refused(federation):
    table = grouped(np.arange(20.0))
    table["x"][1::2] = np.nan
    with pytest.raises(DataError, match="both groups"):
        compare_values(channel(federation, table, 2), "x", "group")
