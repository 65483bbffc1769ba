"""What a site answers about its clinical table through the real ClientApp, and what it refuses."""

import json

import numpy as np
import pytest
from clinical_sites import SECRET, SETTINGS, write_site
from flwr.app import Context, Message, RecordDict
from flwr.supercore.task_identity import TaskIdentity

from client.app import app
from client.audit_log import FILE_NAME as AUDIT
from client.clinical_site import open_clinical_site
from client.error_log import FILE_NAME as ERRORS
from client.site_settings import Needs, read_site_settings
from client.visit import SETTINGS_KEY
from server.federated_moments import Columns, request_of
from shared.aggregation.fixed_point import decode_sums
from shared.cohort.analysis_columns import EVENT, MODEL_COLUMNS
from shared.fusion.rotation import rotation
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm
from shared.fusion.svm_arrays import svm_to_arrays
from shared.messages.census import CensusReply, CensusRequest
from shared.messages.evaluation import CellsRequest, ScoreRequest
from shared.messages.moments import Moment
from shared.messages.statistics import FollowUpRequest
from shared.messages.sums import SumReply
from shared.messages.svm import SvmModelReply, SvmModelRequest, SvmRequest, SvmStep
from shared.messages.training import TrainingRequest
from shared.messages.weights_digest import weights_digest
from shared.settings import parse_run_settings
from shared.wire.actions import flower_type_of
from shared.wire.codec import decode, encode
from simulations.synthetic.clinical import draw_clinical_rows

NAMES = ("afp_ng_ml", "tumour_thrombus")


@pytest.fixture
def site_file(tmp_path):
    rows = draw_clinical_rows(120, ["north"], np.random.default_rng(3))
    return write_site(tmp_path / "north", "north", rows)


@pytest.fixture
def ask(site_file):
    """Send a request; give the reply, or the reason of the error."""
    # Flower builds every message from this process-wide identity.
    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1

    def send(request, reply_type, **changes):
        context = Context(1, 7, {SETTINGS_KEY: str(site_file)}, RecordDict(), SETTINGS | changes)
        message = Message(encode(request), 7, flower_type_of(type(request)))
        reply = app(message, context)
        return reply.error.reason if reply.has_error() else decode(reply.content, reply_type)

    return send


@pytest.fixture
def site(site_file):
    settings = read_site_settings(site_file, {Needs.CLINICAL})
    return open_clinical_site(settings, parse_run_settings(SETTINGS))


def gradient_request(label="salt/0.1/0", fits=1):
    return SvmRequest(
        step=SvmStep.GRADIENT,
        columns=NAMES,
        logged=("afp_ng_ml",),
        indicated=(),
        medians=np.zeros((1, 2)),
        centres=np.zeros((1, 2)),
        scales=np.ones((1, 2)),
        event=EVENT,
        folds=5,
        seed=0,
        degree=1,
        parts=(0,) * fits,
        penalties=(0.1,) * fits,
        class_weights=np.ones((fits, 2)),
        labels=(label,) * fits,
        points=np.zeros((fits, 3)),
        sets=(),
        edges=np.zeros(0),
        edges_per_set=(),
        curve=np.zeros(0),
        targets=np.zeros(0),
    )


def test_the_census_counts_the_table(ask, site):
    reply = ask(CensusRequest(json.dumps(SETTINGS)), CensusReply)
    assert (reply.site, reply.patients, reply.slices) == ("north", 120, 0)
    assert reply.training_patients + reply.held_out_patients == 120
    assert reply.held_out_patients == site.held_out.sum()
    assert reply.events == site.columns[EVENT].sum()


def test_without_folds_a_sum_is_over_everybody_and_with_folds_over_training_patients(ask, site):
    for folds, patients in ((0, 120), (5, 120 - site.held_out.sum())):
        request = request_of(Columns(NAMES, event=EVENT, folds=folds), Moment.PRESENT)
        words = ask(request, SumReply).words
        assert decode_sums(request.sums, words)["patients"][0] == patients


def test_counts_per_day_are_refused_with_a_word(ask, site_file):
    reason = ask(FollowUpRequest("os_days", "os_event", "", 1, 7305), SumReply)
    assert reason.startswith("site refusal needs-masks ref ")
    log = (site_file.parent / "work" / ERRORS).read_text()
    assert "Turn masked sums on" in log
    assert not (site_file.parent / "work" / AUDIT).exists()


