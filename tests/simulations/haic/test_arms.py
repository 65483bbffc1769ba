"""Pooled-central and a site alone: the federation's algorithm on the rows that an arm may see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from haic_sites import fusion_site, haic_settings

from server.results import from_plain, to_plain
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY
from shared.report.run_record import POOLED_CENTRAL
from shared.tasks.recipe import recipe_for
from shared.vocabulary import Split
from simulations.haic.arms import ArmOutcome, run_arm

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
SETTINGS = haic_settings(rounds=1, seed=3)
RECIPE = recipe_for(SETTINGS)


@pytest.fixture(scope="module")
def sites():
    return {"a": fusion_site(30, 1), "b": fusion_site(30, 2)}


def alone(sites, progress=None):
    return run_arm("site alone: a", ["a"], sites, RECIPE, SETTINGS, device=CPU, progress=progress)


@pytest.fixture(scope="module")
def of_site_a(sites):
    steps = []
    return alone(sites, steps.append), steps


def test_every_arm_is_scored_on_the_held_out_patients_of_all_sites(sites, of_site_a):
    pooled = run_arm(POOLED_CENTRAL, sites, sites, RECIPE, SETTINGS, device=CPU)
    held_out = [p for data in sites.values() for p in data.patients if p.split is Split.HELD_OUT]
    for outcome in (pooled, of_site_a[0]):
        assert list(outcome.evaluation.models) == [IMAGE_ONLY, CLINICAL_ONLY, FUSION]
        for found in outcome.evaluation.models.values():
            assert found.patients == len(held_out)
            assert found.events == sum(p.event for p in held_out)


def test_each_fold_has_a_training_of_its_own(of_site_a):
    outcome, steps = of_site_a
    assert [step.fold for step in steps] == [1, 2, 3, 0]
    assert outcome.best_rounds == {"1": 1, "2": 1, "3": 1, "0": 1}


def test_a_site_alone_learns_nothing_from_the_development_patients_of_others(sites, of_site_a):
    other = sites["b"]
    changed = tuple(
        p if p.split is Split.HELD_OUT else replace(p, images=np.zeros_like(p.images))
        for p in other.patients
    )
    kept = np.array([p.split is Split.HELD_OUT for p in other.patients])
    columns = {name: np.where(kept, values, 0.5) for name, values in other.columns.items()}
    again = alone({**sites, "b": replace(other, patients=changed, columns=columns)})
    for name, found in of_site_a[0].evaluation.models.items():
        assert again.evaluation.models[name].auc.auc == found.auc.auc
        assert again.evaluation.models[name].brier == found.brier


def test_an_outcome_survives_being_kept(of_site_a):
    outcome = of_site_a[0]
    again = from_plain(ArmOutcome, to_plain(outcome))
    assert again.evaluation.models[FUSION].auc == outcome.evaluation.models[FUSION].auc
    assert again.evaluation.tests == outcome.evaluation.tests
    assert again.best_rounds == outcome.best_rounds
