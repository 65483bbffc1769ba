"""Folds at a site: who is left out is never trained on, and a fold of a few is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from haic_sites import HaicSites, fusion_site, haic_settings, without_images

from client.cross_validation import patients_in_fold, refuse_other_folds
from client.local_training import answer_training
from shared.errors import DisclosureError, MessageError
from shared.messages.training import TrainingRequest
from shared.models.study_network import build_network
from shared.models.weights import to_arrays
from shared.settings import parse_run_settings
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.vocabulary import Split

RUN = haic_settings()


@pytest.fixture
def site(tmp_path):
    return HaicSites(tmp_path, {}).site("north")


@pytest.fixture(scope="module")
def patients():
    return fusion_site(30, 3).patients


@pytest.mark.parametrize("fold", [0, 2])
def test_who_is_left_out_is_never_trained_on(site, patients, fold):
    """Patients whose images are not a number leave no trace in an update of their own fold."""
    recipe = recipe_for(RUN)
    weights = to_arrays(initial_network(recipe.network, 0))
    request = TrainingRequest(1, 1, 0.01, 0.0, 0, weights, fold, RUN.folds)

    def update(everybody):
        chosen = patients_in_fold(everybody, fold, RUN, site)
        network = build_network(recipe.network)
        return answer_training(
            request, site.name, chosen, network, recipe.training, torch.device("cpu")
        )

    left_out = {
        p.case for p in patients_in_fold(patients, fold, RUN, site) if p.split is Split.HELD_OUT
    }
    locked = {p.case for p in patients if p.split is Split.HELD_OUT}
    assert left_out if fold else left_out == locked
    poisoned = tuple(without_images(p) if p.case in left_out | locked else p for p in patients)
    clean, tested = update(patients), update(poisoned)
    assert clean.validation_loss_sum == tested.validation_loss_sum > 0
    assert clean.training_patients == tested.training_patients
    assert all(np.array_equal(clean.weights[name], tested.weights[name]) for name in weights)


def test_a_fold_of_four_is_refused_and_the_training_on_all_is_not(site):
    run = haic_settings(folds=5)
    small = tuple(dataclasses.replace(p, split=Split.TRAINING) for p in fusion_site(24, 0).patients)
    with pytest.raises(DisclosureError) as refused:
        patients_in_fold(small, 1, run, site)
    assert refused.value.refusal.value == "few-patients"
    assert len(patients_in_fold(small, 0, run, site)) == 24
    enough = tuple(
        dataclasses.replace(p, split=Split.TRAINING) for p in fusion_site(25, 0).patients
    )
    assert len(patients_in_fold(enough, 1, run, site)) == 25
    strict = dataclasses.replace(site, minimum_count=6)
    with pytest.raises(DisclosureError):
        patients_in_fold(enough, 1, run, strict)


def test_more_folds_than_patients_are_refused(site):
    with pytest.raises(DisclosureError):
        patients_in_fold(fusion_site(12, 0).patients, 1, haic_settings(folds=20), site)


@pytest.mark.parametrize(("folds", "seed"), [(4, 0), (0, 0), (3, 1)])
def test_a_request_for_other_folds_than_the_runs_is_refused(folds, seed):
    with pytest.raises(MessageError, match="folds"):
        refuse_other_folds(folds, seed, RUN)
    refuse_other_folds(3, 0, RUN)


def test_a_run_on_ct_has_no_folds(site, patients):
    run = parse_run_settings({"task": "clici-ct"})
    assert patients_in_fold(patients, 0, run, site) == patients
    refuse_other_folds(0, 7, run)
    with pytest.raises(MessageError, match="0 folds"):
        refuse_other_folds(5, 0, run)
