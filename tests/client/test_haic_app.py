"""A site's real ClientApp in a run on MRI and clinic, from DICOM to a sum over image features."""

import dataclasses
import json

import numpy as np
import pytest
from flwr.app import Context, Message, RecordDict
from flwr.supercore.task_identity import TaskIdentity

from client.app import app
from client.error_log import FILE_NAME as ERRORS
from client.visit import SETTINGS_KEY
from server.federated_moments import Columns, request_of
from shared.aggregation.fixed_point import decode_sums
from shared.cohort.fusion_columns import IMAGE_SCORE
from shared.messages.census import CensusReply, CensusRequest
from shared.messages.evaluation import ScoreRequest
from shared.messages.image_features import ImageFeaturesReply, ImageFeaturesRequest
from shared.messages.moments import Moment
from shared.messages.sums import SumReply
from shared.messages.svm import SvmModelReply, SvmModelRequest
from shared.messages.training import TrainingReply, TrainingRequest
from shared.models.weights import to_arrays
from shared.settings import parse_run_settings
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.wire.actions import flower_type_of
from shared.wire.codec import decode, encode
from simulations.synthetic.mri_cohort import write_mri_cohort
from simulations.synthetic.mri_spec import MriCohortSpec, even_mri_sites

pytestmark = pytest.mark.slow

CONFIG = {
    "task": "haic-mri",
    "image-height": 76,
    "image-width": 76,
    "slices-per-patient": 1,
    "network-width": 0.1,
    "network-blocks": "1,1,1",
    "norm": "group",
    "batch-size": 8,
    "augmentation": False,
    "folds": 3,
    "held-out-fraction": 0.25,
}
RUN, PATIENTS = "0" * 32, 22


@pytest.fixture(scope="module")
def site_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mri")
    spec = MriCohortSpec(sites=even_mri_sites(1, PATIENTS), seed=4, columns=40, slices=8)
    write_mri_cohort(spec, folder, workers=1, progress=None)
    return folder / "site-a" / "site.toml"


@pytest.fixture(scope="module")
def weights():
    return to_arrays(initial_network(recipe_for(parse_run_settings(CONFIG)).network, 0))


@pytest.fixture
def ask(site_file):
    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1

    def send(request, reply_type, **changes):
        context = Context(1, 7, {SETTINGS_KEY: str(site_file)}, RecordDict(), CONFIG | changes)
        reply = app(Message(encode(request), 7, flower_type_of(type(request))), context)
        return reply.error.reason if reply.has_error() else decode(reply.content, reply_type)

    return send


def features(fold, weights, **changes):
    return ImageFeaturesRequest(RUN, fold, 3, 0, "d" * 64, weights, **changes)


def test_the_census_counts_the_folds_of_the_last_training(ask):
    reply = ask(CensusRequest(json.dumps(CONFIG)), CensusReply)
    assert reply.patients + reply.excluded_patients == PATIENTS
    parts = (reply.training_patients, reply.inner_validation_patients, reply.held_out_patients)
    assert sum(parts) == reply.patients
    inside = reply.patients - reply.held_out_patients
    assert abs(reply.training_patients - 2 * inside / 3) < 1
    assert reply.slices == reply.patients


def test_a_fold_is_trained_on_fewer_patients_and_everybody_on_as_many_as_the_census(ask, weights):
    census = ask(CensusRequest(json.dumps(CONFIG)), CensusReply)
    trained = {
        fold: ask(TrainingRequest(1, 1, 0.01, 0.0, 0, weights, fold, 3), TrainingReply)
        for fold in (0, 2)
    }
    assert trained[0].training_patients == census.training_patients
    assert 5 <= trained[2].training_patients < census.training_patients
    assert any(not np.array_equal(trained[2].weights[n], weights[n]) for n in weights)


def test_features_become_columns_and_only_counts_and_sums_leave(ask, weights, site_file):
    census = ask(CensusRequest(json.dumps(CONFIG)), CensusReply)
    counts = [ask(features(fold, weights), ImageFeaturesReply).patients for fold in range(4)]
    assert sum(counts) == census.patients
    asked = dataclasses.replace(
        request_of(Columns((IMAGE_SCORE, "age_years")), Moment.TOTAL), image_run=RUN
    )
    values = decode_sums(asked.sums, ask(asked, SumReply).words)
    assert values["present"][0, 0] == census.patients - census.held_out_patients
    assert np.isfinite(values["total"]).all()
    kept = list((site_file.parent / "work" / "features" / RUN).iterdir())
    assert len(kept) == 4


def test_the_secret_is_shown_without_a_look_at_any_patient(ask):
    reply = ask(SvmModelRequest("", "salt", 1, np.zeros(0)), SvmModelReply)
    assert len(reply.check) == 64


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"folds": 5}, "Expected 5 folds"), ({"task": "clici-ct"}, "Expected 0 folds")],
)
def test_features_of_another_run_config_are_refused(ask, weights, site_file, changes, sentence):
    reason = ask(features(1, weights), ImageFeaturesReply, **changes)
    assert reason.startswith("site error ref ")
    log = (site_file.parent / "work" / ERRORS).read_text()
    assert sentence in log[log.index(reason.removeprefix("site error ref ")) :]


def test_a_network_is_not_scored_where_machines_are(ask, weights):
    reason = ask(ScoreRequest("e" * 64, "progressive_disease", weights, RUN), SumReply)
    assert reason.startswith("site error ref ")
