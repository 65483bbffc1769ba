import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.training.schedule import (
    best_round,
    learning_rate_of_round,
    learning_rate_on_plateau,
    next_learning_rate,
    should_stop,
)
from shared.training.training_settings import Schedule, TrainingSettings


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


def torchs_rates(initial: float, losses: list[float], rounds: int) -> list[float]:
    """Torch lowers after more than ``patience`` epochs without a better one, ours after as many."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=initial)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.1, patience=rounds - 1, threshold=0, eps=0
    )
    rates = [initial]
    for loss in losses:
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


LOSSES = st.lists(st.sampled_from([0.2, 0.4, 0.5, 0.7, 0.9, math.inf]), max_size=30)


@given(losses=LOSSES, rounds=st.integers(1, 5))
def test_a_plateau_lowers_the_rate_when_torchs_schedule_does(losses, rounds):
    ours = [
        learning_rate_on_plateau(0.01, losses[:count], rounds) for count in range(len(losses) + 1)
    ]
    assert ours == pytest.approx(torchs_rates(0.01, losses, rounds))


@given(losses=LOSSES, rounds=st.integers(1, 5), scale=st.floats(0.1, 10))
def test_a_plateau_depends_on_the_order_of_losses_only(losses, rounds, scale):
    scaled = [scale * loss for loss in losses]
    assert learning_rate_on_plateau(0.01, losses, rounds) == learning_rate_on_plateau(
        0.01, scaled, rounds
    )


@given(losses=LOSSES, rounds=st.integers(1, 5), data=st.data())
def test_rounds_without_a_known_loss_change_no_rate(losses, rounds, data):
    place = data.draw(st.integers(0, len(losses)))
    told = [*losses[:place], math.nan, *losses[place:]]
    assert learning_rate_on_plateau(0.01, told, rounds) == learning_rate_on_plateau(
        0.01, losses, rounds
    )


def test_the_published_rate_falls_to_a_tenth_after_ten_rounds_without_a_better_one():
    losses = [0.7] + [0.8] * 9
    assert learning_rate_on_plateau(0.01, losses, 10) == 0.01
    assert learning_rate_on_plateau(0.01, [*losses, 0.8], 10) == pytest.approx(0.001)
    assert learning_rate_on_plateau(0.01, losses + [0.8] * 11, 10) == pytest.approx(0.0001)
    assert learning_rate_on_plateau(0.01, [*losses, 0.6, *losses[1:]], 10) == 0.01


def test_each_schedule_gives_the_next_rounds_rate():
    plateau = TrainingSettings(
        learning_rate=0.01, schedule=Schedule.PLATEAU, plateau_rounds=2, halve_every=1
    )
    halving = TrainingSettings(learning_rate=0.01, halve_every=2)
    losses = [0.5, 0.6, 0.7]
    assert [next_learning_rate(plateau, losses[:n]) for n in range(4)] == pytest.approx(
        [0.01, 0.01, 0.01, 0.001]
    )
    assert [next_learning_rate(halving, losses[:n]) for n in range(4)] == [0.01, 0.01, 0.005, 0.005]
    assert learning_rate_of_round(0.01, 0, 500) == 0.01
