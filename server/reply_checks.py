"""What a reply must satisfy before any stage or strategy sees it.

Flower's own strategies average whatever comes: one NaN, one array of shape (1,) or one absurd
weight poisons the model for good. So every reply is checked here first, against the request.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from shared.errors import MessageError
from shared.messages.census import WITHHELD, CensusReply
from shared.messages.image_features import ImageFeaturesReply
from shared.messages.training import TrainingReply, TrainingRequest, Weights

_LONGEST_NAME = 64
_MOST_NAMED = 3
"""Arrays named in one sentence; the rest is counted."""


def check_reply(request: object, reply: object) -> None:
    """Refuse a reply that no stage should see.

    Args:
        request: What the site was asked.
        reply: What it answered, already of the right message type.

    Raises:
        MessageError: If a number is not finite, a count is impossible, or weights differ from
            the request's in names, shapes or type.
    """
    for item in dataclasses.fields(reply):  # type: ignore[arg-type]  # messages are dataclasses
        _check_finite(item.name, getattr(reply, item.name))
    if isinstance(reply, CensusReply):
        _check_census(reply)
    if isinstance(reply, TrainingReply) and isinstance(request, TrainingRequest):
        _check_training(request, reply)
    if isinstance(reply, ImageFeaturesReply) and reply.patients < WITHHELD:
        raise MessageError(f"Expected a count in 'patients', got {reply.patients}.")


def _check_finite(name: str, value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise MessageError(f"Expected a finite number in '{name}', got {value}.")
    if isinstance(value, np.ndarray) and not _is_finite(value):
        raise MessageError(f"Expected finite numbers in '{name}', got others among them.")
    if isinstance(value, Mapping):
        bad = [key for key, array in value.items() if not _is_finite(array)]
        if bad:
            raise MessageError(f"Expected finite numbers in '{name}', got others in {_named(bad)}.")


def _is_finite(array: np.ndarray) -> bool:
    # A sum over float32 in float64 cannot overflow, so it is finite exactly when every value is;
    # one pass without the mask that isfinite would allocate.
    return array.dtype.kind != "f" or math.isfinite(np.sum(array, dtype=np.float64))


def _check_census(reply: CensusReply) -> None:
    if not 1 <= len(reply.site) <= _LONGEST_NAME or not reply.site.isprintable():
        raise MessageError(
            f"Expected a site name of 1 to {_LONGEST_NAME} printable characters, "
            f"got {len(reply.site)} characters."
        )


def _check_training(request: TrainingRequest, reply: TrainingReply) -> None:
    for name in ("training_patients", "validation_patients", "steps"):
        if getattr(reply, name) < 0:
            raise MessageError(f"Expected a count in '{name}', got {getattr(reply, name)}.")
    if reply.training_patients < 1:
        raise MessageError("Expected at least one training patient, got none.")
    if reply.validation_loss_sum < 0:
        raise MessageError("Expected a cross-entropy of 0 or more, got less.")
    _check_weights(request.weights if request.local_epochs else {}, reply.weights)


def _check_weights(wanted: Weights, weights: Weights) -> None:
    if missing := [name for name in wanted if name not in weights]:
        raise MessageError(f"Expected the weights that were sent, missing {_named(missing)}.")
    if extra := [name for name in weights if name not in wanted]:
        raise MessageError(f"Expected the weights that were sent, got also {_named(extra)}.")
    for name, sent in wanted.items():
        got = weights[name]
        if got.shape != sent.shape or got.dtype != sent.dtype:
            raise MessageError(
                f"Expected '{name}' as {sent.dtype} with shape {sent.shape}, "
                f"got {got.dtype} with shape {got.shape}."
            )


def _named(names: list[str]) -> str:
    shown = ", ".join(f"'{name[:80]}'" for name in names[:_MOST_NAMED])
    rest = len(names) - _MOST_NAMED
    return shown if rest <= 0 else f"{shown} and {rest} more"
