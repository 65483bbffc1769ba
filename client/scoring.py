"""Scores of the held-out patients under a model, kept at the site under the model's digest.

Evaluation asks several questions about one model. The weights come with the first; the site
scores once, keeps one number and one call per patient in its work folder, and answers the rest
from there.
"""

import io
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.errors import MessageError
from shared.fusion.voting import vote
from shared.messages.evaluation import PatientScores, ScoreRequest
from shared.messages.training import Weights
from shared.models.weights import load_arrays
from shared.training.inference import slice_probabilities
from shared.vocabulary import Split

_DIGEST_LETTERS = frozenset("0123456789abcdef")
_DIGEST_LENGTH = 64


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
    path = _file(folder, request)
    if not request.weights:
        return _read(path)
    held_out = [patient for patient in patients if patient.split is Split.HELD_OUT]
    scores = _score(held_out, request.weights, network(), device)
    _write(path, scores)
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


def _file(folder: Path, request: ScoreRequest) -> Path:
    digest = request.model_digest
    if len(digest) != _DIGEST_LENGTH or not _DIGEST_LETTERS.issuperset(digest):
        raise MessageError("Expected a SHA-256 digest as the model's name, got something else.")
    return folder / f"{digest}.npz"


def _write(path: Path, scores: PatientScores) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    np.savez(stream, scores=scores.scores, votes=scores.votes, events=scores.events)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(stream.getvalue())
    unfinished.replace(path)


def _read(path: Path) -> PatientScores:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return PatientScores(kept["scores"], kept["votes"], kept["events"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise MessageError(
            "Expected a model that this site has scored before, got another. "
            "Send its weights first."
        ) from error
