import sqlite3
from contextlib import closing

import pytest

from server.events import EventKind, EventStore, read_events, verify_events


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run" / "events.sqlite"
    with closing(EventStore(path)) as events:
        events.append(EventKind.RUN, resumed_after_round=None)
        events.append(EventKind.REPLY, round_number=1, site="north", message="TrainingReply")
        events.append(EventKind.ROUND, round_number=1, training_loss=0.5)
    return path


def test_events_are_read_back_in_order(path):
    events = read_events(path)
    assert [(e.number, e.kind, e.round, e.site) for e in events] == [
        (1, EventKind.RUN, 0, ""),
        (2, EventKind.REPLY, 1, "north"),
        (3, EventKind.ROUND, 1, ""),
    ]
    assert events[2].detail == {"training_loss": 0.5}


def test_a_store_opened_again_goes_on_with_the_chain(path):
    with closing(EventStore(path)) as events:
        events.append(EventKind.STOP, reason="finished")
    check = verify_events(path)
    assert (check.events, check.broken_at) == (4, None)


@pytest.mark.parametrize("statement", ["DELETE FROM events", "UPDATE events SET site = 'x'"])
def test_the_store_refuses_to_change_or_delete(path, statement):
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.DatabaseError) as caught:
        database.execute(statement)
    assert "append-only" in str(caught.value)


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE events SET detail = '{\"training_loss\": 0.1}' WHERE number = 3", 3),
        ("UPDATE events SET site = 'south' WHERE number = 2", 2),
        ("DELETE FROM events WHERE number = 2", 2),
    ],
)
def test_tampering_with_the_file_is_found(path, tampering, broken_at):
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER never_changed")
        database.execute("DROP TRIGGER never_deleted")
        database.execute(tampering)
        database.commit()
    assert verify_events(path).broken_at == broken_at


def test_a_reader_sees_events_while_the_run_writes(path):
    with closing(EventStore(path)) as events:
        events.append(EventKind.WAIT, sites=1, needed=2)
        assert len(read_events(path)) == 4
