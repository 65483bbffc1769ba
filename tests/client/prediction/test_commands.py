"""Predicting one patient from the command line, with images alone or with the clinic."""

import csv
import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import hepafed
from client.image_roles import Modality
from client.prediction.given_values import given_values
from client.prediction.named_series import named_series
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.errors import DataError, ManifestError, SettingsError
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm
from shared.models.weights import to_arrays
from shared.release.haic_bundle import read_haic_release
from shared.report.haic_record import HaicRecord
from shared.report.run_record import EndpointWords, Environment
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.haic_prediction import predict_haic_study
from shared.tasks.haic_release import write_haic_release
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.vocabulary import MriRole
from simulations.synthetic.mri_cohort import write_mri_cohort
from simulations.synthetic.mri_spec import MriCohortSpec, even_mri_sites

RUN = RunSettings(
    task=HAIC_MRI, network="resnet18", image_height=32, image_width=48, slices_per_patient=1
)


def _model(columns):
    ones = np.ones((1, len(columns)))
    preparation = Preparation(tuple(columns), (), (), 3 * ones, 2 * ones, 5 * ones)
    return FittedSvm(preparation, 1, np.linspace(0.1, 0.9, len(columns) + 1), 1.3, -0.7, 0.4)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort")
    spec = MriCohortSpec(sites=even_mri_sites(1, 2), seed=3, columns=40, slices=8)
    write_mri_cohort(spec, out, workers=1, progress=None)
    return out / "site-a"


@pytest.fixture(scope="module")
def study(site):
    return min((site / "dicom").iterdir())


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    recipe = recipe_for(RUN)
    end = recipe.endpoint
    record = HaicRecord(
        run="one",
        task=recipe.name,
        source=recipe.source,
        endpoint=EndpointWords(end.name, end.event, end.no_event),
        synthetic=True,
        seed=1,
        settings={},
        departures=(),
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
    models = {
        "image-only": _model([IMAGE_SCORE]),
        "clinical-only": _model(["ast_u_l"]),
        "fusion": _model(["ast_u_l", "albumin_g_l", *IMAGE_FEATURES]),
    }
    folder = tmp_path_factory.mktemp("run") / "release"
    weights = to_arrays(initial_network(recipe.network, seed=1))
    write_haic_release(folder, recipe, weights, models, record)
    return folder


def _run(*words):
    return CliRunner().invoke(hepafed.app, ["predict", *map(str, words)])


def test_a_model_of_both_takes_the_patients_row_of_the_clinical_table(site, study, release):
    table = site / "clinical.csv"
    result = _run(release, study, "--clinical", table, "--row", 3, "--format", "json")
    assert result.exit_code == 0, repr(result.exception)
    found = json.loads(result.stdout)["data"]
    with table.open(encoding="utf-8") as lines:
        row = list(csv.DictReader(lines))[1]
    expected = predict_haic_study(
        read_haic_release(release), study, row, device=torch.device("cpu")
    )
    assert [model["probability"] for model in found["models"]] == pytest.approx(
        [model.probability for model in expected.models], abs=1e-9
    )


def test_single_values_count_before_the_table(tmp_path):
    table = tmp_path / "one.csv"
    table.write_text("AST U L,crp_mg_l\n40,3\n", encoding="utf-8")
    assert given_values(table, None, ["ast_u_l=56"]) == {"ast_u_l": "56", "crp_mg_l": "3"}
    assert given_values(None, None, []) == {}
    with pytest.raises(ManifestError, match="clinical variable"):
        given_values(None, None, ["ast=56"])


@pytest.mark.parametrize("row", [None, 1, 4])
def test_a_table_of_several_patients_needs_the_row(tmp_path, row):
    table = tmp_path / "two.csv"
    table.write_text("ast_u_l\n40\n50\n", encoding="utf-8")
    with pytest.raises(DataError, match="from 2 to 3"):
        given_values(table, row, [])


def test_a_person_can_say_what_a_series_is(study):
    roles = named_series(study, ["6=t1_portal"], Modality.MR)
    assert list(roles.values()) == [MriRole.T1_PORTAL]
    assert named_series(study, [], Modality.MR) == {}
    with pytest.raises(SettingsError) as caught:
        named_series(study, ["6=portal", "77=t2_fse", "t2_fse"], Modality.MR)
    first, second, third = caught.value.problems
    assert "t1_arterial" in first.expected
    assert second.got == third.got == "no volumes of that name"


def test_a_named_series_takes_the_place_of_what_headers_say(study, release):
    swapped = ["--series", "6=t1_portal", "--series", "7=t1_arterial"]
    straight = json.loads(_run(release, study, "--format", "json").stdout)["data"]
    crossed = json.loads(_run(release, study, *swapped, "--format", "json").stdout)["data"]
    series = [
        {one["sequence"]: one["series"] for one in d["sequences"]} for d in (straight, crossed)
    ]
    arterial, portal = list(series[0])[:2]
    assert series[0][arterial] == series[1][portal]
    assert series[0][portal] == series[1][arterial]
