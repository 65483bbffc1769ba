import json

import numpy as np
import pytest
from flwr.app import Context, Message, MetricRecord, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.supercore.task_identity import TaskIdentity

from client.app import app
from client.audit_log import FILE_NAME as AUDIT
from client.audit_log import verify_audit_log
from client.error_log import FILE_NAME as ERRORS
from client.visit import SETTINGS_KEY
from shared.messages.census import CensusReply, CensusRequest
from shared.messages.evaluation import CellsRequest, ScoreRequest
from shared.messages.sums import SumReply
from shared.messages.training import TrainingReply, TrainingRequest
from shared.messages.weights_digest import weights_digest
from shared.models.weights import to_arrays
from shared.settings import parse_run_settings
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.wire.actions import flower_type_of
from shared.wire.codec import decode, encode
from shared.wire.fingerprint import code_digest

CONFIG = {
    "phases": "portal",
    "image-size": 32,
    "slices-per-patient": 1,
    "inner-validation-fraction": 0.4,
}


@pytest.fixture(scope="module")
def weights():
    settings = parse_run_settings(CONFIG)
    return to_arrays(initial_network(recipe_for(settings).network, 0))


@pytest.fixture
def ask(site_file):
    TaskIdentity.task_id = TaskIdentity.run_id = 1
    TaskIdentity.node_id = SUPERLINK_NODE_ID

    def send(content, kind, node_config=None, run_config=None):
        node = {SETTINGS_KEY: str(site_file)} if node_config is None else node_config
        context = Context(1, 7, node, RecordDict(), CONFIG if run_config is None else run_config)
        return app(Message(content, 7, kind), context)

    def ask(request, reply_type, **configs):
        reply = send(encode(request), flower_type_of(type(request)), **configs)
        assert not reply.has_error(), (site_file.parent / "work" / ERRORS).read_text()
        return decode(reply.content, reply_type)

    ask.send = send
    return ask


def test_the_census_counts_the_sites_patients(ask):
    reply = ask(CensusRequest(json.dumps(CONFIG)), CensusReply)
    assert reply.site == "site-a"
    assert reply.code_digest == code_digest()
    assert reply.patients == 30
    parts = (reply.training_patients, reply.inner_validation_patients, reply.held_out_patients)
    assert sum(parts) == 30
    assert min(parts) >= 5
    assert reply.slices == 30


def test_training_changes_weights_and_scoring_does_not(ask, weights):
    request = TrainingRequest(1, 1, 1e-3, 0.0, 0, weights)
    trained = ask(request, TrainingReply)
    assert set(trained.weights) == set(weights)
    assert any(not np.array_equal(trained.weights[n], weights[n]) for n in weights)
    scored = ask(TrainingRequest(2, 0, 1e-3, 0.0, 0, weights), TrainingReply)
    assert scored.weights == {}
    assert scored.steps == 0
    assert scored.validation_loss_sum == pytest.approx(trained.validation_loss_sum, rel=1e-6)
    assert scored.validation_patients == trained.validation_patients > 0


def test_the_same_request_gives_the_same_update(ask, weights):
    request = TrainingRequest(3, 1, 1e-3, 0.0, 0, weights)
    first, second = (ask(request, TrainingReply) for _ in range(2))
    assert all(np.array_equal(first.weights[n], second.weights[n]) for n in weights)


def test_evaluation_takes_the_weights_once_and_then_the_digest(ask, weights):
    digest = weights_digest(weights)
    scored = ask(ScoreRequest(digest, "objective_response", weights), SumReply)
    again = ask(ScoreRequest(digest, "objective_response", {}), SumReply)
    assert np.array_equal(scored.words, again.words)
    edges = np.array([0.0, 0.5, np.inf])
    cells = ask(CellsRequest(digest, "objective_response", edges), SumReply)
    assert cells.words.sum() == 12


def reference_of(reply):
    assert reply.has_error()
    assert reply.error.reason.startswith("site error ref ")
    return reply.error.reason.removeprefix("site error ref ")


def test_an_unknown_model_without_weights_is_an_error_with_a_reference(ask, site_file):
    request = ScoreRequest("f" * 64, "objective_response", {})
    reply = ask.send(encode(request), "query.evaluation")
    log = (site_file.parent / "work" / ERRORS).read_text()
    assert f"ref {reference_of(reply)} during query.evaluation: MessageError" in log


def test_no_exception_text_leaves_the_site(ask, site_file, tmp_path):
    folder = site_file.parent
    broken = tmp_path / "site.toml"
    broken.write_text(
        f'[site]\nname = "Jane Doe"\ndicom = "{folder}/dicom"\n'
        f'manifest = "{broken}"\nwork = "work"\n'
    )
    reply = ask.send(
        encode(CensusRequest("{}")), "query.census", node_config={SETTINGS_KEY: str(broken)}
    )
    assert len(reference_of(reply)) == 12
    assert "Jane" not in reply.error.reason


def test_the_server_cannot_point_a_hospital_to_other_settings(ask, site_file, tmp_path):
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "site.toml").write_text("not even TOML")
    reply = ask(
        CensusRequest(json.dumps(CONFIG)),
        CensusReply,
        node_config={SETTINGS_KEY: str(site_file), "partition-id": 0},
        run_config=CONFIG | {"sites-dir": str(tmp_path)},
    )
    assert reply.site == "site-a"


def test_a_simulated_node_finds_its_site_by_its_number(ask, site_file):
    reply = ask(
        CensusRequest("{}"),
        CensusReply,
        node_config={"partition-id": 0, "num-partitions": 1},
        run_config=CONFIG | {"sites-dir": str(site_file.parent.parent)},
    )
    assert reply.site == "site-a"


def test_a_node_without_settings_says_so_on_its_own_console(ask, capsys):
    reply = ask.send(encode(CensusRequest("{}")), "query.census", node_config={})
    printed = capsys.readouterr().err
    assert reference_of(reply) in printed
    assert "--node-config 'site-settings=" in printed


def test_a_run_announced_otherwise_than_configured_is_refused(ask, site_file):
    announced = json.dumps(CONFIG | {"seed": 9})
    reply = ask.send(encode(CensusRequest(announced)), "query.census")
    log = (site_file.parent / "work" / ERRORS).read_text()
    assert "other values of seed" in log[log.index(reference_of(reply)) :]


def test_a_request_under_another_stages_name_is_refused(ask):
    assert reference_of(ask.send(encode(CensusRequest("{}")), "query.evaluation"))


def test_records_that_are_no_message_are_refused(ask):
    assert reference_of(ask.send(RecordDict({"m": MetricRecord({"a": 1})}), "query.census"))


def test_everything_that_left_is_in_the_audit_log(ask, site_file, weights):
    work = site_file.parent / "work"
    before = verify_audit_log(work).lines
    ask(TrainingRequest(4, 0, 1e-3, 0.0, 0, weights), TrainingReply)
    ask.send(encode(CensusRequest("[")), "query.census")
    check = verify_audit_log(work)
    assert (check.lines, check.broken_at) == (before + 1, None)
    assert "TrainingReply" in (work / AUDIT).read_text().splitlines()[-1]
