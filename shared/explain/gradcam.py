"""Grad-CAM: where in each phase the event's score comes from."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from shared.models.multiphase_ct import EVENT, MultiphaseCt

PUBLISHED_CELLS = 7  # ResNet-18 has one cell per 32 pixels; Liao 2024 has 224

_BATCH_SIZE = 16  # gradients keep every activation; the maps do not depend on it


def _target_stage(stages: Sequence[nn.Module], image: Tensor, minimum_cells: int) -> nn.Module:
    sizes = []
    with torch.no_grad():
        maps = image
        for stage in stages:
            maps = stage(maps)
            sizes.append(min(maps.shape[-2:]))
    fine = [stage for stage, size in zip(stages, sizes, strict=True) if size >= minimum_cells]
    return fine[-1] if fine else stages[0]


def weighted_maps(
    activation: Float[Tensor, "batch channel height width"],
    gradient: Float[Tensor, "batch channel height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Join feature maps into one map of evidence.

    Source: Selvaraju 2017: alpha_k (equation 1) is the gradient's mean over the map; the heat
    (equation 2) is ReLU(sum over k of alpha_k A_k).

    Args:
        activation: Feature maps A.
        gradient: Of the explained logit by them.

    Returns:
        One map per image, 0 or more.
    """
    alpha = gradient.mean(dim=(2, 3), keepdim=True)
    return functional.relu((alpha * activation).sum(dim=1, keepdim=True))


def _batch_heat(network: MultiphaseCt, images: Tensor, minimum_cells: int) -> Tensor:
    phases = network.settings.phases
    activations: dict[int, Tensor] = {}
    hooks = []
    for number, phase in enumerate(phases):
        stages = network.pathway(phase).stages()
        colour = images[:1, number : number + 1].expand(-1, 3, -1, -1)
        target = _target_stage(stages, colour, minimum_cells)

        def keep(_stage: nn.Module, _inputs: object, output: Tensor, number: int = number) -> None:
            activations[number] = output

        hooks.append(target.register_forward_hook(keep))
    try:
        logits = network(images)
    finally:
        for hook in hooks:
            hook.remove()
    kept = [activations[number] for number in range(len(phases))]
    # The slices of a batch do not meet in evaluation mode, so one backward pass serves all.
    gradients = torch.autograd.grad(logits[:, EVENT].sum(), kept)
    heat = [
        functional.interpolate(
            weighted_maps(a, g).detach(), images.shape[-2:], mode="bilinear", align_corners=False
        )
        for a, g in zip(kept, gradients, strict=True)
    ]
    return torch.cat(heat, dim=1)


def gradcam(
    network: MultiphaseCt,
    images: Float32[np.ndarray, "slice phase height width"],
    device: torch.device,
    minimum_cells: int = PUBLISHED_CELLS,
) -> Float32[np.ndarray, "slice phase height width"]:
    """Map the evidence for the event in every slice and phase of a study.

    Source: Selvaraju 2017, "Grad-CAM", section 3, on the event's logit; Liao 2024, section 2.4
    takes the last convolution of each pathway and resizes the map to the slice.

    The maps of one phase are divided by their largest value over the whole study, not slice by
    slice: a slice without evidence then stays cold instead of glowing with amplified noise.

    Args:
        network: Moved to the device; its training mode is left as it was, gradients are not
            touched.
        images: One study, values in [0, 1].
        device: From ``choose_device``.
        minimum_cells: Fewest cells a side that the maps may have before resizing. The default is
            what the last convolution has at the published 224 pixels, so there it is the
            published layer. Departure: smaller slices are explained by the last stage that is
            fine enough (8 cells at 64 pixels), because two cells a side cover the whole body:
            on two invented responders at 64 pixels, blanking the hottest tenth lowered the event's
            probability by 0.12 with 8 cells, 0.04 with 4 and 0.01 with 2. With 1 it is always
            the last convolution.

    Returns:
        Heat in [0, 1] per phase of the study: its maximum is 1, or 0 where a phase nowhere
        speaks for the event.
    """
    network.to(device)
    was_training = network.training
    network.eval()
    parts = [np.empty((0, *images.shape[1:]), dtype=np.float32)]
    with torch.enable_grad():
        for start in range(0, len(images), _BATCH_SIZE):
            batch = torch.from_numpy(np.array(images[start : start + _BATCH_SIZE])).to(device)
            # Asking for the images' gradient keeps the way back open in a frozen network.
            parts.append(_batch_heat(network, batch.requires_grad_(), minimum_cells).cpu().numpy())
    network.train(was_training)
    return heat_by_study(np.concatenate(parts))


def heat_by_study(
    heat: Float32[np.ndarray, "slice channel height width"],
) -> Float32[np.ndarray, "slice channel height width"]:
    """Divide the maps of each channel by their largest value over the whole study.

    Args:
        heat: 0 or more.

    Returns:
        Heat in [0, 1]; the maximum of a channel is 1, or 0 where it is cold throughout.
    """
    hottest = heat.max(axis=(0, 2, 3), keepdims=True, initial=0)
    scaled: Float32[np.ndarray, "slice channel height width"] = np.divide(
        heat, hottest, out=np.zeros_like(heat), where=hottest > 0
    )
    return scaled
