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

from shared.cohort.analysis_columns import site_columns
from shared.cohort.clinical_table import parse_clinical_table
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.errors import ManifestError, PreparationError, ReleaseError
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm, calls, decision_values, probabilities
from shared.models.weights import to_arrays
from shared.release.haic_bundle import read_haic_release
from shared.report.haic_record import HaicRecord
from shared.report.run_record import EndpointWords, Environment
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.haic_prediction import predict_haic_study
from shared.tasks.haic_prediction_record import haic_prediction_json, haic_prediction_text
from shared.tasks.haic_release import (
    RELEASED_MODELS,
    write_haic_release,
)
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.training.mri_features import patient_features
from simulations.synthetic.mri_cohort import write_mri_cohort
from simulations.synthetic.mri_spec import MriCohortSpec, even_mri_sites

CPU = torch.device("cpu")
SETTINGS = RunSettings(
    task=HAIC_MRI, network="resnet18", image_height=64, image_width=96, slices_per_patient=3
)
RECIPE = recipe_for(SETTINGS)
CLINIC = ("aged_50_or_more", "tumour_thrombus", "extrahepatic_metastasis", "ast_u_l")


def _machine(columns, seed, logged=()):
    rng = np.random.default_rng(seed)
    count = len(columns)
    return FittedSvm(
        preparation=Preparation(
            columns=tuple(columns),
            logged=tuple(logged),
            indicated=(),
            medians=rng.normal(3, 0.2, size=(1, count)),
            centres=rng.normal(size=(1, count)),
            scales=rng.uniform(0.5, 3, size=(1, count)),
        ),
        degree=1,
        weights=rng.normal(size=count + 1),
        slope=1.3,
        intercept=-0.7,
        threshold=0.4,
    )


