"""Refuse arrays that a statistic cannot be computed from, before any number is made of them."""

import numpy as np
from jaxtyping import Bool, Float

from shared.errors import DataError


def require_finite(values: Float[np.ndarray, "..."], what: str) -> Float[np.ndarray, "..."]:
    """Return the values as float64, or refuse NaN and infinity.

    Args:
        values: Numbers of any shape.
        what: What they are, as the subject of the refusal ("scores").

    Returns:
        The same values as float64, same shape.

    Raises:
        DataError: When a value is NaN or infinite; the message counts them.

    Example:
        >>> require_finite(np.array([0.5, 1.0], dtype=np.float32), "scores").dtype
        dtype('float64')
    """
    array = np.asarray(values, dtype=np.float64)
    broken = int(array.size - np.count_nonzero(np.isfinite(array)))
    if broken:
        raise DataError(
            f"Expected finite {what}, got {broken} of {array.size} that are NaN or infinite. "
            "Leave those patients out, or impute them, before asking for a statistic."
        )
    return array


def require_flags(flags: Bool[np.ndarray, " patient"], length: int, what: str) -> None:
    """Refuse flags that are not booleans or not one per patient.

    Whole numbers 0 and 1 are refused too: as an index they would silently select patients 0 and 1.

    Args:
        flags: One boolean per patient.
        length: How many patients there are.
        what: What the flags are, as the subject of the refusal ("events").

    Raises:
        DataError: When the type or the length is wrong.

    Example:
        >>> require_flags(np.array([True, False]), 2, "events")
    """
    if flags.dtype != np.bool_ or flags.shape != (length,):
        raise DataError(
            f"Expected {length} boolean {what}, one per patient, got shape {flags.shape} of "
            f"{flags.dtype}. Compare with the endpoint first, for example responses == 'PD'."
        )


def require_both_classes(events: Bool[np.ndarray, " patient"]) -> tuple[int, int]:
    """Count patients with and without the event, or refuse when one class is empty.

    Args:
        events: Whether the event happened, one flag per patient.

    Returns:
        The number of patients with the event, and without it; both at least 1.

    Raises:
        DataError: When every patient, or none, had the event.

    Example:
        >>> require_both_classes(np.array([True, False, False]))
        (1, 2)
    """
    with_event = int(np.count_nonzero(events))
    without_event = int(events.size - with_event)
    if not (with_event and without_event):
        raise DataError(
            "Expected patients with the event and patients without it, got "
            f"{with_event} with and {without_event} without. "
            "Pool more sites, or leave this cohort out of the comparison."
        )
    return with_event, without_event
