import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode

from simulations.in_process import InProcessGrid, simulated_nodes


def grid_of(answer, nodes=2):
    app = ClientApp()
    app.query("ask")(answer)
    return InProcessGrid(app, simulated_nodes(nodes), {"seed": 3})


def ask_all(grid, content=None, timeout=None):
    content = content if content is not None else RecordDict({"c": ConfigRecord({"n": 1})})
    messages = [Message(content, node, "query.ask") for node in grid.get_node_ids()]
    return messages, list(grid.send_and_receive(messages, timeout=timeout))


def echo(message: Message, _context: Context) -> Message:
    return Message(message.content, reply_to=message)


def test_every_reply_names_the_message_it_answers():
    messages, replies = ask_all(grid_of(echo))
    assert {r.metadata.reply_to_message_id for r in replies} == {
        m.metadata.message_id for m in messages
    }
    assert [r.metadata.src_node_id for r in replies] == [m.metadata.dst_node_id for m in messages]


def test_nodes_see_their_own_and_the_runs_settings():
    def tell(message: Message, context: Context) -> Message:
        seen = {"node": context.node_config["partition-id"], "seed": context.run_config["seed"]}
        return Message(RecordDict({"c": ConfigRecord(seen)}), reply_to=message)

    _, replies = ask_all(grid_of(tell))
    assert [dict(r.content["c"]) for r in replies] == [
        {"node": 0, "seed": 3},
        {"node": 1, "seed": 3},
    ]


def test_a_node_keeps_its_state_and_shares_it_with_no_other():
    def count(message: Message, context: Context) -> Message:
        calls = context.state.setdefault("calls", ConfigRecord({"n": 0}))
        calls["n"] += 1
        return Message(RecordDict({"c": ConfigRecord(dict(calls))}), reply_to=message)

    grid = grid_of(count)
    ask_all(grid)
    _, replies = ask_all(grid)
    assert [r.content["c"]["n"] for r in replies] == [2, 2]


def test_a_node_cannot_change_what_others_or_the_server_hold():
    def meddle(message: Message, _context: Context) -> Message:
        message.content["c"]["words"].append("mine")
        message.content["a"]["w"] = Array(np.zeros(3, np.float32))
        return Message(message.content, reply_to=message)

    content = RecordDict(
        {
            "c": ConfigRecord({"words": ["sent"]}),
            "a": ArrayRecord({"w": Array(np.ones(3, np.float32))}),
        }
    )
    _, replies = ask_all(grid_of(meddle), content)
    assert content["c"]["words"] == ["sent"]
    assert np.array_equal(content["a"]["w"].numpy(), np.ones(3))
    assert replies[1].content["c"]["words"] == ["sent", "mine"]


def test_arrays_cross_the_border_without_being_copied():
    content = RecordDict({"a": ArrayRecord({"w": Array(np.ones(1000, np.float32))})})
    _, replies = ask_all(grid_of(echo), content)
    assert all(r.content["a"]["w"].data is content["a"]["w"].data for r in replies)


def test_an_exception_becomes_flowers_error_reply():
    def fail(message: Message, context: Context) -> Message:
        if context.node_config["partition-id"] == 0:
            raise ValueError("no")
        return Message(message.content, reply_to=message)

    _, (failed, fine) = ask_all(grid_of(fail))
    assert failed.error.code == ErrorCode.CLIENT_APP_RAISED_EXCEPTION
    assert "ValueError" in failed.error.reason
    assert fine.has_content()


def test_an_error_that_the_app_returns_arrives_as_it_is():
    def refuse(message: Message, _context: Context) -> Message:
        return Message(Error(2, "site error ref 0123456789ab"), reply_to=message)

    _, replies = ask_all(grid_of(refuse))
    assert {r.error.reason for r in replies} == {"site error ref 0123456789ab"}


def test_a_message_to_nobody_is_answered_as_unavailable():
    grid = grid_of(echo)
    (reply,) = grid.send_and_receive([Message(RecordDict(), 5, "query.ask")])
    assert reply.error.code == ErrorCode.NODE_UNAVAILABLE


def test_messages_can_be_pushed_and_pulled_once():
    grid = grid_of(echo)
    node = next(iter(grid.get_node_ids()))
    identifiers = list(grid.push_messages([Message(RecordDict(), node, "query.ask")]))
    assert len(list(grid.pull_messages(identifiers))) == 1
    assert list(grid.pull_messages(identifiers)) == []


@pytest.mark.parametrize(("timeout", "replies"), [(0.0, 0), (60.0, 2), (None, 2)])
def test_replies_after_the_timeout_are_lost(timeout, replies):
    assert len(ask_all(grid_of(echo), timeout=timeout)[1]) == replies
