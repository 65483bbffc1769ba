import csv
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image

from shared.errors import PreparationError, ReleaseError
from shared.fusion.voting import vote
from shared.models.weights import to_arrays
from shared.release.bundle import read_release, write_release
from shared.release.model_card import model_card
from shared.release.release_settings import EvaluationFacts, ProvenanceFacts
from shared.settings import RunSettings
from shared.tasks.overlay_sheet import telling_slices
from shared.tasks.prediction import predict_study, prediction_json, prediction_text
from shared.tasks.preparation import prepare_study
from shared.tasks.recipe import recipe_for
from shared.tasks.released_model import release_settings
from shared.training.inference import slice_probabilities
from shared.training.initial import initial_network
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, even_sites

CPU = torch.device("cpu")
RECIPE = recipe_for(RunSettings(image_size=64, slices_per_patient=3))
PROVENANCE = ProvenanceFacts(
    "demo", 1, "0.1.0", "", "2026-01-01T00:00:00+00:00", "FedAvg", 1, 1, 2, 20, True
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort")
    write_cohort(
        CohortSpec(sites=even_sites(1, 1), seed=3, matrix=96, slices=10),
        out,
        workers=1,
        progress=None,
    )
    return out


@pytest.fixture(scope="module")
def study(cohort):
    return next(cohort.glob("*/dicom/*"))


@pytest.fixture(scope="module")
def manifest_row(cohort):
    with next(cohort.glob("*/manifest.csv")).open(encoding="utf-8") as lines:
        return next(csv.DictReader(lines))


@pytest.fixture(scope="module")
def network():
    return initial_network(RECIPE.network, seed=1)


@pytest.fixture(scope="module")
def release_dir(tmp_path_factory, network):
    folder = tmp_path_factory.mktemp("run") / "release"
    settings = release_settings(RECIPE, PROVENANCE, EvaluationFacts(8, 3))
    write_release(folder, to_arrays(network), settings, model_card(settings))
    return folder


@pytest.fixture(scope="module")
def release(release_dir):
    return read_release(release_dir)


@pytest.fixture(scope="module")
def predicted(release, study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("overlays") / "new"
    return predict_study(release, study, device=CPU, overlays_dir=folder), folder


def test_a_prediction_equals_direct_inference_on_the_same_road(predicted, study, network):
    images = prepare_study(study, RECIPE.preparation).images
    ballot = vote(slice_probabilities(network, images, CPU))

    prediction, _ = predicted

    assert abs(prediction.probability - ballot.mean_probability) < 1e-6
    assert (prediction.votes_for_event, prediction.slices) == (ballot.event_slices, 3)
    assert (prediction.label == RECIPE.endpoint.event) == ballot.event


def test_the_liver_range_of_the_manifest_gives_the_number_of_the_evaluation(
    release, study, network, manifest_row
):
    liver = (float(manifest_row["liver_lower_mm"]), float(manifest_row["liver_upper_mm"]))
    images = prepare_study(study, RECIPE.preparation, liver_range_mm=liver).images
    direct = vote(slice_probabilities(network, images, CPU)).mean_probability

    prediction = predict_study(release, study, device=CPU, liver_range_mm=liver)

    assert abs(prediction.probability - direct) < 1e-6
    assert not any("liver range" in notice for notice in prediction.notices)


def test_the_phases_come_with_their_evidence(predicted):
    prediction, _ = predicted

    assert [item.phase for item in prediction.phases] == ["plain", "arterial", "portal"]
    assert all(item.evidence and item.confidence > 0.5 for item in prediction.phases)
    assert len(prediction.excluded) == 2
    assert any("liver range" in notice for notice in prediction.notices)


def test_heat_maps_are_one_picture_per_phase(predicted):
    prediction, folder = predicted

    assert prediction.overlays == (
        "overlay_1_plain.png",
        "overlay_2_arterial.png",
        "overlay_3_portal.png",
    )
    assert {p.name for p in folder.iterdir()} == set(prediction.overlays)
    with Image.open(folder / "overlay_3_portal.png") as sheet:
        colours = np.asarray(sheet.convert("RGB")).astype(int)
    plain, heated = colours[120:360, 12:], colours[420:660, 12:]  # below the letter R
    assert np.ptp(plain[:, :288], axis=2).max() == 0
    assert plain[:, :288].max() > 200
    assert np.ptp(heated, axis=2).max() > 60


def test_the_words_name_the_event_and_nobody(predicted, manifest_row):
    prediction, _ = predicted
    text = prediction_text(prediction)
    record = json.dumps(prediction_json(prediction), allow_nan=False)

    assert text.startswith(f"Predicted: {prediction.label}\n")
    assert f"{prediction.probability:.3f}" in text
    assert text.endswith("Research use only. Not a medical device.")
    for said in (text, record):
        assert "objective response (CR or PR)" in said
        assert not re.search(r"\b(positive|negative)\b", said, re.IGNORECASE)
        assert manifest_row["patient_id"] not in said
        assert manifest_row["study_uid"] not in said
    assert json.loads(record)["research_use_only"] is True
    assert json.loads(record)["probability"] == prediction.probability


def test_a_study_without_a_portal_phase_is_refused_by_naming_it(release, study, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    for path in (tmp_path / "study").rglob("*"):
        if path.is_file() and pydicom.dcmread(path, stop_before_pixels=True).SeriesNumber == 4:
            path.unlink()

    with pytest.raises(PreparationError, match="portal"):
        predict_study(release, tmp_path / "study", device=CPU)


def test_a_model_of_another_preparation_is_refused(release, study):
    preparation = replace(release.settings.preparation, version="ct-0")
    other = replace(release, settings=replace(release.settings, preparation=preparation))

    with pytest.raises(ReleaseError, match=r"got 'ct-0'\. Install HepaFed 0\.1\.0"):
        predict_study(other, study, device=CPU)


@pytest.mark.parametrize("change", [{"norm": "group"}, {"backbone": "resnet9000"}, {"hidden": 3}])
def test_weights_that_do_not_fit_the_settings_are_refused(release, study, change):
    facts = replace(release.settings.network, **change)
    other = replace(release, settings=replace(release.settings, network=facts))

    with pytest.raises(ReleaseError, match="do not fit together") as refusal:
        predict_study(other, study, device=CPU)

    assert refusal.value.problems


def test_an_even_vote_is_told(predicted):
    prediction, _ = predicted
    told = replace(prediction, notices=("The slices vote evenly; the mean probability decided.",))

    assert "Notices:\n  - The slices vote evenly" in prediction_text(told)


def test_the_slices_with_most_evidence_are_shown_in_the_order_of_the_patient():
    heat = np.zeros((5, 2, 4, 4), dtype=np.float32)
    heat[4, 0], heat[1, 1], heat[2] = 0.9, 0.8, 0.3

    assert telling_slices(heat, most=2) == (1, 4)
    assert telling_slices(heat, most=9) == (0, 1, 2, 3, 4)


def test_a_recipe_comes_back_from_the_facts_of_its_release(release):
    facts = release.settings

    assert facts.endpoint.event_responses == ("CR", "PR")
    assert facts.class_order == (RECIPE.endpoint.no_event, RECIPE.endpoint.event)
    assert facts.preparation.image_size == RECIPE.preparation.image_size
