"""Scoring: the event's probability of every slice, and the loss that chooses the best round."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.models.multiphase_ct import EVENT, NO_EVENT
from shared.training.device import place, scoring_precision

_BATCH_SIZE = 64
"""Slices at once; larger is no faster on a CPU and only takes memory."""


def _log_probabilities(
    network: nn.Module,
    images: Float32[np.ndarray, "slice phase height width"],
    device: torch.device,
    batch_size: int,
) -> Float[np.ndarray, "slice class"]:
    place(network, device)
    was_training = network.training
    network.eval()
    parts = []
    with scoring_precision(device):
        for start in range(0, len(images), batch_size):
            # A copy: prepared images may be mapped read-only from disk.
            batch = torch.from_numpy(np.array(images[start : start + batch_size]))
            logits = network(batch.to(device)).cpu()
            parts.append(logits.double().log_softmax(dim=1).numpy())
    network.train(was_training)
    return np.concatenate([*parts, np.empty((0, 2))])


def slice_probabilities(
    network: nn.Module,
    images: Float32[np.ndarray, "slice phase height width"],
    device: torch.device,
    batch_size: int = _BATCH_SIZE,
) -> Float[np.ndarray, " slice"]:
    """Score every slice of a study.

    Always in float32 and with the network in evaluation mode, so that evaluation, prediction
    and another machine give the same number; how slices are batched changes it by less than
    1e-6.

    Args:
        network: Moved to the device; its training mode is left as it was.
        images: Values in [0, 1].
        device: From ``choose_device``.
        batch_size: Slices at once.

    Returns:
        The event's probability per slice, in [0, 1].
    """
    scores = _log_probabilities(network, images, device, batch_size)
    probabilities: Float[np.ndarray, " slice"] = np.exp(scores[:, EVENT])
    return probabilities


def validation_loss(
    network: nn.Module, patients: Sequence[PreparedPatient], device: torch.device
) -> tuple[float, int]:
    """Score patients for the choice of the best round.

    The mean over a patient's slices comes first, so that a long liver counts no more than a
    short one, and the sum over patients second, so that sites can add theirs up.

    Args:
        network: Moved to the device; its training mode is left as it was.
        patients: Whom to score, whatever their split says.
        device: From ``choose_device``.

    Returns:
        Sum over patients of the mean cross-entropy of their slices, and the number of patients.
    """
    total = 0.0
    for patient in patients:
        scores = _log_probabilities(network, patient.images, device, _BATCH_SIZE)
        total -= float(scores[:, EVENT if patient.event else NO_EVENT].mean())
    return total, len(patients)
