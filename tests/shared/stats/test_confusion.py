"""Measures of a table of calls against scikit-learn, with undefined ratios as NaN."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from shared.errors import DataError
from shared.stats.confusion import ConfusionCounts, confusion_counts, confusion_measures
from shared.stats.intervals import IntervalMethod, proportion

counts_of_any_size = st.builds(ConfusionCounts, *([st.integers(0, 60)] * 4))


def test_measures_equal_scikit_learn() -> None:
    rng = np.random.default_rng(11)
    events, calls = rng.random(90) < 0.3, rng.random(90) < 0.4
    measures = confusion_measures(confusion_counts(calls, events))
    assert measures.sensitivity.value == pytest.approx(metrics.recall_score(events, calls))
    assert measures.specificity.value == pytest.approx(metrics.recall_score(~events, ~calls))
    assert measures.ppv.value == pytest.approx(metrics.precision_score(events, calls))
    assert measures.npv.value == pytest.approx(metrics.precision_score(~events, ~calls))
    assert measures.accuracy.value == pytest.approx(metrics.accuracy_score(events, calls))
    assert measures.f1 == pytest.approx(metrics.f1_score(events, calls))


def test_counts_name_what_happened_and_what_was_called() -> None:
    counts = confusion_counts(
        calls=np.array([True, True, True, False, False, False]),
        events=np.array([True, True, False, True, False, False]),
    )
    assert counts == ConfusionCounts(
        event_called=2, event_missed=1, no_event_called=1, no_event_cleared=2
    )
    assert (counts.events, counts.no_events, counts.patients) == (3, 3, 6)


@given(counts_of_any_size)
def test_naming_the_other_class_swaps_the_measures(counts: ConfusionCounts) -> None:
    turned = ConfusionCounts(
        event_called=counts.no_event_cleared,
        event_missed=counts.no_event_called,
        no_event_called=counts.event_missed,
        no_event_cleared=counts.event_called,
    )
    one, other = confusion_measures(counts), confusion_measures(turned)
    pairs = [
        (one.sensitivity, other.specificity),
        (one.ppv, other.npv),
        (one.accuracy, other.accuracy),
    ]
    for left, right in pairs:
        assert (left.count, left.total) == (right.count, right.total)


@given(counts_of_any_size)
def test_f1_is_the_harmonic_mean_where_both_parts_exist(counts: ConfusionCounts) -> None:
    measures = confusion_measures(counts)
    if counts.event_called:
        mean = 2 / (1 / measures.ppv.value + 1 / measures.sensitivity.value)
        assert measures.f1 == pytest.approx(mean)
    else:
        assert measures.f1 == 0 or math.isnan(measures.f1)


def test_undefined_ratios_are_nan() -> None:
    measures = confusion_measures(ConfusionCounts(0, 0, 0, 8))
    assert math.isnan(measures.sensitivity.value)
    assert math.isnan(measures.ppv.upper)
    assert math.isnan(measures.f1)
    assert measures.specificity.value == 1.0


def test_no_patients_at_all_is_a_row_of_nan() -> None:
    measures = confusion_measures(ConfusionCounts(0, 0, 0, 0))
    assert math.isnan(measures.accuracy.value)


def test_intervals_follow_the_asked_method() -> None:
    measures = confusion_measures(
        ConfusionCounts(14, 3, 9, 101), method=IntervalMethod.WILSON_CORRECTED
    )
    assert measures.sensitivity == proportion(14, 17, method=IntervalMethod.WILSON_CORRECTED)
    assert measures.npv == proportion(101, 104, method=IntervalMethod.WILSON_CORRECTED)


def test_counts_below_zero_are_refused() -> None:
    with pytest.raises(DataError, match="counts of 0 or more"):
        confusion_measures(ConfusionCounts(3, -1, 2, 2))
