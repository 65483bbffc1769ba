"""The site's catalogue: one SQLite file with files, studies, roles and what people confirmed.

It names patients, so it lies in the site's work folder with rights for its owner only. What was
read from DICOM can always be read again; what people confirmed cannot, so it is only ever added to.
"""

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path

from client.catalogue_records import (
    NO_ROLE,
    Confirmation,
    Confirmed,
    FileRecord,
    SeriesRecord,
    Status,
)
from client.image_roles import role_of
from shared.errors import DataError
from shared.tasks.liver_range import LiverRange, LiverSource
from shared.vocabulary import ImageRole

FILE_NAME = "catalogue.sqlite"
_VERSION = "2"
"""Of the tables that are read from DICOM; those of another version are read again."""

_WAIT_SECONDS = 60.0  # another process may be cataloguing the same site
_FROM_DICOM = """
CREATE TABLE IF NOT EXISTS file (
    path BLOB PRIMARY KEY, size INTEGER, modified_ns INTEGER, kind TEXT, reason TEXT,
    patient_id TEXT, study_uid TEXT, series_uid TEXT, series_number INTEGER, sop_uid TEXT,
    transfer_syntax TEXT, modality TEXT
);
CREATE INDEX IF NOT EXISTS file_of_study ON file (study_uid);
CREATE TABLE IF NOT EXISTS series (
    study_uid TEXT, place INTEGER, volume_id TEXT, number INTEGER, name TEXT, images INTEGER,
    modality TEXT, role TEXT, evidence TEXT, confidence REAL, status TEXT, reason TEXT,
    step_mm REAL, pixel_mm REAL, transfer_syntax TEXT, PRIMARY KEY (study_uid, volume_id)
);
"""
_LASTING = """
CREATE TABLE IF NOT EXISTS about (version TEXT);
CREATE TABLE IF NOT EXISTS study (
    number INTEGER PRIMARY KEY, study_uid TEXT UNIQUE, digest TEXT, status TEXT, reason TEXT
);
CREATE TABLE IF NOT EXISTS confirmation (
    number INTEGER PRIMARY KEY, study_uid TEXT, volume_id TEXT, value TEXT, who TEXT, moment TEXT
);
"""


