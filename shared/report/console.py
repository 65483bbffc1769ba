"""What a command prints: results to standard output, progress to standard error.

With ``--format json`` standard output carries exactly one JSON object, the envelope::

    {"schema_version": 1, "status": "ok" | "error", "exit_code": 0, "data": {...}}
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum

from shared.errors import HepafedError

SCHEMA_VERSION = 1
_PLAIN_STEP = 0.05  # without a terminal, one line per 5 % keeps a log readable


class Format(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"


def emit(data: Mapping[str, object], text: str, form: Format) -> None:
    """Print a command's result.

    Args:
        data: The result for machines; must be JSON-serialisable.
        text: The same result for people.
        form: Which of the two to print.
    """
    if form is Format.JSON:
        print(envelope("ok", 0, data))  # noqa: T201  # printing is this function's purpose
    else:
        print(text)  # noqa: T201


def emit_error(error: HepafedError, form: Format) -> None:
    """Print a refusal: the sentence and every problem, never a traceback."""
    if form is Format.JSON:
        data = {
            "error": type(error).__name__,
            "message": error.message,
            "problems": [asdict(problem) for problem in error.problems],
        }
        print(envelope("error", error.exit_code, data))  # noqa: T201
    else:
        print(f"hepafed: {error}", file=sys.stderr)  # noqa: T201


def envelope(status: str, exit_code: int, data: Mapping[str, object]) -> str:
    """Wrap a result so that a script can tell success from refusal without parsing text."""
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "status": status,
            "exit_code": exit_code,
            "data": data,
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def say(line: str) -> None:
    """Tell the person what is going on, on standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def progress_printer(label: str) -> Callable[[int, int], None]:
    """Give a callback ``(done, total)`` that reports progress on standard error.

    On a terminal one line is rewritten; elsewhere one line is printed per 5 %.
    """
    started = time.monotonic()
    last_printed = -1.0

    def report(done: int, total: int) -> None:
        nonlocal last_printed
        share = done / total if total else 1.0
        elapsed = time.monotonic() - started
        left = elapsed / share - elapsed if share > 0 else float("nan")
        line = f"{label}: {done} of {total} ({share:.0%}), {elapsed:.0f} s"
        if 0 < share < 1:
            line += f", about {left:.0f} s left"
        if sys.stderr.isatty():
            print(f"\r{line:<78}", end="" if done < total else "\n", file=sys.stderr, flush=True)  # noqa: T201
        elif share >= 1 or share - last_printed >= _PLAIN_STEP:
            last_printed = share
            say(line)

    return report
