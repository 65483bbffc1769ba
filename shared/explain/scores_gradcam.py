"""Grad-CAM of the network on MRI: where in each sequence its score for the event comes from."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from shared.explain.gradcam import PUBLISHED_CELLS, heat_by_study, weighted_maps
from shared.models.inception_v4 import InceptionV4
from shared.models.mri_scores import MriScores, Reading

_IMAGES_AT_ONCE = 16  # gradients keep every activation; the maps do not depend on it
_BEFORE_ACTIVATION = (nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm, nn.MaxPool2d)


def scores_gradcam(
    network: MriScores,
    images: Float32[np.ndarray, "slice sequence height width"],
    device: torch.device,
    minimum_cells: int = PUBLISHED_CELLS,
) -> Float32[np.ndarray, "slice sequence height width"]:
    """Map the evidence for the event in every slice and sequence of a study.

    Where every sequence has a score, each map explains its own sequence's logit. The five-channel
    network has one logit of all sequences, so its one map is given for each of them.

    Source: Selvaraju 2017, "Grad-CAM", section 3; Quan 2024, Fig 5, does not name its layer. Here
    it is the last feature map before pooling, if it has enough cells: InceptionV4 has 8 by 12 at
    the published 320 by 450 pixels. The maps of one sequence are divided by their largest value
    over the whole study, not slice by slice, so that a slice without evidence stays cold.

    Args:
        network: Moved to the device; its training mode is left as it was, gradients are not
            touched.
        images: One study, as prepared.
        device: From ``choose_device``.
        minimum_cells: Fewest cells a side that the maps may have before resizing; for smaller
            slices an earlier stage is explained. Departure: at 80 by 112 pixels the last map has
            1 by 2 cells. On 20 invented patients with progression in each of two cohorts (AUC 0.77
            and 0.81), blanking the hottest tenth lowered the event's probability by 0.05 and 0.02
            with 7 by 11 cells, 0.13 and 0.00 with 3 by 5, -0.01 and 0.00 with 1 by 2; blanking
            elsewhere by -0.09 and -0.01, -0.10 and 0.00, -0.06 and 0.05. Only the finest maps
            beat the comparison both times, and not by much: the maps are weak evidence.

    Returns:
        Heat in [0, 1] per sequence of the study: its maximum is 1, or 0 where a sequence nowhere
        speaks for the event.
    """
    network.to(device)
    was_training = network.training
    network.eval()
    at_once = max(1, _IMAGES_AT_ONCE // images.shape[1])
    parts = [np.empty((0, *images.shape[1:]), dtype=np.float32)]
    with torch.enable_grad():
        for start in range(0, len(images), at_once):
            batch = torch.from_numpy(np.array(images[start : start + at_once])).to(device)
            # Asking for the images' gradient keeps the way back open in a frozen network.
            parts.append(_batch_heat(network, batch.requires_grad_(), minimum_cells).cpu().numpy())
    network.train(was_training)
    return heat_by_study(np.concatenate(parts))


def _batch_heat(network: MriScores, images: Tensor, minimum_cells: int) -> Tensor:
    batch, count = images.shape[:2]
    channels = count if network.settings.reading is Reading.FIVE_CHANNEL else 1
    kept: list[Tensor] = []

    def keep(_stage: nn.Module, _inputs: object, output: Tensor) -> None:
        kept.append(output)

    hooks = [
        _target_stage(
            feature_stages(one), images[:1, :channels], minimum_cells
        ).register_forward_hook(keep)
        for one in network.networks
    ]
    try:
        logits = network.logits(network(images))
    finally:
        for hook in hooks:
            hook.remove()
    # Neither slices nor, with a score each, sequences meet in evaluation mode, so one backward
    # pass of the sum serves all.
    gradients = torch.autograd.grad(logits.sum(), kept)
    small = [weighted_maps(a, g).detach() for a, g in zip(kept, gradients, strict=True)]
    heat = [
        functional.interpolate(maps, images.shape[-2:], mode="bilinear", align_corners=False)
        for maps in small
    ]
    if network.settings.reading is Reading.PER_SEQUENCE:
        return torch.cat(heat, dim=1)
    if network.settings.reading is Reading.SHARED:
        return heat[0].reshape(batch, count, *images.shape[-2:])
    return heat[0].expand(-1, count, -1, -1)


def feature_stages(network: nn.Module) -> tuple[nn.Module, ...]:
    """Give the stages that lead to the last feature map, in order.

    Args:
        network: One of the image networks of ``shared.models.mri_scores``.

    Returns:
        The stages before pooling.

    Raises:
        TypeError: If it is none of them.
    """
    features = network[0] if isinstance(network, nn.Sequential) else getattr(network, "features", 0)
    if not isinstance(features, nn.Sequential):
        raise TypeError(f"Expected an image network with feature stages, got {type(network)}.")
    if isinstance(network, InceptionV4 | nn.Sequential):
        return tuple(features)
    return tuple(features)[:-1]  # AlexNet's list ends with a pooling


def _target_stage(stages: Sequence[nn.Module], image: Tensor, minimum_cells: int) -> nn.Module:
    """Take the last stage with enough cells, or the first; single layers only past activation."""
    fine: list[nn.Module] = []
    with torch.no_grad():
        maps = image
        for stage in stages:
            maps = stage(maps)
            enough = not fine or min(maps.shape[-2:]) >= minimum_cells
            if enough and not isinstance(stage, _BEFORE_ACTIVATION):
                fine.append(stage)
    return fine[-1]
