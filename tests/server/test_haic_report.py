"""A finished run as record, page and release."""

import dataclasses

import numpy as np
import pytest
from haic_sites import haic_settings, run_haic, toy_three

from server.haic_departures import departures
from server.haic_report import conclude, haic_record, network_sentence
from server.run_folder import fold_folder, read_best, read_haic, write_best
from server.run_state import RoundRecord, RunState
from shared.cohort.fusion_columns import IMAGE_FEATURES
from shared.models.weights import to_arrays
from shared.release.haic_bundle import read_haic_release
from shared.report.haic_files import read_haic_record
from shared.report.haic_record import haic_from_json, haic_to_json
from shared.report.run_record import FEDERATED
from shared.tasks.haic_release import RELEASED_MODELS, released_models
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network

RUN = haic_settings()


def network_for(run_dir, settings):
    """Put the weights of a real network in the place of the toy's, which no release would take."""
    weights = to_arrays(initial_network(recipe_for(settings).network, 0))
    record = RoundRecord(1, 0.1, 0.5, 0.4, {}, 1, 1, 0.1, ())
    write_best(fold_folder(run_dir, 0), RunState(1, weights, (record,)), "d" * 64)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "first"

    def leave(run_dir, settings, found):
        network_for(run_dir, settings)
        conclude(run_dir, settings, recipe_for(settings), found, synthetic=True)

    return run_haic(toy_three(folder / "sites"), folder, RUN, conclude=leave), folder


def test_the_record_holds_what_was_found(finished):
    found, run_dir = finished
    record = read_haic_record(run_dir)
    assert haic_from_json(haic_to_json(record)) == record
    assert (record.run, record.task, record.synthetic) == ("first", "haic-mri", True)
    assert [t.fold for t in record.trainings] == [1, 2, 3, 0]
    assert [len(t.rounds) for t in record.trainings] == [2, 2, 2, 2]
    arm = record.arm(FEDERATED)
    assert [row.model for row in arm.models] == list(RELEASED_MODELS)
    for row in arm.models:
        evaluation = found.evaluation.models[row.model]
        assert row.auc.value == evaluation.auc.auc
        assert row.ppv.value == pytest.approx(evaluation.measures.ppv.value, nan_ok=True)
        assert [site.site for site in row.sites] == ["east", "north", "west"]
        assert sum(part.patients for part in row.calibration) == row.patients
    image = arm.model("image-only")
    assert image.threshold == pytest.approx(found.image.events / found.image.patients)
    assert {(t.first, t.second) for t in record.tests} == {
        ("image-only", "clinical-only"), ("image-only", "fusion"), ("clinical-only", "fusion"),
    }  # fmt: skip
    assert [c.model for c in record.cross_validated] == ["image-only", "fusion"]
    assert record.fusion.patients == found.fusion.patients
    assert {weight.feature for weight in record.fusion.weights} >= set(IMAGE_FEATURES)
    assert record.notes == ()


def test_the_page_and_the_release_lie_in_the_run_folder(finished):
    found, run_dir = finished
    assert "progressive disease" in (run_dir / "report.html").read_text(encoding="utf-8")
    release = read_haic_release(run_dir / "release")
    models = released_models(release)
    assert np.array_equal(models["fusion"].weights, found.fusion.model.weights)
    assert models["fusion"].threshold == found.fusion.model.threshold
    assert np.array_equal(models["image-only"].weights, found.image.model.weights)
    _, weights = read_best(fold_folder(run_dir, 0))
    assert all(np.array_equal(release.weights[name], weights[name]) for name in weights)


def test_a_run_whose_models_are_withheld_has_a_record_without_them(finished):
    found, run_dir = finished
    bare = dataclasses.replace(
        found, image=None, clinical=None, fusion=None, out_of_fold=None, evaluation=None
    )
    record = haic_record(run_dir, RUN, recipe_for(RUN), bare, synthetic=True)
    assert (record.arms, record.tests, record.fusion, record.cross_validated) == ((), (), None, ())


def test_a_withheld_stage_is_a_note(finished):
    found, run_dir = finished
    stages = tuple(
        dataclasses.replace(stage, state=type(stage.state).WITHHELD, reason="Too few sites.")
        if stage.name == "fusion"
        else stage
        for stage in found.stages
    )
    held = dataclasses.replace(found, stages=stages, fusion=None)
    record = haic_record(run_dir, RUN, recipe_for(RUN), held, synthetic=True)
    assert record.notes == ("Fusion model: withheld. Too few sites.",)


def test_departures_name_what_differs_from_the_publication():
    published = departures(haic_settings(**PUBLISHED))
    assert not any("instead of" in sentence for sentence in published)
    changed = departures(haic_settings(**PUBLISHED | {"rounds": 4, "network-width": 0.25}))
    assert "Rounds: 4 instead of 200." in changed
    assert "Width of the network's filters: 0.25 instead of 1." in changed
    assert len(changed) == len(published) + 2
    assert len(departures(haic_settings(**PUBLISHED | {"paper-mode": True}))) == len(published) - 1


PUBLISHED = {
    "image-height": 320,
    "norm": "batch",
    "image-width": 450,
    "network-width": 1.0,
    "network-blocks": "4,7,3",
    "rounds": 200,
    "batch-size": 1,
    "augmentation": True,
    "folds": 5,
}


def test_the_network_is_said_in_a_sentence():
    assert network_sentence(RUN) == (
        "InceptionV4 with 1, 1, 1 blocks and 0.1 times the filters, group normalisation; one score "
        "per sequence by one network shared by all sequences."
    )


def test_the_results_on_disk_are_those_of_the_record(finished):
    _, run_dir = finished
    found = read_haic(run_dir, RUN)
    again = haic_record(run_dir, RUN, recipe_for(RUN), found, synthetic=True)
    assert again.arms == read_haic_record(run_dir).arms
