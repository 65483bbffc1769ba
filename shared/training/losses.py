"""How a network's answer is compared with a patient's outcome, for either study's network."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from shared.models.mri_scores import MriScores
from shared.training.training_settings import Loss

_CLASSES = 2
"""Without and with the event: how often the printed formula counts what softmax counts once."""


def class_logits(
    network: nn.Module, images: Float[Tensor, "batch channel height width"]
) -> Float[Tensor, "batch score class"]:
    """Score slices and give the two classes' logits of every score.

    A network with two outputs has one score. ``MriScores`` has one logit ``z`` of the event per
    score; the logits (0, z) have the softmax probabilities (1 - sigmoid(z), sigmoid(z)).

    Args:
        network: ``MriScores``, or any network that gives the logits of no event and event.
        images: On the network's device.

    Returns:
        Logits in the order no event, event.
    """
    if isinstance(network, MriScores):
        event = network.logits(network(images))
        return torch.stack([torch.zeros_like(event), event], dim=-1)
    logits: Tensor = network(images)
    return logits.unsqueeze(1)


def cross_entropy(
    logits: Float[Tensor, "batch score class"], events: Int64[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Give the softmax cross-entropy, averaged over slices and over a slice's scores.

    For ``MriScores`` it is the binary cross-entropy of each logit of the event.

    Args:
        logits: From ``class_logits``.
        events: The outcome of each slice's patient.

    Returns:
        In nats, 0 or more.
    """
    wanted = events.repeat_interleave(logits.shape[1])
    return functional.cross_entropy(logits.flatten(0, 1).float(), wanted)


def minimised(cross_entropy: Float[Tensor, ""], loss: Loss) -> Float[Tensor, ""]:
    """Turn the softmax cross-entropy into the loss that a study minimises.

    Quan 2024 (Methods, the cross-entropy loss) prints, with y_c and p_c of class c of n::

        L = mean over slices of  sum over c of  -[y_c log p_c + (1 - y_c) log(1 - p_c)]

    With two classes, y_0 = 1 - y_1 and p_0 = 1 - p_1, so the term of class 0 equals that of class
    1, and L is twice the binary cross-entropy, which is the softmax cross-entropy. It doubles
    every gradient: plain SGD at 0.01 moves as softmax cross-entropy would at 0.02. Always saying
    13/64, the prior of the paper's validation patients, costs 0.505 by softmax and 1.009 by the
    printed formula; the paper's best 0.7475 is better than that only by the latter.

    Args:
        cross_entropy: From ``cross_entropy``.
        loss: What the study minimises.

    Returns:
        The loss.
    """
    return cross_entropy * _CLASSES if loss is Loss.SUMMED else cross_entropy