MODELS = {
    "image-only": _machine([IMAGE_SCORE], 1),
    "clinical-only": _machine(CLINIC, 2, ["ast_u_l"]),
    "fusion": _machine([*CLINIC, "nlr", "crp_mg_l", *IMAGE_FEATURES], 3, ["ast_u_l", "crp_mg_l"]),
}
RECORD = HaicRecord(
    run="demo",
    task=RECIPE.name,
    source=RECIPE.source,
    endpoint=EndpointWords(RECIPE.endpoint.name, RECIPE.endpoint.event, RECIPE.endpoint.no_event),
    synthetic=True,
    seed=1,
    settings={"strategy": "FedAvg"},
    departures=("Slices have 64 x 96 pixels.",),
    environment=Environment("0.1.0", "3.11", "2", "1", "Linux", "CPU", 2, "cpu"),
    network="ResNet-18",
    started="2026-11-22T18:00:00+00:00",
    finished="2026-11-22T18:08:00+00:00",
    seconds={},
    sites=(),
    exclusions=(),
    trainings=(),
    arms=(),
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort")
    spec = MriCohortSpec(sites=even_mri_sites(1, 1), seed=3, columns=64, slices=10)
    write_mri_cohort(spec, out, workers=1, progress=None)
    return out


@pytest.fixture(scope="module")
def study(cohort):
    return next(cohort.glob("*/dicom/*"))


@pytest.fixture(scope="module")
def cells(cohort):
    with next(cohort.glob("*/clinical.csv")).open(encoding="utf-8") as lines:
        return next(csv.DictReader(lines))


@pytest.fixture(scope="module")
def network():
    return initial_network(RECIPE.network, seed=1)


@pytest.fixture(scope="module")
def release(tmp_path_factory, network):
    folder = tmp_path_factory.mktemp("run") / "release"
    write_haic_release(folder, RECIPE, to_arrays(network), MODELS, RECORD)
    return read_haic_release(folder)


@pytest.fixture(scope="module")
def predicted(release, study, cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("overlays") / "new"
    return predict_haic_study(release, study, cells, device=CPU, overlays_dir=folder), folder


@pytest.fixture(scope="module")
def site_table(study, cells, network):
    """One patient as a site holds it: clinical columns and kept image features."""
    table, _ = parse_clinical_table(list(cells), [list(cells.values())])
    images = prepare_mri_study(study, RECIPE.preparation).images
    found = patient_features(network, images, CPU)
    features = dict(zip(IMAGE_FEATURES, found.features[:, np.newaxis], strict=True))
    return {**site_columns(table), **features, IMAGE_SCORE: np.array([found.score])}


@pytest.mark.parametrize("name", RELEASED_MODELS)
def test_a_prediction_is_the_number_of_the_evaluation(predicted, site_table, name):
    prediction, _ = predicted
    model = MODELS[name]
    said = next(call for call in prediction.models if call.model == name)

    assert said.probability == pytest.approx(probabilities(model, site_table)[0], abs=1e-5)
    assert (said.label == RECIPE.endpoint.event) == calls(model, site_table)[0]
    assert (said.probability >= said.called_from) == (
        decision_values(model, site_table)[0] >= model.threshold
    )


def test_the_label_is_that_of_image_and_clinic_together(predicted):
    prediction, _ = predicted

    assert [call.model for call in prediction.models] == list(RELEASED_MODELS)
    assert prediction.label == prediction.models[-1].label
    assert prediction.probability("fusion") == prediction.models[-1].probability


def test_every_sequence_comes_with_its_series_and_the_reason(predicted):
    prediction, _ = predicted

    assert [item.sequence for item in prediction.sequences] == [
        "T1 arterial",
        "T1 portal",
        "T1 delayed",
        "T2 FSE",
        "dual echo",
    ]
    assert all(item.evidence and item.confidence > 0.5 for item in prediction.sequences)
    assert list(prediction.image_features) == [
        f"Image: {item.sequence}" for item in prediction.sequences
    ]
    assert prediction.slices == 3


def test_heat_maps_are_one_picture_per_sequence(predicted):
    prediction, folder = predicted

    assert prediction.overlays == (
        "overlay_1_t1_arterial.png",
        "overlay_2_t1_portal.png",
        "overlay_3_t1_delayed.png",
        "overlay_4_t2_fse.png",
        "overlay_5_dual_echo.png",
    )
    assert {path.name for path in folder.iterdir()} == set(prediction.overlays)
    with Image.open(folder / "overlay_1_t1_arterial.png") as sheet:
        colours = np.asarray(sheet.convert("RGB")).astype(int)
    assert np.ptp(colours[120:260, 12:300], axis=2).max() == 0  # above: plain grey
    assert colours[120:260, 12:300].max() > 200


def test_a_missing_value_is_imputed_and_told(release, study, cells):
    prediction = predict_haic_study(
        release, study, {**cells, "ast_u_l": "", "neutrophils_e9_l": "", "nlr": ""}, device=CPU
    )
    uses = {use.name: use for use in prediction.clinical}
    fusion = MODELS["fusion"].preparation
    median = float(np.exp(fusion.medians[0, fusion.columns.index("ast_u_l")]))

    assert (uses["ast_u_l"].source, uses["nlr"].source) == ("imputed", "imputed")
    assert uses["ast_u_l"].value == pytest.approx(median)
    assert any(
        notice.startswith("2 clinical values are missing; of the training patients the median")
        for notice in prediction.notices
    )
    assert "AST, U/L" in prediction.notices[-1]


def test_a_patient_of_whom_nothing_but_images_is_known_is_said_to_be_that(release, study):
    prediction = predict_haic_study(release, study, {}, device=CPU)

    assert {use.source for use in prediction.clinical} == {"imputed"}
    assert prediction.notices[-1].startswith("No clinical value was given")


def test_a_derived_value_is_used_and_said_to_be_derived(release, study, cells):
    ratio = float(cells["neutrophils_e9_l"]) / float(cells["lymphocytes_e9_l"])
    prediction = predict_haic_study(release, study, {**cells, "nlr": ""}, device=CPU)
    use = next(use for use in prediction.clinical if use.name == "nlr")

    assert (use.source, use.value) == ("derived", pytest.approx(ratio))


def test_the_words_name_the_event_and_nobody(predicted, cells):
    prediction, _ = predicted
    text = haic_prediction_text(prediction)
    record = json.dumps(haic_prediction_json(prediction), allow_nan=False)

    assert text.startswith(f"Predicted by image and clinic together: {prediction.label}\n")
    assert f"{prediction.probability('fusion'):.3f}" in text
    assert "it is no proof" in text
    assert f"Tumour thrombus: {'yes' if float(cells['tumour_thrombus']) else 'no'}\n" in text
    assert text.endswith("Research use only. Not a medical device.")
    for said in (text, record):
        assert "progressive disease (PD)" in said
        assert not re.search(r"\b(positive|negative)\b", said, re.IGNORECASE)
        assert cells["patient_id"] not in said
    assert json.loads(record)["research_use_only"] is True
    assert json.loads(record)["models"][2]["probability"] == prediction.probability("fusion")


def test_a_value_in_another_unit_stops_the_prediction_before_the_images(release, cells, tmp_path):
    with pytest.raises(ManifestError, match="albumin_g_l"):
        predict_haic_study(
            release, tmp_path / "nowhere", {**cells, "albumin_g_l": "3.8"}, device=CPU
        )


def test_a_missing_sequence_is_refused_and_never_made_up(release, study, cells, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    t2 = next(
        item
        for item in predict_haic_study(release, study, cells, device=CPU).sequences
        if item.sequence == "T2 FSE"
    )
    number = int(re.search(r"\d+", t2.series)[0])
    for path in (tmp_path / "study").rglob("*"):
        if path.is_file() and pydicom.dcmread(path, stop_before_pixels=True).SeriesNumber == number:
            path.unlink()

    with pytest.raises(PreparationError, match="T2"):
        predict_haic_study(release, tmp_path / "study", cells, device=CPU)


def test_a_model_of_another_preparation_is_refused(release, study, cells):
    preparation = replace(release.settings.preparation, version="mri-0")
    other = replace(release, settings=replace(release.settings, preparation=preparation))

    with pytest.raises(ReleaseError, match=r"got 'mri-0'\. Install HepaFed 0\.1\.0"):
        predict_haic_study(other, study, cells, device=CPU)


@pytest.mark.parametrize(
    "change", [{"norm": "group"}, {"network": "vgg"}, {"reading": "three_channel"}]
)
def test_weights_that_do_not_fit_the_settings_are_refused(release, study, cells, change):
    facts = replace(release.settings.network, **change)
    other = replace(release, settings=replace(release.settings, network=facts))

    with pytest.raises(ReleaseError, match="do not fit together"):
        predict_haic_study(other, study, cells, device=CPU)


def test_a_release_without_its_fusion_machine_is_refused(release, study, cells):
    models = {name: model for name, model in release.models.items() if name != "fusion"}

    with pytest.raises(ReleaseError, match="none named fusion"):
        predict_haic_study(replace(release, models=models), study, cells, device=CPU)
