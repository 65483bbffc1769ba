"""Local training: every slice is a sample that carries its patient's outcome."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor, nn

from shared.cohort.patient import PreparedPatient
from shared.errors import ConvergenceError, DataError
from shared.imaging.augment import draw_augmentation, draw_geometry
from shared.training.augmentation import apply_augmentation, apply_geometry
from shared.training.batch_statistics import average_from_step, batch_norms
from shared.training.device import place, training_precision
from shared.training.losses import class_logits, cross_entropy, minimised
from shared.training.seeding import torch_seed
from shared.training.training_settings import Augmentation, Loss, Optimizer, TrainingSettings

EpochProgress = Callable[[int, float], None]
"""Called after every epoch with its number, from 1, and its mean cross-entropy per slice."""


@dataclass(frozen=True)
class LocalTraining:
    """What a training did.

    Attributes:
        loss_by_epoch: Mean cross-entropy per slice, without the proximal term.
        steps: Optimiser steps taken.
        seconds: Wall time.
    """

    loss_by_epoch: tuple[float, ...]
    steps: int
    seconds: float


@dataclass(frozen=True)
class _Samples:
    """Every slice of every patient, by number; pixels stay where the patients keep them."""

    patients: Sequence[PreparedPatient]
    patient: Int64[np.ndarray, " slice"]
    place: Int64[np.ndarray, " slice"]

    def batch(self, chosen: Int64[np.ndarray, " batch"]) -> tuple[Tensor, Tensor]:
        owners = [self.patients[i] for i in self.patient[chosen]]
        images = np.stack([p.images[s] for p, s in zip(owners, self.place[chosen], strict=True)])
        return torch.from_numpy(images), torch.tensor([int(p.event) for p in owners])


def _samples(patients: Sequence[PreparedPatient]) -> _Samples:
    counts = [len(patient.images) for patient in patients]
    owner = np.repeat(np.arange(len(patients)), counts)
    within = [np.arange(count) for count in counts]
    return _Samples(patients, owner, np.concatenate([*within, np.empty(0, dtype=np.int64)]))


def batches(order: Int64[np.ndarray, " slice"], batch_size: int) -> list[Int64[np.ndarray, " _"]]:
    """Cut an order of samples into batches; a last one of a single sample joins its neighbour.

    Batch statistics of one sample are noise, and where the feature map is one pixel they do not
    exist.

    Args:
        order: Sample numbers, shuffled.
        batch_size: Samples per batch; the last may hold fewer, or one more.

    Returns:
        Every sample once, in the order given.
    """
    cuts = list(range(batch_size, len(order), batch_size))
    if cuts and len(order) - cuts[-1] == 1 and batch_size > 1:
        cuts.pop()
    return np.split(order, cuts)


def _require_trainable(network: nn.Module, samples: int, batch_size: int) -> None:
    if samples == 0:
        raise DataError(
            "Expected slices to train on, got none. Assign patients of this site to training."
        )
    if batch_norms(network) and min(samples, batch_size) == 1:
        raise DataError(
            f"Expected batches of two slices or more with batch norm, got {samples} slices at "
            f"batch size {batch_size}. Raise the batch size, or train with group norm."
        )


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
    cross-entropy. In a federation each round starts with fresh Adam moments: the weights that
    arrive are an average that the old moments do not belong to. Batch norm's running statistics
    start afresh in every epoch (``shared.training.batch_statistics``).

    Dropout draws from torch's global generator, which is set from ``rng`` and put back
    afterwards; two trainings in two threads of one process would therefore disturb each other.

    Args:
        network: Moved to the device and changed in place.
        patients: To train on, whatever their split says; images in [0, 1].
        settings: Batch size, augmentation and weight decay; its learning rate is the first
            round's and not used here.
        epochs: Passes over all slices; zero changes nothing.
        learning_rate: Of this call.
        rng: Source of order, augmentation and dropout; the same state gives the same weights on
            the same CPU with the same number of threads.
        device: From ``choose_device``.
        proximal_mu: Weight of FedProx's pull towards the weights on entry.
        optimizer: Continues instead of fresh Adam; its learning rate is set to this call's.
        progress: Called after every epoch.

    Returns:
        Losses and counts.

    Raises:
        DataError: When there is nothing to train on, or batches of one meet batch norm.
        ConvergenceError: When the loss is not finite.
    """
    started = time.perf_counter()
    place(network, device)
    samples = _samples(patients)
    if epochs:
        _require_trainable(network, len(samples.patient), settings.batch_size)
    adam = optimizer or new_optimizer(network, settings, learning_rate)
    for group in adam.param_groups:
        group["lr"] = learning_rate
    anchor = tuple(w.detach().clone() for w in network.parameters()) if proximal_mu else ()
    session = _Session(
        network,
        adam,
        device,
        settings.augmentation,
        settings.loss,
        proximal_mu,
        anchor,
    )
    losses: list[float] = []
    steps = 0
    network.train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(torch_seed(rng))
        for epoch in range(1, epochs + 1):
            seen = rng.permutation(settings.copies * len(samples.patient)) % len(samples.patient)
            order = batches(seen, settings.batch_size)
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
    samples: _Samples,
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
