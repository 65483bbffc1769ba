"""The run's event store: append-only SQLite, each event chained to the one before by SHA-256.

Flower keeps no rounds and no per-site figures, so this is the record of a run; dashboards and
reports read it. Details are numbers and short words: never weights, never a site's error text.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

Scalar = str | int | float | bool | None

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    round INTEGER NOT NULL,
    site TEXT NOT NULL,
    detail TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER IF NOT EXISTS never_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
"""
_COLUMNS = "number, time, kind, round, site, detail, digest"
_START = "0" * 64


class EventKind(StrEnum):
    """What can happen in a run."""

    RUN = "run"
    CENSUS = "census"
    ROUND = "round"
    REPLY = "reply"
    ERROR = "error"
    WAIT = "wait"
    AGGREGATE = "aggregate"
    STAGE = "stage"
    STOP = "stop"


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        number: From 1, without gaps.
        time: UTC, ISO 8601.
        kind: What happened.
        round: Federated round; 0 outside training.
        site: Whom it concerns; empty for the server itself.
        detail: Figures and short words.
        digest: SHA-256 over this event and the digest of the one before, hex.
    """

    number: int
    time: str
    kind: EventKind
    round: int
    site: str
    detail: Mapping[str, Scalar]
    digest: str


@dataclass(frozen=True)
class Verification:
    """What checking the chain found.

    Attributes:
        events: Events that were read.
        broken_at: Number of the first event that does not follow from the one before; None when
            the chain is whole.
    """

    events: int
    broken_at: int | None


class EventStore:
    """Appends events; one writer at a time, any number of readers (SQLite WAL)."""

    def __init__(self, path: Path) -> None:
        """Open or create the store.

        Args:
            path: Database file; its folder is created.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def append(
        self, kind: EventKind, *, round_number: int = 0, site: str = "", **detail: Scalar
    ) -> None:
        """Write one event.

        Args:
            kind: What happened.
            round_number: Federated round; 0 outside training.
            site: Whom it concerns.
            **detail: Figures and short words.
        """
        text = json.dumps(detail, sort_keys=True)
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._database.execute("BEGIN IMMEDIATE")  # one writer reads the last digest at a time
        row = self._database.execute(
            "SELECT number, digest FROM events ORDER BY number DESC LIMIT 1"
        ).fetchone()
        number, previous = (row[0] + 1, row[1]) if row else (1, _START)
        digest = _digest(previous, (number, time, kind.value, round_number, site, text))
        self._database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, time, kind.value, round_number, site, text, digest),
        )
        self._database.execute("COMMIT")


def read_events(path: Path) -> tuple[Event, ...]:
    """Read all events, oldest first."""
    return tuple(
        Event(number, time, EventKind(kind), round_number, site, json.loads(detail), digest)
        for number, time, kind, round_number, site, detail, digest in _rows(path)
    )


def verify_events(path: Path) -> Verification:
    """Check that no event was changed, removed or inserted after the fact.

    The end of the chain is not protected: an attacker who removes the last events leaves a
    shorter whole chain. Keep the last digest elsewhere where that matters.
    """
    previous = _START
    count = 0
    for row in _rows(path):
        count += 1
        if row[0] != count or row[-1] != _digest(previous, row[:-1]):
            return Verification(count, broken_at=count)
        previous = str(row[-1])
    return Verification(count, broken_at=None)


def _rows(path: Path) -> Iterator[tuple[int, str, str, int, str, str, str]]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        yield from database.execute(f"SELECT {_COLUMNS} FROM events ORDER BY number")  # noqa: S608  # constant


def _digest(previous: str, row: tuple[object, ...]) -> str:
    return hashlib.sha256((previous + json.dumps(row)).encode()).hexdigest()
