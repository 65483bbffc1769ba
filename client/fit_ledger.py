"""What this site has answered about each fit: the cap on gradients that the server cannot lift.

Gradients of one fit in one secret basis may be asked for so often and no more; with enough of them
a server could solve for patients' rows. A basis is turned back for one model only: a second point
would begin to show the basis itself. Both are counted here, on disk and before the answer, so that
neither a restart nor an answer that got lost gives a question back.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from shared.errors import DataError, DisclosureError, Refusal

FILE_NAME = "fits.json"
MOST_GRADIENTS = 33
"""Per fit and salt: as many as a linear model of 32 features has coordinates."""

_GRADIENTS, _MODEL = "gradients", "model"


class FitLedger:
    """The site's count of answers per fit; fits are kept under the digest of their label."""

    def __init__(self, work_dir: Path, most: int = MOST_GRADIENTS) -> None:
        """Prepare; the file appears with the first count.

        Args:
            work_dir: The site's work folder.
            most: Gradients per fit.
        """
        self._path = work_dir / FILE_NAME
        self._most = most

    def spend_gradients(self, labels: Iterable[str]) -> None:
        """Count one gradient for each of several fits, all or none.

        A label that is named twice is two gradients.

        Raises:
            DisclosureError: If one of them has none left.
            DataError: If the ledger is damaged.
        """
        with self._open() as fits:
            for label in labels:
                fit = fits.setdefault(_key(label), {})
                spent = int(fit.get(_GRADIENTS, 0))
                if spent >= self._most:
                    raise DisclosureError(
                        f"Expected at most {self._most} gradients of one fit, got a question for "
                        "more. Start the fit again with a new salt.",
                        refusal=Refusal.SPENT,
                    )
                fit[_GRADIENTS] = spent + 1

    def spend_model(self, label: str, point: Float64[np.ndarray, " _"]) -> None:
        """Count the one point of a fit that is turned back; the same point may be asked again.

        Raises:
            DisclosureError: If another point of this fit was turned back before.
            DataError: If the ledger is damaged.
        """
        digest = hashlib.sha256(np.ascontiguousarray(point).tobytes()).hexdigest()
        with self._open() as fits:
            fit = fits.setdefault(_key(label), {})
            if fit.setdefault(_MODEL, digest) != digest:
                raise DisclosureError(
                    "Expected one model of a fit to be turned back, got a question for another. "
                    "Start the fit again with a new salt.",
                    refusal=Refusal.SPENT,
                )

    @contextmanager
    def _open(self) -> Iterator[dict[str, dict[str, int | str]]]:
        """Give the counts to change; what an exception leaves is not written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at one site may count at once
            fits = self._read()
            yield fits
            self._write(fits)

    def _read(self) -> dict[str, dict[str, int | str]]:
        try:
            fits = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise DataError(
                f"Expected {FILE_NAME} as this site wrote it, got a damaged file. "
                "Restore it from a backup; without it nothing about a fit is answered."
            ) from error
        return fits if isinstance(fits, dict) else {}

    def _write(self, fits: dict[str, dict[str, int | str]]) -> None:
        unfinished = self._path.with_name(f".{FILE_NAME}.{os.getpid()}")
        with unfinished.open("w", encoding="utf-8") as stream:
            json.dump(fits, stream)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(self._path)


def _key(label: str) -> str:
    # The server chooses labels; a digest keeps the file's keys short and plain.
    return hashlib.sha256(label.encode()).hexdigest()
