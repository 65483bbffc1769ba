"""Batch norm's running statistics, made to fit the weights that a short training ends with."""

from torch import nn

_WINDOW_STEPS = 10
"""Torch's default momentum of 0.1 averages over about ten steps."""


def batch_norms(network: nn.Module) -> tuple[nn.BatchNorm2d, ...]:
    """List the layers that keep running statistics."""
    return tuple(part for part in network.modules() if isinstance(part, nn.BatchNorm2d))


def average_from_step(layers: tuple[nn.BatchNorm2d, ...], step: int) -> None:
    """Set how much the coming step counts in the running statistics.

    The first step replaces what was there, the next nine average plainly, and from then on the
    average is torch's exponential one. With torch's constant 0.1, a site that takes three steps
    a round would still score with seven tenths of the statistics of other weights.

    Source: the bias correction of Kingma & Ba 2015 ("Adam", section 3) in its limit of a plain
    mean; Wu & Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3, on stale statistics.

    Args:
        layers: Changed in place.
        step: Number of the step, from 1.
    """
    for layer in layers:
        layer.momentum = 1 / min(step, _WINDOW_STEPS)
