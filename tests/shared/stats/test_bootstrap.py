"""Bootstrap intervals against scipy and exact quantiles; clusters stay whole."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from shared.errors import DataError
from shared.stats.bootstrap import bootstrap_clusters, bootstrap_patients, bootstrap_within_classes
from shared.stats.roc import auc

VALUES = np.random.default_rng(8).gamma(2.0, 3.0, 35)


def mean_of_rows(rows) -> float:
    return float(VALUES[rows].mean())


def test_percentiles_equal_scipy_on_the_same_draws() -> None:
    ours = bootstrap_patients(mean_of_rows, 35, np.random.default_rng(5), resamples=500)
    theirs = scipy_stats.bootstrap(
        (VALUES,), np.mean, n_resamples=500, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert ours.estimate == VALUES.mean()


def test_a_share_has_the_percentiles_of_the_binomial() -> None:
    events = np.arange(64) < 13
    result = bootstrap_patients(
        lambda rows: float(events[rows].mean()), 64, np.random.default_rng(6), resamples=8000
    )
    exact = scipy_stats.binom.ppf([0.025, 0.975], 64, 13 / 64) / 64
    # One patient more or less is the grid; the Monte-Carlo error is below it.
    assert (result.lower, result.upper) == pytest.approx(tuple(exact), abs=1 / 64 + 1e-9)


def test_resamples_of_one_class_are_counted_not_hidden() -> None:
    scores, events = np.array([0.9, 0.1, 0.4, 0.3]), np.array([True, False, False, False])
    result = bootstrap_patients(
        lambda rows: auc(scores[rows], events[rows]), 4, np.random.default_rng(7)
    )
    assert result.resamples + result.undefined == 1000
    # Nobody with the event among four draws: (3/4)^4; only such patients: (1/4)^4.
    assert result.undefined == pytest.approx(1000 * ((3 / 4) ** 4 + (1 / 4) ** 4), abs=60)


def test_drawing_within_classes_keeps_every_class() -> None:
    scores, events = np.array([0.9, 0.2, 0.4, 0.3]), np.array([True, False, False, False])
    result = bootstrap_within_classes(
        lambda rows: auc(scores[rows], events[rows]),
        events.astype(int),
        np.random.default_rng(7),
    )
    assert (result.undefined, result.estimate, result.lower) == (0, 1.0, 1.0)


def test_clusters_of_one_slice_are_the_patient_bootstrap() -> None:
    clusters = bootstrap_clusters(mean_of_rows, np.arange(35), np.random.default_rng(9))
    patients = bootstrap_patients(mean_of_rows, 35, np.random.default_rng(9))
    assert clusters == patients


def test_a_cluster_brings_all_its_slices_or_none() -> None:
    rng = np.random.default_rng(10)
    patient = rng.integers(0, 12, 90)
    sizes = np.bincount(patient)
    seen = []

    def remember(rows) -> float:
        seen.append(np.bincount(patient[rows], minlength=12))
        return 0.0

    bootstrap_clusters(remember, patient, rng, resamples=50)
    for counts in seen[:-1]:
        times_drawn = counts / sizes
        np.testing.assert_array_equal(times_drawn, np.round(times_drawn))
        assert times_drawn.sum() == 12


def test_identical_slices_do_not_narrow_the_cluster_interval() -> None:
    repeated = np.repeat(VALUES, 20)
    patient = np.repeat(np.arange(35), 20)
    clusters = bootstrap_clusters(
        lambda rows: float(repeated[rows].mean()), patient, np.random.default_rng(11)
    )
    patients = bootstrap_patients(mean_of_rows, 35, np.random.default_rng(11))
    assert (clusters.lower, clusters.upper) == pytest.approx((patients.lower, patients.upper))
    naive = bootstrap_patients(
        lambda rows: float(repeated[rows].mean()), repeated.size, np.random.default_rng(11), 200
    )
    assert clusters.upper - clusters.lower > 3 * (naive.upper - naive.lower)


def test_the_same_generator_state_gives_the_same_interval() -> None:
    one = bootstrap_patients(mean_of_rows, 35, np.random.default_rng(1), resamples=50)
    again = bootstrap_patients(mean_of_rows, 35, np.random.default_rng(1), resamples=50)
    assert one == again


def test_a_statistic_that_is_never_defined_has_no_interval() -> None:
    result = bootstrap_patients(lambda _: math.nan, 3, np.random.default_rng(1), resamples=10)
    assert (result.resamples, result.undefined) == (0, 10)
    assert math.isnan(result.lower)


def test_nobody_to_draw_from_is_refused() -> None:
    with pytest.raises(DataError, match="at least one patient"):
        bootstrap_patients(mean_of_rows, 0, np.random.default_rng(1))


def test_no_resamples_are_refused() -> None:
    with pytest.raises(DataError, match="at least one resample"):
        bootstrap_patients(mean_of_rows, 35, np.random.default_rng(1), resamples=0)
