"""Does the answer really rest on what the heat map shows? Blank it and look."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from shared.models.mri_scores import MriScores
from shared.models.multiphase_ct import EVENT

_BATCH_SIZE = 16


@dataclass(frozen=True)
class Faithfulness:
    """How much of the event's probability is lost, as means over the slices of a study.

    Attributes:
        hot_drop: When the hottest pixels are blanked.
        elsewhere_drop: When as many pixels in regions of the same shape elsewhere are blanked,
            over several shifts.
    """

    hot_drop: float
    elsewhere_drop: float

    @property
    def advantage(self) -> float:
        """Give the drop that is owed to the place, not to blanking as such."""
        return self.hot_drop - self.elsewhere_drop


def _event_probability(network: nn.Module, images: np.ndarray, device: torch.device) -> float:
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH_SIZE):
            batch = torch.from_numpy(images[start : start + _BATCH_SIZE]).to(device)
            total += float(_probabilities(network, batch).sum())
    return total / len(images)


def _probabilities(network: nn.Module, batch: Tensor) -> Tensor:
    if isinstance(network, MriScores):
        return network.logits(network(batch)).double().mean(dim=1).sigmoid()
    probabilities: Tensor = network(batch).double().softmax(dim=1)[:, EVENT]
    return probabilities


def _hottest(
    heat: Float32[np.ndarray, "slice channel height width"], share: float
) -> Bool[np.ndarray, "slice channel height width"]:
    flat = heat.reshape(*heat.shape[:2], -1)
    count = max(1, round(share * flat.shape[-1]))
    ranked = np.argsort(-flat, axis=-1, kind="stable")[..., :count]
    mask = np.zeros(flat.shape, dtype=bool)
    np.put_along_axis(mask, ranked, values=True, axis=-1)
    return mask.reshape(heat.shape)


def _blanked(images: np.ndarray, mask: np.ndarray) -> np.ndarray:
    # The mean of the slice: a neutral grey says less than a black hole would.
    neutral = images.mean(axis=(2, 3), keepdims=True)
    return np.where(mask, neutral, images)


def deletion_test(  # noqa: PLR0913  # the study, the map, and four independent choices
    network: nn.Module,
    images: Float32[np.ndarray, "slice channel height width"],
    heat: Float32[np.ndarray, "slice channel height width"],
    device: torch.device,
    rng: np.random.Generator,
    *,
    share: float = 0.1,
    repeats: int = 8,
) -> Faithfulness:
    """Blank the hottest pixels of every channel, and regions of the same shape elsewhere.

    Source: Petsiuk 2018, "RISE" (its deletion metric), at one share instead of the whole
    curve. The comparison moves the same regions about at random, around the edges of the
    slice, because scattered single pixels disturb a network in quite another way.

    Args:
        network: On CT or MRI; moved to the device; its training mode is left as it was. Of several
            scores of a slice the mean logit counts.
        images: One study with at least one slice, as prepared.
        heat: From ``gradcam`` or ``scores_gradcam``, same shape.
        device: From ``choose_device``.
        rng: Source of the shifts.
        share: Of the pixels of each slice and phase that are blanked, in (0, 1).
        repeats: Random shifts.

    Returns:
        Both drops of the mean probability, in [-1, 1]; a faithful map has the larger first.
    """
    network.to(device)
    was_training = network.training
    network.eval()
    mask = _hottest(heat, share)
    height, width = images.shape[2:]
    intact = _event_probability(network, np.array(images), device)
    hot = intact - _event_probability(network, _blanked(images, mask), device)
    elsewhere = 0.0
    for _ in range(repeats):
        # A quarter of the side or more either way, so that the shifted region is elsewhere.
        down = int(rng.integers(height // 4, height - height // 4 + 1))
        across = int(rng.integers(width // 4, width - width // 4 + 1))
        moved = np.roll(mask, (down, across), axis=(2, 3))
        elsewhere += intact - _event_probability(network, _blanked(images, moved), device)
    network.train(was_training)
    return Faithfulness(hot, elsewhere / repeats)