class CatalogueStore:
    """The open catalogue of one site.

    Every change is on the disk when its method returns, so that a process that is killed loses at
    most the files of one batch. One thread at a time may use it.
    """

    def __init__(self, work: Path) -> None:
        """Open the catalogue, or make an empty one.

        Args:
            work: The site's work folder; created when needed.

        Raises:
            DataError: If the file is there and is no catalogue.
        """
        work.mkdir(parents=True, exist_ok=True)
        path = work / FILE_NAME
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = sqlite3.connect(
            path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        with self._change():
            self._connection.execute("CREATE TABLE IF NOT EXISTS about (version TEXT)")
            if self._rows("SELECT version FROM about") != [(_VERSION,)]:
                for table in ("file", "series", "about"):
                    self._connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in f"{_LASTING}{_FROM_DICOM}".split(";"):
                self._connection.execute(statement)
            if not self._rows("SELECT version FROM about"):
                self._connection.execute("INSERT INTO about VALUES (?)", (_VERSION,))
                # Their series are gone with the old tables, so every study is decided again.
                self._connection.execute("UPDATE study SET digest = NULL")

    def close(self) -> None:
        """Close the file; nothing is lost by not calling it."""
        self._connection.close()

    def files(self) -> dict[str, FileRecord]:
        """Give all files by path."""
        columns = ", ".join(field.name for field in fields(FileRecord))
        records = (
            FileRecord(os.fsdecode(path), *rest)
            for path, *rest in self._rows(f"SELECT {columns} FROM file")  # noqa: S608  # our own names
        )
        return {record.path: record for record in records}

    def put_files(self, found: Sequence[FileRecord]) -> None:
        """Add files, or replace what is known of them."""
        with self._change():
            self._connection.executemany(
                "INSERT OR REPLACE INTO file VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                ((os.fsencode(record.path), *astuple(record)[1:]) for record in found),
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO study (study_uid, status, reason) VALUES (?, ?, '')",
                {(record.study_uid, Status.UNCHECKED) for record in found if record.study_uid},
            )

    def forget_files(self, paths: Iterable[str]) -> None:
        """Remove files that are no longer there."""
        with self._change():
            self._connection.executemany(
                "DELETE FROM file WHERE path = ?", ((os.fsencode(path),) for path in paths)
            )

    def study_numbers(self) -> dict[str, int]:
        """Give every study's number, which stays the same as long as the catalogue lives."""
        return {
            str(uid): int(number)
            for uid, number in self._rows("SELECT study_uid, number FROM study")
        }

    def study_states(self) -> dict[str, tuple[Status, str]]:
        """Give what the last data check made of every study, and why."""
        rows = self._rows("SELECT study_uid, status, reason FROM study")
        return {str(uid): (Status(status), str(reason)) for uid, status, reason in rows}

    def put_study_status(self, states: Iterable[tuple[str, Status, str]]) -> None:
        """Note what a data check made of studies: UID, status, reason."""
        with self._change():
            self._connection.executemany(
                "UPDATE study SET status = ?, reason = ? WHERE study_uid = ?",
                ((status.value, reason, uid) for uid, status, reason in states),
            )

    def decided_for(self) -> dict[str, str]:
        """Give the digest of the content for which each study's roles were decided."""
        return {
            str(uid): str(digest)
            for uid, digest in self._rows("SELECT study_uid, digest FROM study")
            if digest
        }

    def put_series(self, study_uid: str, digest: str, series: Sequence[SeriesRecord]) -> None:
        """Replace the roles of a study, which then waits for the next data check.

        Args:
            study_uid: Of the study.
            digest: Of the content they were decided from.
            series: In reading order.
        """
        with self._change():
            self._connection.execute("DELETE FROM series WHERE study_uid = ?", (study_uid,))
            self._connection.executemany(
                "INSERT INTO series VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                ((study_uid, place, *_series_row(record)) for place, record in enumerate(series)),
            )
            self._connection.execute(
                "UPDATE study SET digest = ?, status = ?, reason = '' WHERE study_uid = ?",
                (digest, Status.UNCHECKED, study_uid),
            )

    def series(self) -> dict[str, tuple[SeriesRecord, ...]]:
        """Give the roles of all studies, by study."""
        columns = ", ".join(field.name for field in fields(SeriesRecord))
        found: dict[str, list[SeriesRecord]] = defaultdict(list)
        for study_uid, *row in self._rows(
            f"SELECT study_uid, {columns} FROM series ORDER BY study_uid, place"  # noqa: S608  # our own names
        ):
            found[str(study_uid)].append(_series_record(row))
        return {uid: tuple(records) for uid, records in found.items()}

    def confirm(self, entry: Confirmation) -> None:
        """Add what a person decided; earlier entries stay readable."""
        with self._change():
            self._connection.execute(
                "INSERT INTO confirmation (study_uid, volume_id, value, who, moment) "
                "VALUES (?,?,?,?,?)",
                astuple(entry),
            )
            self._connection.execute(
                "UPDATE study SET status = ?, reason = '' WHERE study_uid = ?",
                (Status.UNCHECKED, entry.study_uid),
            )

    def confirmed(self) -> dict[str, Confirmed]:
        """Give the last word of a person on every study that has one."""
        latest: dict[str, dict[str, Confirmation]] = defaultdict(dict)
        for row in self._rows(
            "SELECT study_uid, volume_id, value, who, moment FROM confirmation ORDER BY number"
        ):
            entry = Confirmation(*map(str, row))
            latest[entry.study_uid].pop(entry.volume_id, None)
            latest[entry.study_uid][entry.volume_id] = entry
        return {uid: _confirmed(tuple(entries.values())) for uid, entries in latest.items()}

    def _rows(self, statement: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]  # sqlite3's own form
        with _named_damage():
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Make one change as a whole or not at all."""
        with _named_damage():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


@contextmanager
def _named_damage() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise DataError(
            f"The catalogue ({FILE_NAME} in the work folder) cannot be used: {error}. "
            "Check that the disk has room and no other program holds the file; if it is damaged, "
            "move it away: DICOM is read again, confirmations must be made again."
        ) from error


def _series_row(record: SeriesRecord) -> tuple[object, ...]:
    values = dict(vars(record))
    values["evidence"] = json.dumps(record.evidence, ensure_ascii=False)
    values["role"] = record.role and record.role.value
    values["status"] = record.status.value
    return tuple(values.values())


def _series_record(row: Sequence[object]) -> SeriesRecord:
    values = dict(zip((field.name for field in fields(SeriesRecord)), row, strict=True))
    values["role"] = role_of(str(values["role"])) if values["role"] else None
    values["evidence"] = tuple(json.loads(str(values["evidence"])))
    values["status"] = Status(str(values["status"]))
    return SeriesRecord(**values)  # type: ignore[arg-type]  # the table's columns are the fields


def _confirmed(entries: tuple[Confirmation, ...]) -> Confirmed:
    roles: dict[str, ImageRole | None] = {}
    liver: LiverRange | None = None
    for entry in entries:
        if entry.volume_id:
            roles[entry.volume_id] = None if entry.value == NO_ROLE else role_of(entry.value)
        else:
            low, high, *source = entry.value.split(maxsplit=2)
            # Before, a person's own heights were all that could be said.
            told = LiverSource(source[0]) if source else LiverSource.PERSON
            liver = LiverRange(float(low), float(high), told, entry.who)
    return Confirmed(roles, liver, entries)
