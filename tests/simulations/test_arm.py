import dataclasses

import numpy as np
import pytest
import torch

from shared.cohort.patient import PreparedPatient
from shared.errors import DataError
from shared.settings import RunSettings
from shared.stats.roc import auc
from shared.tasks.recipe import recipe_for
from shared.vocabulary import CtPhase, Split
from simulations.arm import patients_in, train_alone
from simulations.local_only import train_site_alone
from simulations.pooled import train_pooled

CPU = torch.device("cpu")
SETTINGS = RunSettings(
    phases=(CtPhase.PORTAL,),
    image_size=32,
    rounds=4,
    learning_rate=1e-3,
    augmentation=False,
    batch_size=8,
    patience=0,
)
RECIPE = recipe_for(SETTINGS)


def site(seed: int, *, bright_event: bool = True) -> list[PreparedPatient]:
    """Four patients to train on, two to choose the round, four held out; events are a spot."""
    rng = np.random.default_rng(seed)
    splits = [Split.TRAINING] * 4 + [Split.INNER_VALIDATION] * 2 + [Split.HELD_OUT] * 4
    made = []
    for case, split in enumerate(splits, start=1):
        event = case % 2 == 0
        images = rng.random((3, 1, 32, 32), dtype=np.float32) * 0.5
        if event is bright_event:
            images[:, :, 10:22, 10:22] += 0.5
        made.append(PreparedPatient(case, event=event, split=split, images=images))
    return made


def alone(patients, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    return train_alone(
        patients, patients_in({"x": patients}, Split.HELD_OUT), RECIPE, settings, CPU
    )


@pytest.fixture(scope="module")
def pooled():
    return train_pooled({"north": site(0), "south": site(1)}, RECIPE, SETTINGS, CPU)


def test_the_pooled_arm_learns_and_scores_the_held_out_patients_of_all_sites(pooled):
    assert len(pooled.votes) == len(pooled.events) == 8
    assert pooled.training_patients == 8
    assert auc(pooled.scores(), np.array(pooled.events)) > 0.9


def test_the_round_with_the_lowest_validation_loss_is_kept(pooled):
    losses = [report.validation_loss for report in pooled.rounds]
    assert len(losses) == SETTINGS.rounds
    assert losses[pooled.best_round - 1] == min(losses)


def test_each_site_trains_alone_and_meets_everybodys_held_out_patients():
    # The south's outcome has the opposite sign, so what it learns fails in the north.
    sites = {"north": site(0), "south": site(1, bright_event=False)}
    result = train_site_alone(sites, "south", RECIPE, SETTINGS, CPU)
    scores, events = result.scores(), np.array(result.events)
    assert len(scores) == 8
    assert result.training_patients == 4
    assert auc(scores[4:], events[4:]) > 0.9
    assert auc(scores[:4], events[:4]) < 0.1


def test_the_same_seed_gives_the_same_scores():
    first, second = alone(site(0), rounds=1), alone(site(0), rounds=1)
    np.testing.assert_array_equal(first.scores(), second.scores())
    assert not np.array_equal(first.scores(), alone(site(0), rounds=1, seed=1).scores())


def test_held_out_patients_do_not_influence_training():
    changed = [
        dataclasses.replace(p, event=not p.event) if p.split is Split.HELD_OUT else p
        for p in site(0)
    ]
    np.testing.assert_array_equal(
        alone(site(0), rounds=1).scores(), alone(changed, rounds=1).scores()
    )


def test_training_stops_when_patience_is_spent():
    reports = []
    settings = dataclasses.replace(SETTINGS, rounds=30, patience=1)
    hard = [dataclasses.replace(p, event=not p.event) if p.case > 4 else p for p in site(0)]
    result = train_alone(hard, hard, RECIPE, settings, CPU, reports.append)
    assert len(result.rounds) < 30
    assert result.best_round == len(result.rounds) - 1
    assert tuple(reports) == result.rounds


def test_without_patients_set_apart_the_training_patients_choose_the_round():
    few = [p for p in site(0) if p.split is not Split.INNER_VALIDATION]
    assert len(alone(few, rounds=1).rounds) == 1


def test_an_arm_without_training_patients_is_refused_by_name():
    held_out = [p for p in site(0) if p.split is Split.HELD_OUT]
    with pytest.raises(DataError, match="training patients in 'alone', got none of 4"):
        alone(held_out)
