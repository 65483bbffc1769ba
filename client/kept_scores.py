"""Scores of the held-out patients under a model, kept at the site under the model's digest.

Evaluation asks several questions about one model. The model comes with the first; the site scores
once, keeps one number and one call per patient in its work folder, and answers the rest from there.
"""

import io
import os
import zipfile
from pathlib import Path

import numpy as np

from shared.errors import MessageError
from shared.messages.evaluation import PatientScores

_DIGEST_LETTERS = frozenset("0123456789abcdef")
_DIGEST_LENGTH = 64


class KeptScores:
    """The file of one model's scores."""

    def __init__(self, folder: Path, model_digest: str) -> None:
        """Prepare; nothing is read or written.

        Args:
            folder: Where scores are kept; created when needed.
            model_digest: Names the model.

        Raises:
            MessageError: If the digest is none.
        """
        if len(model_digest) != _DIGEST_LENGTH or not _DIGEST_LETTERS.issuperset(model_digest):
            raise MessageError("Expected a SHA-256 digest as the model's name, got something else.")
        self._path = folder / f"{model_digest}.npz"

    def write(self, scores: PatientScores) -> None:
        """Keep the scores; a reader finds all of them or none."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        stream = io.BytesIO()
        np.savez(stream, scores=scores.scores, votes=scores.votes, events=scores.events)
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        unfinished.write_bytes(stream.getvalue())
        unfinished.replace(self._path)

    def read(self) -> PatientScores:
        """Give the scores.

        Raises:
            MessageError: If this site has not scored the model.
        """
        try:
            with np.load(self._path, allow_pickle=False) as kept:
                return PatientScores(kept["scores"], kept["votes"], kept["events"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise MessageError(
                "Expected a model that this site has scored before, got another. "
                "Send its weights first."
            ) from error
