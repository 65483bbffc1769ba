"""DeLong against R's pROC, against the definition, and under changes that must not matter."""

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from shared.errors import DataError
from shared.stats.delong import (
    auc_delong,
    delong_covariance,
    delong_paired_test,
    placement_values,
)

REFERENCE = json.loads((Path(__file__).parent / "reference" / "proc_delong.json").read_text())
VECTORS = REFERENCE["vectors"]
NAMES = [vector["id"] for vector in VECTORS]


def cohort(seed: int, patients: int, *, grid: int | None = None):
    rng = np.random.default_rng(seed)
    events = rng.random(patients) < 0.3
    events[:4] = [True, True, False, False]
    scores = rng.normal(size=(2, patients)) + 0.8 * events
    return (scores if grid is None else np.round(scores * grid) / grid), events


def read(vector):
    events = np.array(vector["y"], dtype=bool)
    return np.array([vector["s1"], vector["s2"]], dtype=float), events, vector["pROC"]


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_areas_variances_and_covariance_equal_proc(vector) -> None:
    scores, events, proc = read(vector)
    result = delong_covariance(scores, events)
    np.testing.assert_allclose(result.aucs, [proc["auc1"], proc["auc2"]], rtol=1e-12)
    expected = [[proc["var1"], proc["cov"]], [proc["cov"], proc["var2"]]]
    np.testing.assert_allclose(result.covariance, expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_interval_equals_proc(vector) -> None:
    scores, events, proc = read(vector)
    for row, limits in zip(scores, (proc["ci1"], proc["ci2"]), strict=True):
        estimate = auc_delong(row, events)
        np.testing.assert_allclose([estimate.lower, estimate.upper], limits, rtol=1e-12)


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_paired_test_equals_proc(vector) -> None:
    scores, events, proc = read(vector)
    test = delong_paired_test(scores[0], scores[1], events)
    np.testing.assert_allclose([test.z, test.p], [proc["Z"], proc["P"]], rtol=1e-12)
    assert test.difference == pytest.approx(proc["auc1"] - proc["auc2"], abs=1e-14)


@pytest.mark.parametrize("grid", [None, 2])
def test_covariance_equals_the_definition_by_pairs(grid) -> None:
    scores, events = cohort(3, 60, grid=grid)
    wins = np.array(
        [np.heaviside(row[events][:, None] - row[~events][None, :], 0.5) for row in scores]
    )
    expected = (
        np.cov(wins.mean(axis=2)) / events.sum() + np.cov(wins.mean(axis=1)) / (~events).sum()
    )
    result = delong_covariance(scores, events)
    np.testing.assert_allclose(result.covariance, expected, rtol=1e-12)
    np.testing.assert_allclose(result.aucs, wins.mean(axis=(1, 2)), rtol=1e-14)


def test_area_equals_the_mann_whitney_statistic() -> None:
    scores, events = cohort(4, 80, grid=3)
    u = scipy_stats.mannwhitneyu(scores[0][events], scores[0][~events]).statistic
    assert auc_delong(scores[0], events).auc == pytest.approx(
        u / (events.sum() * (~events).sum()), rel=1e-14
    )


@given(st.integers(0, 2**32 - 1), st.integers(5, 40), st.sampled_from([None, 1, 4]))
def test_order_of_patients_does_not_matter(seed: int, patients: int, grid: int | None) -> None:
    scores, events = cohort(seed, patients, grid=grid)
    order = np.random.default_rng(seed).permutation(patients)
    first, shuffled = (
        delong_covariance(scores, events),
        delong_covariance(scores[:, order], events[order]),
    )
    np.testing.assert_allclose(shuffled.aucs, first.aucs, rtol=1e-13)
    np.testing.assert_allclose(shuffled.covariance, first.covariance, rtol=1e-10, atol=1e-17)


@given(st.integers(0, 2**32 - 1), st.integers(5, 40), st.sampled_from([None, 1, 4]))
def test_rising_transform_of_scores_changes_nothing(
    seed: int, patients: int, grid: int | None
) -> None:
    scores, events = cohort(seed, patients, grid=grid)
    first = delong_covariance(scores, events)
    bent = delong_covariance(np.arctan(scores) * 7 - 3, events)
    np.testing.assert_array_equal(bent.aucs, first.aucs)
    np.testing.assert_array_equal(bent.covariance, first.covariance)


@given(st.integers(0, 2**32 - 1), st.integers(5, 40), st.sampled_from([None, 1, 4]))
def test_naming_the_other_class_and_turning_scores_changes_nothing(
    seed: int, patients: int, grid: int | None
) -> None:
    scores, events = cohort(seed, patients, grid=grid)
    first = delong_covariance(scores, events)
    turned = delong_covariance(-scores, ~events)
    np.testing.assert_allclose(turned.aucs, first.aucs, rtol=1e-12)
    np.testing.assert_allclose(turned.covariance, first.covariance, rtol=1e-10, atol=1e-17)


@given(st.integers(0, 2**32 - 1), st.integers(5, 40))
def test_turning_scores_gives_the_complement_with_the_same_variance(seed, patients) -> None:
    scores, events = cohort(seed, patients, grid=2)
    up, down = auc_delong(scores[0], events), auc_delong(-scores[0], events)
    assert down.auc == pytest.approx(1 - up.auc, abs=1e-13)
    assert down.variance == pytest.approx(up.variance, rel=1e-9, abs=1e-17)
    assert down.lower == pytest.approx(1 - up.upper, abs=1e-12)


def test_swapping_the_models_turns_the_sign_of_z() -> None:
    scores, events = cohort(5, 70)
    one, other = (
        delong_paired_test(scores[0], scores[1], events),
        delong_paired_test(scores[1], scores[0], events),
    )
    assert (other.z, other.p) == pytest.approx((-one.z, one.p), rel=1e-13)


def test_models_that_rank_alike_do_not_differ() -> None:
    scores, events = cohort(6, 50)
    test = delong_paired_test(scores[0], np.exp(scores[0]), events)
    assert (test.difference, test.z, test.p) == (0.0, 0.0, 1.0)


def test_a_difference_without_variance_is_not_given_a_p() -> None:
    events = np.array([True, True, False, False])
    best, constant = np.array([3.0, 4.0, 1.0, 2.0]), np.zeros(4)
    test = delong_paired_test(best, constant, events)
    assert test.difference == 0.5
    assert math.isnan(test.z)
    assert math.isnan(test.p)


def test_one_patient_with_the_event_gives_an_area_but_no_interval() -> None:
    estimate = auc_delong(np.array([2.0, 1.0, 3.0]), np.array([True, False, False]))
    assert estimate.auc == 0.5
    assert (estimate.events, estimate.no_events) == (1, 2)
    assert all(map(math.isnan, (estimate.variance, estimate.lower, estimate.upper)))


def test_a_wider_level_gives_a_wider_interval() -> None:
    scores, events = cohort(7, 60)
    narrow, wide = auc_delong(scores[0], events, level=0.9), auc_delong(scores[0], events, 0.99)
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_placements_average_to_the_area_in_both_classes() -> None:
    scores, events = cohort(8, 45, grid=1)
    placements = placement_values(scores, events)
    np.testing.assert_allclose(
        placements[:, events].mean(axis=1), placements[:, ~events].mean(axis=1), rtol=1e-13
    )


@pytest.mark.parametrize(
    ("scores", "events", "sentence"),
    [
        ([1.0, 2.0], [True, True], "2 with and 0 without"),
        ([1.0, np.nan], [True, False], "1 of 2 that are NaN"),
        ([1.0, np.inf], [True, False], "1 of 2 that are NaN"),
    ],
)
def test_unusable_scores_are_refused_with_a_count(scores, events, sentence) -> None:
    with pytest.raises(DataError, match=sentence):
        auc_delong(np.array(scores), np.array(events))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_outside_zero_and_one_is_refused(level: float) -> None:
    with pytest.raises(DataError, match="confidence level"):
        auc_delong(np.array([1.0, 2.0]), np.array([True, False]), level)


def test_a_hundred_thousand_patients_take_under_a_second() -> None:
    scores, events = cohort(9, 100_000)
    start = time.process_time()
    estimate = auc_delong(scores[0], events)
    assert time.process_time() - start < 1.0
    assert 0.6 < estimate.auc < 0.8
