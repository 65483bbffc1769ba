from dataclasses import replace

import numpy as np
import pytest

from shared.errors import ReleaseError
from shared.fusion.logistic_scorer import hard_call
from shared.models.weights import to_arrays
from shared.release.haic_bundle import read_haic_release
from shared.report.haic_models import HaicArm, ModelResult
from shared.report.haic_record import FoldTraining, HaicRecord, LossRound
from shared.report.run_record import EndpointWords, Environment, Measure, SiteSummary
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.haic_release import (
    RELEASED_MODELS,
    haic_release_settings,
    released_models,
    released_mri_preparation,
    released_scores,
    write_haic_release,
)
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network

RECIPE = recipe_for(
    RunSettings(
        task=HAIC_MRI,
        image_height=80,
        image_width=96,
        network_width=0.1,
        network_blocks=(1, 1, 1),
    )
)
MODELS = {name: hard_call("tumour_thrombus") for name in ("fusion", "image-only", "clinical-only")}


def _site(name, training):
    return SiteSummary(name, 40, 10, training, 5, 15, 0, 240)


def _result(model):
    return ModelResult(
        model=model,
        patients=64,
        events=13,
        auc=Measure(0.826, 0.682, 0.970),
        sensitivity=Measure(0.769, 0.460, 0.938),
        brier=0.12,
        threshold=0.3,
    )


def _record():
    rounds = tuple(LossRound(n, 0.01, 0.9, 0.8) for n in range(1, 9))
    endpoint = RECIPE.endpoint
    return HaicRecord(
        run="demo",
        task=RECIPE.name,
        source=RECIPE.source,
        endpoint=EndpointWords(endpoint.name, endpoint.event, endpoint.no_event),
        synthetic=True,
        seed=7,
        settings={"strategy": "FedProx"},
        departures=("Slices have 80 x 96 pixels.",),
        environment=Environment("0.1.0", "3.11", "2", "1", "Linux", "CPU", 2, "cpu"),
        network="InceptionV4",
        started="2026-11-22T18:00:00+00:00",
        finished="2026-11-22T18:08:00+00:00",
        seconds={},
        sites=(_site("North", 20), _site("South", 22)),
        exclusions=(),
        trainings=(FoldTraining(1, rounds[:3], 2), FoldTraining(0, rounds, 6)),
        arms=(
            HaicArm("federated", (_result("image-only"), _result("fusion"), _result("reader 1"))),
            HaicArm("pooled-central", (_result("fusion"),)),
        ),
    )


@pytest.fixture(scope="module")
def network():
    return initial_network(RECIPE.network, seed=1)


@pytest.fixture(scope="module")
def release(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "release"
    extra = {**MODELS, "reader 1": hard_call("reader_1_call")}
    write_haic_release(folder, RECIPE, to_arrays(network), extra, _record())
    return read_haic_release(folder)


def test_recipe_and_network_come_back_from_the_release(release, network):
    again = released_scores(release)

    assert released_mri_preparation(release.settings) == RECIPE.preparation
    assert again.settings == RECIPE.network
    for name, array in to_arrays(network).items():
        assert np.array_equal(to_arrays(again)[name], array)
    assert release.settings.endpoint.event_responses == ("PD",)


def test_the_released_weights_are_those_of_the_training_on_all_development_patients(release):
    made = release.settings.provenance

    assert (made.rounds, made.best_round, made.strategy) == (8, 6, "FedProx")
    assert (made.sites, made.training_patients, made.synthetic) == (2, 42, True)


def test_a_withheld_count_leaves_the_number_of_training_patients_unknown():
    record = _record()
    secretive = replace(
        record, sites=(record.sites[0], replace(record.sites[1], training_patients=None))
    )

    assert haic_release_settings(RECIPE, secretive).provenance.training_patients is None


def test_readers_are_neither_released_nor_evaluated_in_it(release):
    assert list(released_models(release)) == list(RELEASED_MODELS)
    assert [row.model for row in release.settings.evaluation] == ["image-only", "fusion"]
    assert release.settings.evaluation[1].auc.value == 0.826


def test_the_card_tells_the_evaluation_and_the_departures(release):
    assert "| fusion | 0.826 (0.682 to 0.970) |" in release.card
    assert "Slices have 80 x 96 pixels." in release.card


def test_a_model_that_was_not_fitted_stops_the_release(network, tmp_path):
    some = {name: MODELS[name] for name in ("image-only", "clinical-only")}

    with pytest.raises(ReleaseError, match="none named fusion"):
        write_haic_release(tmp_path / "release", RECIPE, to_arrays(network), some, _record())

    assert not (tmp_path / "release").exists()


def test_only_a_study_on_mri_can_be_released_this_way():
    with pytest.raises(ReleaseError, match="Expected a study on MRI, got 'clici-ct'"):
        haic_release_settings(recipe_for(RunSettings()), _record())
