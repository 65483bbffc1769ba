"""A run's table at a site: image features and clinical columns of the patients of each fold.

Kept from the moment on that the features are computed, so that all later answers of the run are
about the same patients and values, and need no images. One file per fold, readable by its owner
only and, like the prepared images, encrypted with AES-256-GCM (NIST SP 800-38D) unless the site
chose otherwise. Encrypted, run and fold are authenticated with the content, so that no file can
stand in for another.
"""

import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jaxtyping import Float64, Int64

from client.secret_keys import cache_secret
from client.site_settings import SiteSettings
from shared.errors import MessageError

_NAME_LETTERS = frozenset("0123456789abcdef")
_NAME_LENGTH = 32
_NONCE_BYTES = 12  # SP 800-38D, 8.2.2: random nonces of 96 bits serve 2^32 files per key


@dataclass(frozen=True)
class FoldTable:
    """The patients whom a fold left out; never leaves the site.

    Attributes:
        cases: Case numbers, rising.
        columns: Clinical and image columns by name; NaN is missing.
        model_digest: Names the network that made the image columns.
    """

    cases: Int64[np.ndarray, " patient"]
    columns: Mapping[str, Float64[np.ndarray, " patient"]]
    model_digest: str


class KeptFeatures:
    """The files of one run at one site."""

    def __init__(self, work_dir: Path, run: str, secret: bytes | None) -> None:
        """Prepare; nothing is read or written.

        Args:
            work_dir: The site's work folder.
            run: Names the run.
            secret: 32 bytes; None keeps the files unencrypted.

        Raises:
            MessageError: If the name is none; it becomes a folder's name.
        """
        if len(run) != _NAME_LENGTH or not _NAME_LETTERS.issuperset(run):
            raise MessageError(
                f"Expected {_NAME_LENGTH} hexadecimal digits as the run's name, got something "
                "else. Run the same version everywhere."
            )
        self._run, self._secret = run, secret
        self._folder = work_dir / "features" / run

    def write(self, fold: int, table: FoldTable) -> None:
        """Keep a fold; a reader finds all of it or nothing.

        Args:
            fold: Number of the fold.
            table: Its patients; they replace earlier ones.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream = io.BytesIO()
        np.savez(
            stream,
            cases=table.cases,
            model=np.array(table.model_digest),
            names=np.array(list(table.columns)),
            values=np.array(list(table.columns.values()), dtype=np.float64),
        )
        path = self._path(fold)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._sealed(fold, stream.getvalue()))
        draft.replace(path)

    def read(self, fold: int) -> FoldTable | None:
        """Give a fold.

        Args:
            fold: Number of the fold.

        Returns:
            Its patients; None where there is nothing that this site can read, so that the
            features are computed again.
        """
        try:
            content = self._opened(fold, self._path(fold).read_bytes())
            with np.load(io.BytesIO(content), allow_pickle=False) as kept:
                columns = dict(zip(kept["names"].tolist(), kept["values"], strict=True))
                return FoldTable(kept["cases"], columns, str(kept["model"]))
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, InvalidTag):
            return None

    def _path(self, fold: int) -> Path:
        return self._folder / f"fold-{fold:02d}.features"

    def _name(self, fold: int) -> bytes:
        return f"image features {self._run} {fold}".encode()

    def _sealed(self, fold: int, content: bytes) -> bytes:
        if self._secret is None:
            return content
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._secret).encrypt(nonce, content, self._name(fold))

    def _opened(self, fold: int, raw: bytes) -> bytes:
        if self._secret is None:
            return raw
        return AESGCM(self._secret).decrypt(
            raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], self._name(fold)
        )


def kept_features(site: SiteSettings, run: str) -> KeptFeatures:
    """Give a run's table at a site, encrypted as the site's prepared images are.

    Args:
        site: The hospital's settings.
        run: Names the run.

    Raises:
        MessageError: If the name is none.
        SettingsError: If the key cannot be read.
    """
    secret, _ = cache_secret(site)
    return KeptFeatures(site.work, run, secret)