def test_the_site_counts_gradients_itself(ask):
    for _ in range(33):
        assert isinstance(ask(gradient_request(), SumReply), SumReply)
    assert ask(gradient_request(), SumReply).startswith("site refusal spent ref ")
    assert isinstance(ask(gradient_request("new salt/0.1/0"), SumReply), SumReply)
    many = gradient_request("one question/0.1/0", fits=34)
    assert ask(many, SumReply).startswith("site refusal spent ref ")


def test_one_point_of_a_fit_is_turned_back_so_that_the_basis_stays_secret(ask):
    point = np.array([1.0, 0.0, 0.0])
    reply = ask(SvmModelRequest("salt/0.1/0", "salt", 1, point), SvmModelReply)
    assert np.allclose(reply.weights, rotation(SECRET, "salt/0.1/0", 3).T @ point)
    other = SvmModelRequest("salt/0.1/0", "salt", 1, np.array([0.0, 1.0, 0.0]))
    assert ask(other, SvmModelReply).startswith("site refusal spent ref ")


def test_the_check_of_the_secret_costs_nothing(ask):
    replies = [ask(SvmModelRequest("", f"{n}", 1, np.zeros(0)), SvmModelReply) for n in range(3)]
    assert len({reply.check for reply in replies}) == 3


def test_a_group_of_four_with_a_value_is_refused(ask, site_file):
    lines = (site_file.parent / "clinical.csv").read_text().splitlines()
    place = lines[0].split(",").index("crp_mg_l")
    kept = 0
    for number in range(1, len(lines)):
        cells = lines[number].split(",")
        kept += bool(cells[place])
        cells[place] = cells[place] if kept <= 4 else ""
        lines[number] = ",".join(cells)
    (site_file.parent / "clinical.csv").write_text("\n".join(lines))
    request = request_of(Columns(("crp_mg_l",)), Moment.TOTAL)
    assert ask(request, SumReply).startswith("site refusal few-patients ref ")
    assert isinstance(ask(request_of(Columns(NAMES), Moment.TOTAL), SumReply), SumReply)


def test_sums_over_training_patients_are_refused_where_the_rest_is_a_few(ask):
    request = request_of(Columns(NAMES, event=EVENT, folds=5), Moment.TOTAL)
    few = {"held-out-fraction": 0.02}
    assert ask(request, SumReply, **few).startswith("site refusal few-patients ref ")
    assert isinstance(ask(request, SumReply), SumReply)


def test_a_machine_is_scored_on_held_out_patients_and_remembered(ask, site):
    model = FittedSvm(
        Preparation(NAMES, (), (), np.ones((1, 2)), np.zeros((1, 2)), np.ones((1, 2))),
        1,
        np.array([0.0, 2.0, -1.0]),
        1.0,
        0.0,
        0.0,
    )
    arrays = svm_to_arrays(model, MODEL_COLUMNS)
    digest = weights_digest(arrays)
    request = ScoreRequest(digest, EVENT, arrays)
    values = decode_sums(request.sums, ask(request, SumReply).words)
    held_out = site.part(held_out=True)
    called = held_out["tumour_thrombus"] == 1
    happened = held_out[EVENT] == 1
    assert values["calls_of_events"].tolist() == [
        (called & happened).sum(), (~called & happened).sum()
    ]  # fmt: skip
    again = CellsRequest(digest, EVENT, np.array([0.0, 0.5, np.inf]))
    assert ask(again, SumReply).words.sum() == happened.size


def test_a_question_about_images_is_refused_in_a_clinical_run(ask):
    reason = ask(TrainingRequest(1, 1, 1e-3, 0.0, 0, {"w": np.zeros(1, np.float32)}), SumReply)
    assert reason.startswith("site error ref ")


def test_a_secret_that_others_can_read_is_not_used(ask, site_file):
    site_file.with_name("rotation.key").chmod(0o644)
    assert ask(gradient_request(), SumReply).startswith("site error ref ")
    assert "chmod 600" in (site_file.parent / "work" / ERRORS).read_text()


def test_a_short_secret_is_not_used(ask, site_file):
    site_file.with_name("rotation.key").write_bytes(b"short")
    assert ask(gradient_request(), SumReply).startswith("site error ref ")
    assert "at least 16 bytes" in (site_file.parent / "work" / ERRORS).read_text()
