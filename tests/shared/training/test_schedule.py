import math

import pytest

from shared.training.schedule import best_round, learning_rate_of_round, should_stop


@pytest.mark.parametrize(
    ("number", "expected"), [(1, 1e-4), (50, 1e-4), (51, 5e-5), (100, 5e-5), (101, 2.5e-5)]
)
def test_the_rate_halves_after_every_50_rounds(number, expected):
    assert learning_rate_of_round(1e-4, 50, number) == expected


def test_the_earliest_of_equal_rounds_is_kept():
    assert best_round([0.7, 0.5, 0.5, 0.6]) == 2


def test_a_loss_that_is_not_finite_is_never_the_best():
    assert best_round([math.nan, 0.9, math.inf]) == 2
    assert best_round([math.nan]) == 0
    assert best_round([]) == 0


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([], False),
        ([0.5, 0.6], False),
        ([0.5, 0.6, 0.7], True),
        ([0.5, 0.6, 0.4], False),
        ([0.5, 0.5, 0.5], True),
        ([0.5, math.nan, math.nan], True),
    ],
)
def test_training_stops_after_two_rounds_without_a_better_one(losses, stops):
    assert should_stop(losses, patience=2) is stops


def test_patience_of_zero_never_stops():
    assert not should_stop([0.5] + [1.0] * 100, patience=0)
