"""One training without a federation, scored on the patients that the federation is scored on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.errors import DataError
from shared.fusion.voting import PatientVote, vote
from shared.models.study_network import StudyNetwork
from shared.models.weights import load_arrays, to_arrays
from shared.settings import RunSettings
from shared.tasks.recipe import Recipe
from shared.training.inference import slice_probabilities, validation_loss
from shared.training.initial import initial_network
from shared.training.loop import new_optimizer, train_locally
from shared.training.schedule import best_round, next_learning_rate, should_stop
from shared.training.seeding import training_generator
from shared.vocabulary import Split

SitePatients = Mapping[str, Sequence[PreparedPatient]]
"""Every prepared patient of every site, by the site's name."""


@dataclass(frozen=True)
class RoundReport:
    """One step of an arm's progress.

    Attributes:
        arm: Name of the arm.
        round: From 1.
        rounds: In all, if training is not stopped early.
        training_loss: Mean cross-entropy per slice in the round's last epoch.
        validation_loss: Mean over inner-validation patients; of the training patients where
            none were set apart.
    """

    arm: str
    round: int
    rounds: int
    training_loss: float
    validation_loss: float


Progress = Callable[[RoundReport], None]


@dataclass(frozen=True)
class ArmResult:
    """What an arm learned, on held-out patients in the order given.

    Attributes:
        arm: ``pooled`` or the site's name.
        votes: Score and label of every held-out patient.
        events: Whether the event happened.
        rounds: How training went.
        best_round: Round whose weights were scored; the lowest validation loss.
        training_patients: Patients trained on.
        seconds: Wall time, scoring included.
    """

    arm: str
    votes: tuple[PatientVote, ...]
    events: tuple[bool, ...]
    rounds: tuple[RoundReport, ...]
    best_round: int
    training_patients: int
    seconds: float

    def scores(self) -> np.ndarray:
        """Give the mean probability of every held-out patient, for ROC curves."""
        return np.array([v.mean_probability for v in self.votes], dtype=np.float64)


def patients_in(sites: SitePatients, split: Split) -> tuple[PreparedPatient, ...]:
    """Gather the patients of one split over all sites.

    Args:
        sites: All sites; their order is the order of the answer.
        split: Which patients.

    Returns:
        The patients; case numbers repeat between sites.
    """
    return tuple(p for patients in sites.values() for p in patients if p.split is split)


def train_rounds(  # noqa: PLR0913  # the arm's inputs, named one by one
    network: nn.Module,
    patients: Sequence[PreparedPatient],
    recipe: Recipe,
    settings: RunSettings,
    device: torch.device,
    *,
    arm: str,
    progress: Progress | None = None,
) -> tuple[tuple[RoundReport, ...], dict[str, np.ndarray]]:
    """Train a network on patients in one place for as many rounds as a federation would.

    Args:
        network: To start from; changed in place.
        patients: Those in training are trained on, those in inner validation choose the round.
        recipe: Of the study.
        settings: Rounds, local epochs, patience, seed.
        device: From ``choose_device``.
        arm: Name in reports; also keeps the arms' random streams apart.
        progress: Called after every round.

    Returns:
        The rounds, and the weights of the best one.

    Raises:
        DataError: When there are no training patients.
        ConvergenceError: When the loss is not finite.
    """
    training = _of(patients, Split.TRAINING)
    # A site too small to set patients apart still has to choose a round.
    validation = _of(patients, Split.INNER_VALIDATION) or training
    if not training:
        raise DataError(
            f"Expected training patients in '{arm}', got none of {len(patients)}. "
            "Check the splits of the cohort."
        )
    # Unlike a federation, one continuous training keeps its Adam moments, as the paper's did.
    adam = new_optimizer(network, recipe.training, recipe.training.learning_rate)
    reports: list[RoundReport] = []
    best = to_arrays(network)
    for number in range(1, settings.rounds + 1):
        losses = [r.validation_loss for r in reports]
        trained = train_locally(
            network,
            training,
            recipe.training,
            epochs=settings.local_epochs,
            learning_rate=next_learning_rate(recipe.training, losses),
            rng=training_generator(settings.seed, number, arm),
            device=device,
            optimizer=adam,
        )
        loss_sum, count = validation_loss(network, validation, device)
        report = RoundReport(
            arm, number, settings.rounds, trained.loss_by_epoch[-1], loss_sum / count
        )
        reports.append(report)
        losses.append(report.validation_loss)
        if best_round(losses) == number:
            best = to_arrays(network)
        if progress is not None:
            progress(report)
        if should_stop(losses, settings.patience):
            break
    return tuple(reports), best


def start_network(recipe: Recipe, settings: RunSettings, device: torch.device) -> StudyNetwork:
    """Give the network that every arm of a run starts from, on the device."""
    pretrained = Path(settings.pretrained_weights) if settings.pretrained_weights else None
    return initial_network(recipe.network, settings.seed, pretrained).to(device)


def _of(patients: Sequence[PreparedPatient], split: Split) -> tuple[PreparedPatient, ...]:
    return tuple(patient for patient in patients if patient.split is split)


def train_alone(  # noqa: PLR0913  # the arm's inputs, named one by one
    patients: Sequence[PreparedPatient],
    held_out: Sequence[PreparedPatient],
    recipe: Recipe,
    settings: RunSettings,
    device: torch.device,
    progress: Progress | None = None,
    *,
    arm: str = "alone",
) -> ArmResult:
    """Train on patients in one place and score held-out patients with the best round.

    The comparison is fair where it can be: the same initial weights, the same number of epochs
    (rounds x local epochs), the same learning rate in every round, the same early stopping, the
    same choice of the best round, and the same held-out patients as the federation.

    Args:
        patients: Those in training are trained on, those in inner validation choose the round;
            held-out ones among them are left alone.
        held_out: Whom to score; pooled over all sites.
        recipe: Of the study.
        settings: Rounds, local epochs, patience, seed, pretrained weights.
        device: From ``choose_device``.
        progress: Called after every round.
        arm: Name in reports; also keeps the arms' random streams apart.

    Returns:
        Scores, labels and losses.

    Raises:
        DataError: When there are no training patients.
        ConvergenceError: When the loss is not finite.
    """
    started = time.perf_counter()
    network = start_network(recipe, settings, device)
    reports, best = train_rounds(
        network, patients, recipe, settings, device, arm=arm, progress=progress
    )
    load_arrays(network, best)
    votes = tuple(vote(slice_probabilities(network, p.images, device)) for p in held_out)
    return ArmResult(
        arm=arm,
        votes=votes,
        events=tuple(p.event for p in held_out),
        rounds=reports,
        best_round=best_round([r.validation_loss for r in reports]),
        training_patients=len(_of(patients, Split.TRAINING)),
        seconds=time.perf_counter() - started,
    )
