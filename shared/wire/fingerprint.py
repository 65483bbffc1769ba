"""Digests that let two ends check that they hold the same code and the same weights."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

_PACKAGES = ("shared", "client")


@cache
def code_digest() -> str:
    """Give the SHA-256 of the source of ``shared`` and ``client`` as they run here, in hex.

    Server and sites compare it, because Flower's simulation can run another checkout's client
    code without a word, and because an installed site may lag behind the coordinator. Computed
    once per process.
    """
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    files = (file for package in _PACKAGES for file in (root / package).rglob("*.py"))
    for file in sorted(files, key=lambda file: file.relative_to(root).as_posix()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def weights_digest(weights: Mapping[str, np.ndarray]) -> str:
    """Give the SHA-256 of named arrays, in hex; names, dtypes, shapes and bytes all count."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.data)
    return digest.hexdigest()
