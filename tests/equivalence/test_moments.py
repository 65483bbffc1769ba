"""Moments over sites equal those of the pooled patients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.local_moments import answer_moments
from server.federated_moments import (
    Columns,
    column_moments,
    column_quantiles,
    fit_preparation,
    part_sizes,
    request_of,
)
from shared.aggregation.sum_channel import PlainSumChannel
from shared.errors import DataError, DisclosureError
from shared.fusion.folds import assign_folds, site_generator
from shared.fusion.standardize import prepare
from shared.messages.moments import Moment

NAMES = ("afp", "albumin", "cycles", "tiny")
COLUMNS = Columns(NAMES)


def cohort(size: int, *, missing: float = 0.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    table = {
        "afp": np.exp(rng.normal(5, 4, size)),
        "albumin": rng.normal(38, 5, size),
        "cycles": rng.integers(1, 8, size).astype(float),
        "tiny": 1e-3 + 1e-7 * rng.random(size),
        "male": (rng.random(size) < 0.6).astype(float),
        "event": (rng.random(size) < 0.3).astype(float),
    }
    for name in NAMES:
        table[name][rng.random(size) < missing] = np.nan
    return table


def split(table, sites: int):
    size = next(iter(table.values())).size
    where = np.arange(size) % sites if size < 90 else np.minimum(np.arange(size) // 15, sites - 1)
    return {f"site-{k}": {n: c[where == k] for n, c in table.items()} for k in range(sites)}


def channel(federation, parts):
    answers = {
        s: lambda r, s=s, t=t: answer_moments(r, t, s, masked=True) for s, t in parts.items()
    }
    return PlainSumChannel(federation(answers), minimum_sites=1)


@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("size", [30, 500])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_means_and_variances_equal_the_pooled_ones(federation, sites, size, missing):
    table = cohort(size, missing=missing)
    result = column_moments(channel(federation, split(table, sites)), COLUMNS)
    pooled = np.stack([table[name] for name in NAMES], axis=1)
    np.testing.assert_allclose(result.mean[0], np.nanmean(pooled, axis=0), rtol=1e-14)
    np.testing.assert_allclose(result.variance[0], np.nanvar(pooled, axis=0, ddof=1), rtol=1e-12)
    assert result.count[0].tolist() == (~np.isnan(pooled)).sum(axis=0).tolist()


@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("size", [30, 31, 200])
def test_quantiles_equal_the_pooled_ones_exactly(federation, sites, size):
    table = cohort(size, missing=0.1)
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    result = column_quantiles(channel(federation, split(table, sites)), COLUMNS, shares)
    for place, name in enumerate(NAMES):
        expected = np.nanquantile(table[name], shares)
        np.testing.assert_allclose(result[:, 0, place], expected, rtol=4e-16)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 0.0, 1.0]),
        min_size=15,
        max_size=60,
    )
)
def test_the_median_of_any_numbers_is_found(federation, numbers):
    table = {"x": np.array(numbers)}
    result = column_quantiles(channel(federation, split(table, 3)), Columns(("x",)), (0.0, 1.0))
    assert result[:, 0, 0].tolist() == [min(numbers), max(numbers)]
    if len(numbers) % 2:
        median = column_quantiles(channel(federation, split(table, 3)), Columns(("x",)), [0.5])
        assert median[0, 0, 0] == np.median(numbers)


def test_moments_of_two_groups_are_those_of_the_groups(federation):
    table = cohort(200, missing=0.1)
    columns = Columns(("albumin",), group="male")
    result = column_moments(channel(federation, split(table, 3)), columns)
    for row, flag in enumerate((0.0, 1.0)):
        values = table["albumin"][table["male"] == flag]
        assert result.mean[row, 0] == pytest.approx(np.nanmean(values), rel=1e-14)
        assert result.variance[row, 0] == pytest.approx(np.nanvar(values, ddof=1), rel=1e-12)


def test_skewed_columns_are_logged_before_anything_is_summed(federation):
    table = cohort(100)
    result = column_moments(
        channel(federation, split(table, 3)), Columns(("afp",), logged=("afp",))
    )
    assert result.mean[0, 0] == pytest.approx(np.mean(np.log(table["afp"])), rel=1e-14)


def test_a_value_of_zero_cannot_be_logged_and_is_counted(federation):
    table = cohort(60)
    table["afp"][[3, 4]] = 0.0
    with pytest.raises(DataError, match=r"afp.*2 others"):
        column_moments(channel(federation, {"a": table}), Columns(("afp",), logged=("afp",)))


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_preparation_of_every_fold_is_fitted_on_its_training_patients(federation, missing):
    table = cohort(200, missing=missing)
    parts = split(table, 3)
    columns = Columns(NAMES, logged=("afp",), event="event", folds=5, seed=4)
    preparation, sizes = fit_preparation(channel(federation, parts), columns)
    folds = np.concatenate(
        [assign_folds(t["event"] == 1, 5, site_generator(4, s)) for s, t in parts.items()]
    )
    pooled = {n: np.concatenate([t[n] for t in parts.values()]) for n in NAMES}
    pooled["afp"] = np.log(pooled["afp"])
    assert preparation.indicated == (NAMES if missing else ())
    for part in range(6):
        training = np.ones(200, dtype=bool) if part == 0 else folds != part - 1
        assert sizes.patients[part] == training.sum()
        for place, name in enumerate(NAMES):
            median = np.nanmedian(pooled[name][training])
            filled = np.where(np.isnan(pooled[name]), median, pooled[name])[training]
            assert preparation.centres[part, place] == pytest.approx(filled.mean(), rel=1e-13)
            assert preparation.scales[part, place] == pytest.approx(filled.std(), rel=1e-12)
    features = prepare({**pooled, "afp": np.exp(pooled["afp"])}, preparation)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(features.std(axis=0), 1, rtol=1e-9)


def test_a_constant_column_becomes_zero_not_a_division_by_zero(federation):
    table = cohort(60)
    table["constant"] = np.full(60, 0.1)
    columns = Columns(("constant", "albumin"))
    preparation, _ = fit_preparation(channel(federation, split(table, 3)), columns)
    assert preparation.scales[0, 0] == 1.0
    np.testing.assert_allclose(prepare(table, preparation)[:, 0], 0, atol=1e-15)


def test_a_column_without_any_value_is_named(federation):
    table = cohort(60)
    table["empty"] = np.full(60, np.nan)
    with pytest.raises(DataError, match="column 'empty'"):
        fit_preparation(channel(federation, split(table, 3)), Columns(("albumin", "empty")))


def test_a_column_without_any_value_has_no_mean(federation):
    table = {"empty": np.full(60, np.nan)}
    parts = channel(federation, split(table, 3))
    assert np.isnan(column_moments(parts, Columns(("empty",))).mean[0, 0])
    assert np.isnan(column_quantiles(parts, Columns(("empty",)))).all()


def test_a_group_that_is_not_zero_or_one_is_refused(federation):
    table = cohort(60)
    with pytest.raises(DataError, match="0 or 1 in 'cycles'"):
        part_sizes(channel(federation, {"a": table}), Columns(("afp",), group="cycles"))


def test_a_site_with_four_patients_is_left_to_its_policy():
    with pytest.raises(DisclosureError):
        answer_moments(request_of(COLUMNS, Moment.PRESENT), cohort(4), "a")


def test_folds_spread_both_classes_evenly():
    events = np.arange(43) < 13
    folds = assign_folds(events, 5, np.random.default_rng(0))
    for flag in (True, False):
        counts = np.bincount(folds[events == flag], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(folds, minlength=5)) <= 1
