"""The one door out of a hospital: every reply passes ``release`` before it is encoded.

Three things must hold: the reply's fields are on the closed list, its numbers are finite, and it
is no larger than the policy permits. Then counts that are too small are withheld, and one line
goes to the audit log. A reply that does not pass does not leave.
"""

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from client.audit_log import AuditLog
from client.policy import Policy
from shared.errors import DisclosureError
from shared.messages.census import WITHHELD, CensusReply
from shared.messages.disclosure import LEAVING
from shared.messages.image_features import ImageFeaturesReply
from shared.messages.training import TrainingReply
from shared.privacy.disclosure_rules import may_release_count, may_release_parts

Reply = TypeVar("Reply")

_NUMBER_BYTES = 8


def release(reply: Reply, policy: Policy, audit: AuditLog) -> Reply:
    """Check a reply, withhold what is too small to leave, and write the audit line.

    Args:
        reply: What a handler wants to answer.
        policy: The hospital's.
        audit: The hospital's log.

    Returns:
        What may leave: the same type, small counts replaced.

    Raises:
        DisclosureError: If a field is not on the closed list, a number is not finite, the reply
            is too large, or too few patients stand behind it.
    """
    name = type(reply).__name__
    values = _values(reply)
    if set(values) != set(LEAVING.get(name, {})):
        unlisted = sorted(set(values) ^ set(LEAVING.get(name, {})))
        raise DisclosureError(
            f"Expected a reply whose fields are on the closed list, got {name} with "
            f"{', '.join(unlisted)}. List them in shared/messages/disclosure.py first."
        )
    for field, value in values.items():
        if not _is_finite(value):
            raise DisclosureError(
                f"Expected finite numbers, got others in '{field}' of {name}. "
                "Lower the learning rate or check the data."
            )
    size = sum(map(_size, values.values()))
    if size > policy.largest_message_bytes:
        raise DisclosureError(
            f"Expected a reply of at most {policy.largest_message_bytes} bytes, got {name} with "
            f"{size}. Use a smaller network."
        )
    allowed = _without_small_counts(reply, policy.minimum_count)
    audit.append(name, list(values), size, _digest(_values(allowed)))
    return allowed


def _without_small_counts(reply: Reply, minimum: int) -> Reply:
    if isinstance(reply, CensusReply):
        return dataclasses.replace(reply, **_census_changes(reply, minimum))  # type: ignore[arg-type]  # only counts change
    if isinstance(reply, TrainingReply):
        if reply.training_patients < minimum:
            raise DisclosureError(
                f"Expected at least {minimum} training patients behind an update, got fewer. "
                "Add patients, or take part in evaluation only."
            )
        if not may_release_count(reply.validation_patients, minimum):
            # A sum of losses over very few patients speaks about each of them.
            return dataclasses.replace(reply, validation_patients=0, validation_loss_sum=0.0)
    if isinstance(reply, ImageFeaturesReply) and not may_release_count(reply.patients, minimum):
        return dataclasses.replace(reply, patients=WITHHELD)
    return reply


def _census_changes(reply: CensusReply, minimum: int) -> dict[str, int]:
    """Choose the counts to withhold.

    The total and the training patients are known (the latter weighs the site's updates), so one
    small count among the other two parts of the split would follow from the rest: both go. The
    same holds for events and their complement.
    """
    withheld = set()
    if not may_release_parts((reply.inner_validation_patients, reply.held_out_patients), minimum):
        withheld |= {"inner_validation_patients", "held_out_patients"}
    if not may_release_parts((reply.events, reply.patients - reply.events), minimum):
        withheld.add("events")
    withheld |= {
        name
        for name in ("patients", "training_patients", "excluded_patients")
        if not may_release_count(getattr(reply, name), minimum)
    }
    return dict.fromkeys(withheld, WITHHELD)


def _values(reply: object) -> dict[str, object]:
    return {f.name: getattr(reply, f.name) for f in dataclasses.fields(reply)}  # type: ignore[arg-type]  # messages are dataclasses


def _is_finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, np.ndarray):
        # A float64 sum of float32 overflows for no network; one pass and no mask in memory.
        return value.dtype.kind != "f" or math.isfinite(np.sum(value, dtype=np.float64))
    return not isinstance(value, float) or math.isfinite(value)


def _size(value: object) -> int:
    if isinstance(value, Mapping):
        return sum(len(str(name)) + _size(item) for name, item in value.items())
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value))
    return len(value.encode()) if isinstance(value, str) else _NUMBER_BYTES


def _digest(values: Mapping[str, object]) -> str:
    digest = hashlib.sha256()
    for name, value in values.items():
        digest.update(f"{name}\0".encode())
        for part in value.items() if isinstance(value, Mapping) else [("", value)]:
            digest.update(f"{part[0]}\0".encode())
            if isinstance(part[1], np.ndarray):
                digest.update(np.ascontiguousarray(part[1]).data)
            else:
                digest.update(f"{part[1]!r}\0".encode())
    return digest.hexdigest()
