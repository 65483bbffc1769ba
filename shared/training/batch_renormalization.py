"""Batch norm at batch size one: trained with the statistics it is evaluated with.

One slice's own statistics say nothing of other patients, and take from the slice what sets its
patient apart; a network trained on them scores otherwise when it is evaluated with running
statistics. See ``docs/decisions/0009-batch-norm-at-batch-size-one.md``.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from shared.training.batch_statistics import batch_norms

_STEP_WEIGHT = 0.01
"""Of one step in the running statistics (Ioffe 2017, section 4: 0.01)."""

_R_LIMIT = 3.0
_D_LIMIT = 5.0
"""How far a step may stand out before it is normalised by itself (Ioffe 2017, section 4: 3, 5).
Without limits one bad step of the full InceptionV4 inflates its running variances for hundreds."""


def _statistics(
    maps: Float[Tensor, "batch channel height width"],
) -> tuple[Float32[Tensor, " channel"], Float32[Tensor, " channel"]]:
    """Give the mean and the variance (divided by the count) of each channel."""
    channels = maps.shape[1]
    mean = torch.zeros(channels, device=maps.device)
    variance = torch.zeros(channels, device=maps.device)
    # Batch norm's own kernel with the whole weight on this step: torch.var_mean takes six to
    # twelve times as long on a CPU. The running variance is divided by the count less one.
    functional.batch_norm(maps, mean, variance, training=True, momentum=1.0)
    count = maps.numel() // channels
    return mean, variance * ((count - 1) / count)


class BatchRenormalization(nn.Module):
    """A batch norm that normalises a training step with its running statistics.

    Source: Ioffe 2017, "Batch Renormalization", algorithm 1: normalise by the batch, then undo
    that with r = s_batch / s_running and d = (mean_batch - mean_running) / s_running, which the
    gradient takes for constants. The forward pass is that of evaluation; the gradient passes
    through the batch's statistics, which keeps the training as stable as batch norm's.
    Departures: the limits of r and d hold from the first step and do not grow from 1 and 0, since
    ``measure_statistics`` gives a fresh network its running statistics; and the running variance
    takes in how far a slice's mean lies from the running mean, as the variance over all slices
    does.
    """

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        """Share the parameters and buffers of a batch norm."""
        super().__init__()
        self.layer = layer

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Normalise; in training mode also move the running statistics."""
        layer = self.layer
        if not self.training or layer.running_mean is None or layer.running_var is None:
            evaluated: Tensor = layer(maps)
            return evaluated
        with torch.no_grad():
            mean, variance = _statistics(maps)
            spread = (layer.running_var + layer.eps).sqrt()
            r = ((variance + layer.eps).sqrt() / spread).clamp(1 / _R_LIMIT, _R_LIMIT)
            d = ((mean - layer.running_mean) / spread).clamp(-_D_LIMIT, _D_LIMIT)
            # A step that stands out moves the statistics no further than its limits.
            layer.running_mean.add_(d * spread, alpha=_STEP_WEIGHT)
            seen = torch.minimum(variance, (r * spread).square()) + (d * spread).square()
            layer.running_var.lerp_(seen, _STEP_WEIGHT)
        # r and d join the learned scale and shift, so that one fused kernel does it all.
        return functional.batch_norm(
            maps,
            None,
            None,
            weight=layer.weight * r,
            bias=layer.weight * d + layer.bias,
            training=True,
            eps=layer.eps,
        )


@contextmanager
def renormalized(network: nn.Module) -> Iterator[None]:
    """Exchange a network's batch norms for batch renormalisations, and put them back.

    Args:
        network: Keeps its parameters and buffers; their names differ meanwhile.
    """
    places = [
        (parent, name, layer)
        for parent in network.modules()
        for name, layer in parent.named_children()
        if isinstance(layer, nn.BatchNorm2d)
    ]
    try:
        for parent, name, layer in places:
            setattr(parent, name, BatchRenormalization(layer))
        yield
    finally:
        for parent, name, layer in places:
            setattr(parent, name, layer)


def never_measured(network: nn.Module) -> bool:
    """Tell whether a network's running statistics are still those that it was built with.

    Args:
        network: Fresh, received or trained.

    Returns:
        True when no batch norm has other means than 0 or other variances than 1.
    """
    layers = batch_norms(network)
    means = [layer.running_mean for layer in layers if layer.running_mean is not None]
    variances = [layer.running_var for layer in layers if layer.running_var is not None]
    return not any(bool(mean.any()) for mean in means) and all(
        bool((variance == 1).all()) for variance in variances
    )


class _Moments:
    """Count, mean and squared deviations per channel, merged over batches.

    Source: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", equation
    2.1.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Float64[Tensor, " channel"] = torch.zeros(())
        self.deviations: Float64[Tensor, " channel"] = torch.zeros(())

    def add(self, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Take in one batch; has the signature of a forward hook."""
        maps = inputs[0]
        mean, variance = (part.double() for part in _statistics(maps))
        count = maps.numel() // maps.shape[1]
        total = self.count + count
        away = mean - self.mean
        self.deviations = (
            self.deviations + variance * count + away.square() * (self.count * count / total)
        )
        self.mean = self.mean + away * (count / total)
        self.count = total


def measure_statistics(
    network: nn.Module, batches: Iterable[Float32[Tensor, "_ channel height width"]]
) -> None:
    """Put running means and variances in their place: those over all slices that are given.

    The variance is that of all slices together, the spread between them included. A mean of the
    batches' variances leaves it out, and small maps of a deep network hold most of it.

    Source: Wu & Johnson 2021, "Rethinking 'Batch' in BatchNorm", section 3.1 (precise batch
    norm).

    Args:
        network: Its batch norms are changed; everything else stays.
        batches: On the network's device, each of as many slices as memory permits: while they are
            measured, slices of a batch are normalised together.
    """
    moments = {layer: _Moments() for layer in batch_norms(network)}
    if not moments:
        return
    was_training = network.training
    network.eval()
    kept = {layer: layer.momentum for layer in moments}
    hooks = []
    for layer, moment in moments.items():
        layer.train()
        layer.momentum = 0.0
        hooks.append(layer.register_forward_pre_hook(moment.add))
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for hook in hooks:
        hook.remove()
    for layer, moment in moments.items():
        layer.momentum = kept[layer]
        if layer.running_mean is not None and layer.running_var is not None and moment.count:
            layer.running_mean.copy_(moment.mean)
            layer.running_var.copy_(moment.deviations / moment.count)
    network.train(was_training)


def fewest_values(network: nn.Module, slice_shape: tuple[int, int, int]) -> int:
    """Count from how many values a batch norm would take a channel's statistics in a step of one.

    Args:
        network: Not computed with; shapes alone pass through it.
        slice_shape: Channels, height and width of a slice.

    Returns:
        The smallest count over the batch norms; 1 where a map of one image is one pixel. A large
        number without batch norms.
    """
    counts: list[int] = []

    def count(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        counts.append(inputs[0].numel() // inputs[0].shape[1])

    hooks = [layer.register_forward_pre_hook(count) for layer in batch_norms(network)]
    shapes = {name: tensor.to("meta") for name, tensor in network.state_dict().items()}
    was_training = network.training
    network.eval()
    functional_call(network, shapes, (torch.empty(1, *slice_shape, device="meta"),))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return min(counts, default=2**31)
