"""Where a site keeps what went wrong; the server gets a reference only.

Our own errors speak of case numbers and counts and are kept in full. What any other exception
says could name a patient or a folder, so only its type and where in the code it arose are kept.
"""

import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from shared.errors import HepafedError

FILE_NAME = "errors.log"
_REFERENCE_LETTERS = 12


def log_error(work_dir: Path | None, action: str, error: BaseException) -> str:
    """Write an error to the site's log.

    Args:
        work_dir: The site's work folder; None where it is not known, as with an unreadable
            settings file: the error then goes to the console of the site.
        action: What was being done.
        error: What went wrong.

    Returns:
        The reference under which it is kept: 12 hexadecimal letters.
    """
    reference = uuid4().hex[:_REFERENCE_LETTERS]
    time = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [f"{time} ref {reference} during {action}: {type(error).__name__}"]
    if isinstance(error, HepafedError):
        lines.append(str(error))
    frames = traceback.extract_tb(error.__traceback__)
    lines += [f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]
    if work_dir is None:
        sys.stderr.write("\n".join(lines) + "\n")
        return reference
    work_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(work_dir / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    return reference
