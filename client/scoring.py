"""Scores of the held-out patients under a network: made once per model, then looked up."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from client.kept_scores import KeptScores
from shared.cohort.patient import PreparedPatient
from shared.fusion.voting import vote
from shared.messages.evaluation import PatientScores, ScoreRequest
from shared.messages.training import Weights
from shared.models.weights import load_arrays
from shared.training.inference import slice_probabilities
from shared.vocabulary import Split


def scores_for(
    request: ScoreRequest,
    patients: Sequence[PreparedPatient],
    network: Callable[[], nn.Module],
    device: torch.device,
    folder: Path,
) -> PatientScores:
    """Score a site's held-out patients, or look up the scores of a model met before.

    Args:
        request: The model's digest, and its weights the first time.
        patients: All patients of the site; the held-out are chosen here.
        network: Makes a network of the run's shape; called only to score.
        device: Where.
        folder: Where scores are kept; created when needed.

    Returns:
        One score, call and outcome per held-out patient.

    Raises:
        MessageError: If the digest is none, or the model is unknown and came without weights.
    """
    kept = KeptScores(folder, request.model_digest)
    if not request.weights:
        return kept.read()
    held_out = [patient for patient in patients if patient.split is Split.HELD_OUT]
    scores = _score(held_out, request.weights, network(), device)
    kept.write(scores)
    return scores


def _score(
    patients: Sequence[PreparedPatient], weights: Weights, network: nn.Module, device: torch.device
) -> PatientScores:
    load_arrays(network, weights)
    votes = [vote(slice_probabilities(network, p.images, device)) for p in patients]
    return PatientScores(
        scores=np.array([v.mean_probability for v in votes], dtype=np.float64),
        votes=np.array([v.event for v in votes], dtype=np.bool_),
        events=np.array([patient.event for patient in patients], dtype=np.bool_),
    )
