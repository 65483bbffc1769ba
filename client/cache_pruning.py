"""Delete prepared studies that nobody asks for any more, and nothing else in their folder.

A patient who left the manifest, files that changed and entries that were corrected leave prepared
images behind that no name leads to. They go at the next preparation of the same kind. Images of
another preparation may belong to another run of the site; they go after a month without use.
"""

import os
import re
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from client.cache import PREPARATION_DIGITS, SUFFIX

UNUSED_DAYS = 30
_DRAFT_DAYS = 1  # a draft is written in seconds; an older one belongs to a process that was killed
_NOTED_DAYS = 1  # the day of the last use is enough
_DAY_S = 86_400.0
_ENTRY = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}")
_DRAFT = re.compile(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}\.[0-9]+\.tmp")


def prune(folder: Path, named: Collection[str]) -> int:
    """Delete entries of the cache that no current study names.

    Args:
        folder: The cache folder; only files that ``client.cache`` could have written there are
            touched. It may be absent.
        named: Names from ``cache_key`` of all studies of the site, prepared or not.

    Returns:
        How many files were deleted; one that is named counts as used now.
    """
    kept = {f"{name}{SUFFIX}" for name in named}
    kinds = {name[:PREPARATION_DIGITS] for name in named}
    now = time.time()
    removed = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_symlink() or not path.is_file():
            continue
        with suppress(FileNotFoundError):  # another process may prune as well
            days = (now - path.stat().st_mtime) / _DAY_S
            if path.name in kept:
                if days > _NOTED_DAYS:
                    os.utime(path)
            elif _is_spent(path.name, days, kinds):
                path.unlink()
                removed += 1
    return removed


def _is_spent(file: str, days: float, kinds: Collection[str]) -> bool:
    """Tell whether a file that nobody names is ours and may go."""
    if _ENTRY.fullmatch(file):
        return file[:PREPARATION_DIGITS] in kinds or days > UNUSED_DAYS
    return _DRAFT.fullmatch(file) is not None and days > _DRAFT_DAYS
