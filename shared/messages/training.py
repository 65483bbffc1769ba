"""Training: the global weights out, a site's updated weights and a few sums back."""

from dataclasses import dataclass

import numpy as np

Weights = dict[str, np.ndarray]
"""Parameter name to float32 array; integer buffers (batch-norm counters) never travel."""


@dataclass(frozen=True)
class TrainingRequest:
    """Ask a site to score the global weights on its inner-validation patients, then train.

    Attributes:
        round: Federated round, from 1. Zero local epochs only scores.
        local_epochs: Passes over the training patients.
        learning_rate: Of this round.
        proximal_mu: Weight of the proximal term (Li 2020, FedProx); 0 switches it off.
        seed: Of the run; the site derives its own generator from seed, round and its name.
        weights: The global weights.
        fold: Of the cross-validation inside the site: 0 trains on all training patients, k leaves
            fold k out.
        folds: How many folds there are; 0 where there is no cross-validation.
    """

    round: int
    local_epochs: int
    learning_rate: float
    proximal_mu: float
    seed: int
    weights: Weights
    fold: int = 0
    folds: int = 0


@dataclass(frozen=True)
class TrainingReply:
    """A site's update.

    Attributes:
        weights: The site's weights after local training, same names and shapes as the request;
            empty when zero local epochs were asked for.
        training_patients: Patients trained on: the weight of this update.
        training_loss: Mean cross-entropy per slice in the last local epoch.
        validation_loss_sum: Sum over inner-validation patients of the cross-entropy of the
            *received* weights (mean over the patient's slices).
        validation_patients: Patients in that sum.
        steps: Optimiser steps taken.
        seconds: Wall time of the local work.
    """

    weights: Weights
    training_patients: int
    training_loss: float
    validation_loss_sum: float
    validation_patients: int
    steps: int
    seconds: float
