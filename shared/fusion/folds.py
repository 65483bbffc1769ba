"""Folds inside a site: every class spread evenly, reproducible from a seed."""

import hashlib

import numpy as np
from jaxtyping import Bool, Int64

from shared.errors import DataError


def assign_folds(
    events: Bool[np.ndarray, " patient"], folds: int, rng: np.random.Generator
) -> Int64[np.ndarray, " patient"]:
    """Deal the patients of each class to folds in turn, from a random first fold.

    Sites that all started with fold 0 would pile their remainders up there.

    Args:
        events: Whether the event happened.
        folds: Number of folds, at least 2.
        rng: Source of order and start; the same state gives the same folds.

    Returns:
        The fold of each patient, from 0.

    Raises:
        DataError: When fewer than two folds are asked for.
    """
    if folds < 2:  # noqa: PLR2004 - one fold leaves nobody to train on
        raise DataError(f"Expected at least 2 folds, got {folds}. Ask for 5.")
    assigned = np.zeros(events.size, dtype=np.int64)
    start = int(rng.integers(folds))
    for happened in (True, False):
        members = rng.permutation(np.flatnonzero(events == happened))
        assigned[members] = (start + np.arange(members.size)) % folds
        start += members.size
    return assigned


def site_generator(seed: int, site: str) -> np.random.Generator:
    """Make a site's own generator, the same in every exchange of a run."""
    digest = hashlib.sha256(f"{seed}/{site}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
