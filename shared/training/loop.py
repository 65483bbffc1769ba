"""Local training: every slice is a sample that carries its patient's outcome."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor, nn

from shared.cohort.patient import PreparedPatient
from shared.errors import ConvergenceError, DataError
from shared.imaging.augment import draw_augmentation, draw_geometry
from shared.training.augmentation import apply_augmentation, apply_geometry
from shared.training.batch_renormalization import (
    fewest_values,
    measure_statistics,
    never_measured,
    renormalized,
)
from shared.training.batch_statistics import average_from_step, batch_norms
from shared.training.device import place, training_precision
from shared.training.inference import slices_at_once
from shared.training.losses import class_logits, cross_entropy, minimised
from shared.training.samples import Samples, batches, pass_order, samples_of
from shared.training.seeding import torch_seed
from shared.training.training_settings import Augmentation, Loss, Optimizer, TrainingSettings

_MEASURED_SLICES = 64
"""Slices that a fresh network's statistics are measured on before training at batch size one."""

EpochProgress = Callable[[int, float], None]
"""Called after every epoch with its number, from 1, and its mean cross-entropy per slice."""


@dataclass(frozen=True)
class LocalTraining:
    """What a training did.

    Attributes:
        loss_by_epoch: Mean softmax cross-entropy per slice, whatever loss is minimised, without
            proximal term and weight decay.
        steps: Optimiser steps taken.
        seconds: Wall time.
    """

    loss_by_epoch: tuple[float, ...]
    steps: int
    seconds: float


def _require_trainable(network: nn.Module, samples: Samples, batch_size: int) -> None:
    if samples.count == 0:
        raise DataError(
            "Expected slices to train on, got none. Assign patients of this site to training."
        )
    if samples.one_per_step(batch_size) and fewest_values(network, samples.shape) == 1:
        raise DataError(
            f"Expected batches of two slices or more where batch norm sees maps of one pixel, got "
            f"{samples.count} slices at batch size {batch_size}. Raise the batch size, or train "
            "with group norm."
        )


def _normalization(
    network: nn.Module, samples: Samples, batch_size: int, rng: np.random.Generator
) -> AbstractContextManager[object]:
    if not (samples.one_per_step(batch_size) and batch_norms(network)):
        return nullcontext()
    chosen = rng.permutation(samples.count)[:_MEASURED_SLICES]
    # Statistics that came with the weights belong to them, as evaluation has just used them.
    if never_measured(network):
        device = next(network.parameters()).device
        parts = batches(chosen, slices_at_once(network, *samples.shape[1:]))
        measure_statistics(network, (samples.batch(part)[0].to(device) for part in parts))
    return renormalized(network)


def new_optimizer(
    network: nn.Module, settings: TrainingSettings, learning_rate: float
) -> torch.optim.Optimizer:
    """Make Adam or stochastic gradient descent, with fresh moments.

    The weight decay is the L2 penalty of all weights, biases and norm layers included (Quan 2024:
    "L2 on weights and biases"), added to the gradient.

    Args:
        network: On the device it trains on.
        settings: For the rule, the momentum and the weight decay.
        learning_rate: Of the coming epochs.

    Returns:
        The optimiser; the fused kernel updates all weights in one pass.
    """
    if settings.optimizer is Optimizer.SGD:
        return torch.optim.SGD(
            network.parameters(),
            lr=learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            fused=True,
        )
    return torch.optim.Adam(
        network.parameters(), lr=learning_rate, weight_decay=settings.weight_decay, fused=True
    )


