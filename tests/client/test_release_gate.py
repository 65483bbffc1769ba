import dataclasses
import json

import numpy as np
import pytest

from client.audit_log import FILE_NAME, AuditLog, verify_audit_log
from client.policy import Policy
from client.release_gate import release
from shared.errors import DisclosureError
from shared.messages.census import WITHHELD, CensusReply
from shared.messages.evaluation import PatientScores
from shared.messages.image_features import ImageFeaturesReply
from shared.messages.training import TrainingReply

POLICY = Policy(minimum_count=5)
CENSUS = CensusReply("north", "0" * 64, 40, 18, 20, 8, 12, 160, 0, 1.5)
TRAINING = TrainingReply({"w": np.ones((2, 3), np.float32)}, 20, 0.5, 3.5, 8, 7, 1.25)


@pytest.fixture
def audit(tmp_path):
    return AuditLog(tmp_path)


def lines(tmp_path):
    path = tmp_path / FILE_NAME
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_harmless_reply_leaves_unchanged(audit):
    assert release(CENSUS, POLICY, audit) == CENSUS
    assert release(TRAINING, POLICY, audit) is TRAINING


@pytest.mark.parametrize(
    ("change", "withheld"),
    [
        ({"patients": 4, "events": 0}, {"patients", "events"}),
        ({"events": 3}, {"events"}),
        ({"events": 37}, {"events"}),
        ({"training_patients": 4}, {"training_patients"}),
        ({"excluded_patients": 2}, {"excluded_patients"}),
        ({"inner_validation_patients": 3}, {"inner_validation_patients", "held_out_patients"}),
        ({"held_out_patients": 1}, {"inner_validation_patients", "held_out_patients"}),
    ],
)
def test_small_counts_are_withheld_with_those_that_would_give_them_away(audit, change, withheld):
    reply = dataclasses.replace(CENSUS, **change)
    released = release(reply, POLICY, audit)
    assert {k for k, v in vars(released).items() if v == WITHHELD} == withheld
    kept = {k for k in vars(reply) if k not in withheld}
    assert all(getattr(released, k) == getattr(reply, k) for k in kept)


def test_a_count_of_none_may_leave(audit):
    reply = dataclasses.replace(CENSUS, inner_validation_patients=0, held_out_patients=20)
    assert release(reply, POLICY, audit) == reply


def test_a_stricter_site_withholds_more(audit):
    released = release(CENSUS, Policy(minimum_count=20), audit)
    assert (released.training_patients, released.held_out_patients) == (20, WITHHELD)


def test_a_validation_sum_over_too_few_patients_is_withheld(audit):
    reply = dataclasses.replace(TRAINING, validation_patients=3)
    released = release(reply, POLICY, audit)
    assert (released.validation_patients, released.validation_loss_sum) == (0, 0.0)
    assert released.weights is reply.weights


def test_an_update_of_too_few_patients_does_not_leave(audit, tmp_path):
    with pytest.raises(DisclosureError, match="at least 5 training patients"):
        release(dataclasses.replace(TRAINING, training_patients=4), POLICY, audit)
    assert lines(tmp_path) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_do_not_leave(audit, tmp_path, bad):
    weights = {"w": np.array([1, bad, 2], np.float32)}
    with pytest.raises(DisclosureError, match="'weights'"):
        release(dataclasses.replace(TRAINING, weights=weights), POLICY, audit)
    with pytest.raises(DisclosureError, match="'training_loss'"):
        release(dataclasses.replace(TRAINING, training_loss=float(bad)), POLICY, audit)
    assert lines(tmp_path) == []


def test_what_is_not_on_the_closed_list_does_not_leave(audit, tmp_path):
    rows = PatientScores(np.array([0.5]), np.array([True]), np.array([False]))
    with pytest.raises(DisclosureError, match="PatientScores with events, scores, votes"):
        release(rows, POLICY, audit)
    assert lines(tmp_path) == []


def test_a_field_added_to_a_listed_message_does_not_leave(audit):
    @dataclasses.dataclass(frozen=True)
    class CensusReply:
        site: str
        birth_years: tuple[int, ...]

    with pytest.raises(DisclosureError, match="birth_years"):
        release(CensusReply("north", (1960,)), POLICY, audit)


def test_a_reply_larger_than_the_policy_permits_does_not_leave(audit):
    with pytest.raises(DisclosureError, match="at most 10 bytes, got TrainingReply with"):
        release(TRAINING, Policy(minimum_count=5, largest_message_bytes=10), audit)


def test_every_release_writes_one_line_without_values(audit, tmp_path):
    release(CENSUS, POLICY, audit)
    release(TRAINING, POLICY, audit)
    first, second = lines(tmp_path)
    assert (first["message"], second["message"]) == ("CensusReply", "TrainingReply")
    assert second["fields"] == [f.name for f in dataclasses.fields(TrainingReply)]
    assert second["bytes"] > 24
    assert set(first) == {
        "time", "message", "fields", "bytes", "digest", "previous", "chain"
    }  # fmt: skip
    assert verify_audit_log(tmp_path).broken_at is None


def test_the_digest_tells_different_content_apart(audit, tmp_path):
    release(TRAINING, POLICY, audit)
    release(
        dataclasses.replace(TRAINING, weights={"w": np.zeros((2, 3), np.float32)}), POLICY, audit
    )
    release(TRAINING, POLICY, audit)
    digests = [line["digest"] for line in lines(tmp_path)]
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize(("patients", "told"), [(0, 0), (1, WITHHELD), (4, WITHHELD), (5, 5)])
def test_a_small_count_of_kept_features_is_withheld(audit, patients, told):
    assert release(ImageFeaturesReply(patients, 0.5), POLICY, audit).patients == told
