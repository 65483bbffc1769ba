import dataclasses
import time
from contextlib import closing

import numpy as np
import pytest
from flwr.app import Error, Message

from server.events import EventKind, EventStore, read_events
from server.reply_checks import check_reply
from server.transport import SiteExchange
from shared.errors import MessageError, QuorumError
from shared.messages.census import CensusReply, CensusRequest
from shared.messages.image_features import ImageFeaturesReply, ImageFeaturesRequest
from shared.messages.training import TrainingReply, TrainingRequest
from shared.wire.codec import encode

PATIENT = "Jane^Doe"


@pytest.fixture
def asked(toy, tmp_path):
    """Take a census, ask the toy sites to train once, and give replies, events and lines."""

    def ask(alter=None, sites=("east", "north", "west"), epochs=1, fold=0, **settings):
        lines: list[str] = []
        path = tmp_path / "events.sqlite"
        with closing(EventStore(path)) as events:
            exchange = SiteExchange(
                toy.toy_grid(alter, sites),
                toy.toy_settings(**settings),
                events,
                toy.CODE,
                lines.append,
            )
            exchange(CensusRequest("{}"), CensusReply)
            weights = toy.first_weights()
            request = TrainingRequest(1, epochs, 0.5, 0.0, 0, weights, fold, 5 * bool(fold))
            replies = exchange(request, TrainingReply)
        return replies, read_events(path), lines, exchange

    return ask


def reasons(events):
    return {e.site: str(e.detail["reason"]) for e in events if e.kind is EventKind.ERROR}


def test_replies_come_back_by_site_name_sorted(asked):
    replies, events, _, exchange = asked()
    assert list(replies) == ["east", "north", "west"]
    assert replies["north"].training_patients == 20
    assert reasons(events) == {}
    assert exchange.traffic.failed == ()


def test_bytes_are_counted_in_both_directions(asked):
    _, _, _, exchange = asked()
    assert exchange.traffic.bytes_sent > 3 * 7 * 4
    assert exchange.traffic.bytes_received > 3 * 7 * 4


def with_weights(**changes):
    def alter(reply, _message):
        return dataclasses.replace(reply, weights={**reply.weights, **changes})

    return alter


def without_weight(reply, _message):
    return dataclasses.replace(reply, weights={"w": reply.weights["w"]})


def without_field(reply, message):
    content = encode(reply)
    del content["metrics"]["steps"]
    return Message(content, reply_to=message)


def claiming(**changes):
    return lambda reply, _message: dataclasses.replace(reply, **changes)


@pytest.mark.parametrize(
    ("alter", "sentence"),
    [
        (with_weights(w=np.array([1, np.nan, 2], np.float32)), "in 'weights', got others in 'w'"),
        (with_weights(w=np.array([1, np.inf, 2], np.float32)), "finite"),
        (with_weights(w=np.ones(1, np.float32)), "shape (3,), got float32 with shape (1,)"),
        (with_weights(w=np.ones(3)), "got float64"),
        (with_weights(extra=np.ones(3, np.float32)), "got also 'extra'"),
        (without_weight, "missing 'b'"),
        (without_field, "'steps' is missing"),
        (claiming(training_patients=10**12), "20 training patients of the census"),
        (claiming(training_patients=-5), "a count in 'training_patients'"),
        (claiming(training_loss=float("nan")), "finite number in 'training_loss'"),
        (claiming(validation_loss_sum=-1.0), "cross-entropy of 0 or more"),
    ],
)  # fmt: skip
def test_a_bad_reply_is_refused_by_name_and_the_round_goes_on(asked, alter, sentence):
    replies, events, lines, exchange = asked({"north": alter})
    assert list(replies) == ["east", "west"]
    assert sentence in reasons(events)["north"]
    assert exchange.traffic.failed == ("north",)
    assert any("north" in line for line in lines)


@pytest.mark.parametrize(("fold", "patients", "taken"), [(0, 19, 0), (3, 13, 1), (3, 21, 0)])
def test_where_a_fold_is_left_out_fewer_patients_may_be_trained_on(asked, fold, patients, taken):
    replies, events, _, _ = asked({"north": claiming(training_patients=patients)}, fold=fold)
    assert ("north" in replies) == bool(taken)
    assert ("20 training patients of the census" in reasons(events).get("north", "")) != taken


def test_a_count_of_features_that_is_none_is_refused():
    request = ImageFeaturesRequest("0" * 32, 1, 5, 0, "", {})
    check_reply(request, ImageFeaturesReply(-1, 0.1))
    with pytest.raises(MessageError, match="a count in 'patients'"):
        check_reply(request, ImageFeaturesReply(-2, 0.1))


def test_no_word_of_an_exception_reaches_the_server(asked):
    def leaking(_reply, _message):
        raise ValueError(f"cannot read /data/{PATIENT}/arterial/0001.dcm")

    replies, events, lines, _ = asked({"north": leaking})
    assert list(replies) == ["east", "west"]
    assert reasons(events)["north"] == "the app failed at the site"
    assert PATIENT not in repr(events) + repr(lines)


def test_a_sites_error_reference_is_kept(asked):
    def failing(_reply, message):
        return Message(Error(2, "site error ref 0123456789ab"), reply_to=message)

    _, events, _, _ = asked({"north": failing})
    assert "error ref 0123456789ab" in reasons(events)["north"]


def test_an_error_reply_with_other_text_is_cut_to_its_code(asked):
    def failing(_reply, message):
        return Message(Error(5, f"gone with {PATIENT}"), reply_to=message)

    _, events, _, _ = asked({"north": failing})
    assert reasons(events)["north"] == "the site is offline"


def test_a_late_reply_is_left_out_by_name(asked):
    def slow(reply, _message):
        time.sleep(1.05)
        return reply

    replies, events, _, _ = asked({"west": slow}, **{"round-timeout-seconds": 1})
    assert list(replies) == ["east", "north"]
    assert reasons(events) == {"west": "no reply in time"}


def test_below_the_quorum_the_error_names_who_answered_and_who_did_not(asked):
    with pytest.raises(QuorumError) as caught:
        asked(
            {"north": claiming(training_patients=-5), "west": claiming(training_loss=float("inf"))},
            **{"min-sites": 2},
        )
    text = str(caught.value)
    assert "at least 2 sites, got 1: east" in text
    assert "north (refused" in text
    assert "west (refused" in text


def test_waiting_names_who_is_here_and_ends_by_name(asked):
    with pytest.raises(
        QuorumError, match=r"at least 4 sites, got 3: east, north, west\. Missing: 1 not yet known"
    ):
        asked(**{"min-sites": 4})  # fmt: skip


def test_other_code_is_left_out_by_name(asked):
    replies, events, _, _ = asked({"census/west": claiming(code_digest="0" * 64)})
    assert list(replies) == ["east", "north"]
    assert reasons(events) == {"west": "runs other code than the server"}


def test_two_sites_with_one_name_are_not_mixed_up(asked):
    replies, events, _, _ = asked(sites=("east", "north", "north"))
    assert list(replies) == ["east", "north"]
    assert "already here" in reasons(events)["north"]


def test_a_site_whose_census_cannot_be_read_is_left_out(asked):
    replies, events, _, _ = asked({"census/west": claiming(seconds=float("nan"))})
    assert list(replies) == ["east", "north"]
    assert any("'seconds'" in reason for reason in reasons(events).values())


def test_zero_epochs_bring_scores_without_weights(asked):
    replies, _, _, _ = asked(epochs=0)
    assert all(reply.weights == {} for reply in replies.values())
    assert all(reply.validation_patients == 5 for reply in replies.values())
