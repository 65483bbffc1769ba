"""Scoring: the event's probability of every slice, and the loss that chooses the best round."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn

from shared.cohort.patient import PreparedPatient
from shared.errors import DataError
from shared.models.mri_scores import MriScores
from shared.models.multiphase_ct import EVENT, NO_EVENT
from shared.training.device import place, scoring_precision
from shared.training.losses import class_logits

_MOST_SLICES = 64
"""Slices at once; larger is no faster on a CPU and only takes memory."""

_MOST_PIXELS = _MOST_SLICES * 224 * 224
"""Pixels of the images that are in memory together: what 64 CT slices are as published, whose
phases pass one after the other. Five MRI sequences of 450x320 that share a network pass together,
so four slices are as many pixels."""


def slices_at_once(network: nn.Module, height: int, width: int) -> int:
    """Choose how many slices are scored together, by the memory that their pixels take.

    Args:
        network: Says how many images of a slice it holds at once.
        height: Of a slice, pixels.
        width: Of a slice, pixels.

    Returns:
        From 1 to 64.
    """
    images = network.images_at_once if isinstance(network, MriScores) else 1
    return max(1, min(_MOST_SLICES, _MOST_PIXELS // (images * height * width)))


def score_slices(
    network: nn.Module,
    images: Float32[np.ndarray, "slice channel height width"],
    device: torch.device,
    score: Callable[[Tensor], Tensor],
    batch_size: int | None = None,
) -> list[Float64[np.ndarray, "batch ..."]]:
    """Apply a network to a study's slices in evaluation mode, in full float32.

    Args:
        network: Moved to the device; its training mode is left as it was.
        images: May be mapped read-only from disk.
        device: From ``choose_device``.
        score: Calls the network on a batch of slices.
        batch_size: Slices at once; ``slices_at_once`` when not given.

    Returns:
        What ``score`` gave for each batch, in order.
    """
    place(network, device)
    size = batch_size or slices_at_once(network, *images.shape[-2:])
    was_training = network.training
    network.eval()
    parts = []
    with scoring_precision(device):
        for start in range(0, len(images), size):
            # A copy: prepared images may be mapped read-only from disk.
            batch = torch.from_numpy(np.array(images[start : start + size]))
            parts.append(score(batch.to(device)).cpu().double().numpy())
    network.train(was_training)
    return parts


def _log_probabilities(
    network: nn.Module,
    images: Float32[np.ndarray, "slice channel height width"],
    device: torch.device,
    batch_size: int | None = None,
) -> Float64[np.ndarray, "slice score class"]:
    def score(batch: Tensor) -> Tensor:
        return class_logits(network, batch).cpu().double().log_softmax(dim=-1)

    parts = score_slices(network, images, device, score, batch_size)
    return np.concatenate(parts) if parts else np.empty((0, 1, 2))


def slice_probabilities(
    network: nn.Module,
    images: Float32[np.ndarray, "slice phase height width"],
    device: torch.device,
    batch_size: int | None = None,
) -> Float[np.ndarray, " slice"]:
    """Score every slice of a study.

    Always in float32 and with the network in evaluation mode, so that evaluation, prediction
    and another machine give the same number; how slices are batched changes it by less than
    1e-6.

    Args:
        network: With one score per slice; moved to the device, its training mode is left as it
            was.
        images: Values in [0, 1].
        device: From ``choose_device``.
        batch_size: Slices at once; ``slices_at_once`` when not given.

    Returns:
        The event's probability per slice, in [0, 1].

    Raises:
        DataError: When the network gives several scores per slice.
    """
    scores = _log_probabilities(network, images, device, batch_size)
    if scores.shape[1] != 1:
        raise DataError(
            f"Expected a network with one score per slice, got {scores.shape[1]}. Take its "
            "patient features instead."
        )
    probabilities: Float[np.ndarray, " slice"] = np.exp(scores[:, 0, EVENT])
    return probabilities


def validation_loss(
    network: nn.Module, patients: Sequence[PreparedPatient], device: torch.device
) -> tuple[float, int]:
    """Score patients for the choice of the best round.

    Always the softmax cross-entropy, whatever loss is minimised: the printed formula of Quan 2024
    is twice that and would choose the same round. The mean over a patient's slices, and over a
    slice's scores, comes first, so that a long liver counts no more than a short one, and the sum
    over patients second, so that sites can add theirs up.

    Args:
        network: Moved to the device; its training mode is left as it was.
        patients: Whom to score, whatever their split says.
        device: From ``choose_device``.

    Returns:
        Sum over patients of the mean cross-entropy of their slices, and the number of patients.
    """
    total = 0.0
    for patient in patients:
        scores = _log_probabilities(network, patient.images, device)
        of_outcome = scores[:, :, EVENT if patient.event else NO_EVENT]
        total -= float(of_outcome.mean(axis=1).mean())
    return total, len(patients)
