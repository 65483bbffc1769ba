"""A site's part of a training round: score the weights that came, then train them on.

Departure from pooled training: with batch norm, running means and variances travel and are
averaged with the other weights; its integer counters of batches never travel, since they cannot
be averaged and serve nothing at a fixed momentum.
"""

import time
from collections.abc import Sequence

import torch
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.messages.training import TrainingReply, TrainingRequest
from shared.models.weights import load_arrays, to_arrays
from shared.training.inference import validation_loss
from shared.training.loop import train_locally
from shared.training.seeding import training_generator
from shared.training.training_settings import TrainingSettings
from shared.vocabulary import Split


def answer_training(
    request: TrainingRequest,
    site: str,
    patients: Sequence[PreparedPatient],
    network: nn.Module,
    settings: TrainingSettings,
    device: torch.device,
) -> TrainingReply:
    """Train one round.

    Args:
        request: The global weights and how to train them; zero local epochs only scores.
        site: Display name of the site; with the run's seed and the round it seeds the training.
        patients: All patients of the site; training and inner validation are chosen here.
        network: Of the run's shape; its weights are overwritten.
        settings: How a site trains.
        device: Where.

    Returns:
        The site's weights and losses; without weights when there was nothing to train.

    Raises:
        MessageError: If the weights do not fit the network.
        DataError: If the site has nobody to train on.
        ConvergenceError: If the loss is not finite.
    """
    started = time.perf_counter()
    load_arrays(network, request.weights)
    validated = [p for p in patients if p.split is Split.INNER_VALIDATION]
    loss_sum, loss_patients = validation_loss(network, validated, device)
    training = [p for p in patients if p.split is Split.TRAINING]
    trained = train_locally(
        network,
        training,
        settings,
        epochs=request.local_epochs,
        learning_rate=request.learning_rate,
        rng=training_generator(request.seed, request.round, site),
        device=device,
        proximal_mu=request.proximal_mu,
    )
    return TrainingReply(
        weights=to_arrays(network) if request.local_epochs else {},
        training_patients=len(training),
        training_loss=trained.loss_by_epoch[-1] if trained.loss_by_epoch else 0.0,
        validation_loss_sum=loss_sum,
        validation_patients=loss_patients,
        steps=trained.steps,
        seconds=time.perf_counter() - started,
    )
