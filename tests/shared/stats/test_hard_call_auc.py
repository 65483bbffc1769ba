"""The area of a yes/no call: as an area of scores, by the definition, and as printed."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.confusion import ConfusionCounts
from shared.stats.hard_call_auc import hanley_mcneil_standard_error, hard_call_auc
from shared.stats.roc import auc


def calls_and_events(counts: ConfusionCounts):
    sizes = (
        counts.event_called,
        counts.event_missed,
        counts.no_event_called,
        counts.no_event_cleared,
    )
    calls = np.repeat([1.0, 0.0, 1.0, 0.0], sizes)
    events = np.repeat([True, True, False, False], sizes)
    return calls, events


def share_of_triples(pair, single, sign: int) -> float:
    """Count over all triples, with repetition: both of the pair beyond the single one."""

    def credit(a, b, c):
        first, second = sign * (a - c), sign * (b - c)
        if first < 0 or second < 0:
            return 0.0
        return {2: 1.0, 1: 0.5, 0: 1 / 3}[int(first > 0) + int(second > 0)]

    triples = list(itertools.product(pair, pair, single))
    return sum(credit(*triple) for triple in triples) / len(triples)


@given(st.builds(ConfusionCounts, *([st.integers(1, 60)] * 4)))
def test_area_equals_the_area_of_zero_one_scores(counts: ConfusionCounts) -> None:
    calls, events = calls_and_events(counts)
    assert hard_call_auc(counts).auc == pytest.approx(auc(calls, events), abs=1e-13)


@pytest.mark.parametrize("sizes", [(3, 2, 1, 4), (5, 0, 2, 3), (2, 3, 0, 4)])
def test_variance_equals_the_definition_over_all_triples(sizes) -> None:
    counts = ConfusionCounts(*sizes)
    calls, events = calls_and_events(counts)
    m, n, area = counts.events, counts.no_events, auc(calls, events)
    q1 = share_of_triples(calls[events], calls[~events], 1)
    q2 = share_of_triples(calls[~events], calls[events], -1)
    expected = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)
    assert hard_call_auc(counts).variance == pytest.approx(expected, rel=1e-12)


@given(st.builds(ConfusionCounts, *([st.integers(0, 40)] * 4)))
def test_interval_stays_within_zero_and_one(counts: ConfusionCounts) -> None:
    if counts.events and counts.no_events:
        estimate = hard_call_auc(counts)
        assert 0 <= estimate.lower <= estimate.auc <= estimate.upper <= 1


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(DataError, match="4 with and 0 without"):
        hard_call_auc(ConfusionCounts(2, 2, 0, 0))


@pytest.mark.parametrize(("events", "no_events"), [(1, 1), (13, 35), (51, 58)])
def test_an_area_of_one_half_has_the_null_variance_of_mann_whitney(events, no_events) -> None:
    expected = math.sqrt((events + no_events + 1) / (12 * events * no_events))
    error = hanley_mcneil_standard_error(0.5, events, no_events)
    assert error == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("arguments", [(1.2, 5, 5), (0.8, 0, 5)])
def test_impossible_printed_areas_are_refused(arguments) -> None:
    with pytest.raises(DataError, match="area in"):
        hanley_mcneil_standard_error(*arguments)