@dataclass(frozen=True)
class _Session:
    """What one call of ``train_locally`` keeps at hand."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    augmentation: Augmentation
    loss: Loss
    proximal_mu: float
    anchor: tuple[Tensor, ...]

    def step(self, images: Tensor, events: Tensor, rng: np.random.Generator) -> Tensor:
        if self.device.type == "cuda":
            images, events = images.pin_memory(), events.pin_memory()
        images = images.to(self.device, non_blocking=True)
        images = self._augment(images, rng)
        with training_precision(self.device):
            logits = class_logits(self.network, images)
        loss = cross_entropy(logits, events.to(self.device, non_blocking=True))
        self.optimizer.zero_grad(set_to_none=True)
        minimised(loss, self.loss).backward()  # type: ignore[no-untyped-call]  # torch has none
        self._pull_towards_anchor()
        self.optimizer.step()
        return loss.detach()

    def _augment(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        if self.augmentation is Augmentation.APPEARANCE:
            return apply_augmentation(images, draw_augmentation(rng, len(images)))
        if self.augmentation is Augmentation.GEOMETRIC:
            return apply_geometry(images, draw_geometry(rng, len(images)))
        return images

    def _pull_towards_anchor(self) -> None:
        # The gradient of mu/2 * |w - w_received|^2 (Li 2020, FedProx, equation 2), added where
        # it arises instead of carrying 35 million squares through the loss.
        if not self.proximal_mu:
            return
        for weight, start in zip(self.network.parameters(), self.anchor, strict=True):
            if weight.grad is not None:
                weight.grad.add_(weight.detach() - start, alpha=self.proximal_mu)


def train_locally(  # noqa: PLR0913  # each is an independent choice of the round; keywords name them
    network: nn.Module,
    patients: Sequence[PreparedPatient],
    settings: TrainingSettings,
    *,
    epochs: int,
    learning_rate: float,
    rng: np.random.Generator,
    device: torch.device,
    proximal_mu: float = 0.0,
    optimizer: torch.optim.Optimizer | None = None,
    progress: EpochProgress | None = None,
) -> LocalTraining:
    """Train a network on one site's patients.

    Source: Liao 2024, section 2.4: every slice is a sample with its patient's label; Adam,
    cross-entropy. Quan 2024, Methods: SGD, one slice per step, the printed cross-entropy. In a
    federation each round starts with fresh moments: the weights that arrive are an average that
    the old moments do not belong to. Batch norm's running statistics start afresh in every epoch
    (``shared.training.batch_statistics``); at one slice per step it is renormalised
    (``shared.training.batch_renormalization``).

    Dropout draws from torch's global generator, which is set from ``rng`` and put back
    afterwards; two trainings in two threads of one process would therefore disturb each other.

    Args:
        network: Moved to the device and changed in place.
        patients: To train on, whatever their split says.
        settings: Batch size, augmentation, copies, optimiser and loss; its learning rate is the
            first round's and not used here.
        epochs: Passes over all slices and their copies; zero changes nothing.
        learning_rate: Of this call.
        rng: Source of order, augmentation and dropout; the same state gives the same weights on
            the same CPU with the same number of threads.
        device: From ``choose_device``.
        proximal_mu: Weight of FedProx's pull towards the weights on entry.
        optimizer: Continues instead of a fresh one; its learning rate is set to this call's.
        progress: Called after every epoch.

    Returns:
        Losses and counts.

    Raises:
        DataError: When there is nothing to train on, or batches of one meet a batch norm over
            maps of one pixel.
        ConvergenceError: When the loss is not finite.
    """
    started = time.perf_counter()
    place(network, device)
    samples = samples_of(patients)
    if epochs:
        _require_trainable(network, samples, settings.batch_size)
    rule = optimizer or new_optimizer(network, settings, learning_rate)
    for group in rule.param_groups:
        group["lr"] = learning_rate
    anchor = tuple(w.detach().clone() for w in network.parameters()) if proximal_mu else ()
    session = _Session(
        network,
        rule,
        device,
        settings.augmentation,
        settings.loss,
        proximal_mu,
        anchor,
    )
    losses: list[float] = []
    steps = 0
    network.train()
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        _normalization(network, samples, settings.batch_size, rng) if epochs else nullcontext(),
    ):
        torch.manual_seed(torch_seed(rng))
        for epoch in range(1, epochs + 1):
            order = batches(pass_order(rng, samples.count, settings.copies), settings.batch_size)
            loss = _epoch(session, samples, order, rng)
            if not np.isfinite(loss):
                raise ConvergenceError(
                    f"Expected a finite training loss, got {loss} in local epoch {epoch} at "
                    f"learning rate {learning_rate:g}. Lower the learning rate."
                )
            losses.append(loss)
            steps += len(order)
            if progress is not None:
                progress(epoch, loss)
    return LocalTraining(tuple(losses), steps, time.perf_counter() - started)


def _epoch(
    session: _Session,
    samples: Samples,
    order: Sequence[Int64[np.ndarray, " _"]],
    rng: np.random.Generator,
) -> float:
    # Summed on the device: reading every step's loss would make a GPU wait every step.
    total = torch.zeros((), dtype=torch.float64, device=session.device)
    norms = batch_norms(session.network)
    for step, chosen in enumerate(order, start=1):
        average_from_step(norms, step)
        images, events = samples.batch(chosen)
        total += session.step(images, events, rng) * len(chosen)
    return float(total) / sum(len(chosen) for chosen in order)
