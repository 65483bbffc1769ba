"""The site's own record of everything that left: append-only JSON lines, hash-chained.

A line tells when, which message, which fields, how many bytes, and a digest of the content; no
value. The hospital's data protection officer reads it, nobody else.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "audit.jsonl"
_START = "0" * 64
_TAIL_BYTES = 65536
"""More than one line can take; enough to find the last line of a long log."""


@dataclass(frozen=True)
class AuditCheck:
    """What checking the chain found.

    Attributes:
        lines: Lines that were read.
        broken_at: Number of the first line, from 1, that does not follow from the one before;
            None when the chain is whole.
    """

    lines: int
    broken_at: int | None


class AuditLog:
    """Appends lines to one site's audit log."""

    def __init__(self, work_dir: Path) -> None:
        """Prepare; the file appears with the first line.

        Args:
            work_dir: The site's work folder.
        """
        self._path = work_dir / FILE_NAME

    def append(self, message: str, fields: Sequence[str], size: int, digest: str) -> None:
        """Write one line and wait until the disk has it.

        Args:
            message: Message type.
            fields: Names of the fields that leave.
            size: Bytes of their values.
            digest: SHA-256 of their values, hex.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # two runs at one site may release at once
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "message": message,
                "fields": list(fields),
                "bytes": size,
                "digest": digest,
                "previous": _last_digest(stream.fileno()),
            }
            text = json.dumps(line | {"chain": _chain(line)}) + "\n"
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())


def verify_audit_log(work_dir: Path) -> AuditCheck:
    """Check that no line was changed, removed or inserted after the fact.

    The end is not protected: a log cut off after some line is whole. Compare its length with the
    server's count of replies where that matters.
    """
    path = work_dir / FILE_NAME
    previous = _START
    count = 0
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        count += 1
        line = _parsed(text)
        chain = line.pop("chain", None)
        if line.get("previous") != previous or chain != _chain(line):
            return AuditCheck(count, broken_at=count)
        previous = str(chain)
    return AuditCheck(count, broken_at=None)


def _parsed(text: str) -> dict[str, object]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _chain(line: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()


def _last_digest(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    lines = tail.splitlines()
    return str(_parsed(lines[-1].decode()).get("chain", "")) if lines else _START
