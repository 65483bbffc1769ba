"""A name for weights by their content: the same everywhere, whoever computes it."""

import hashlib
from collections.abc import Mapping

import numpy as np


def weights_digest(weights: Mapping[str, np.ndarray]) -> str:
    """Give the SHA-256 of named arrays, in hex; names, dtypes, shapes and bytes all count."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.data)
    return digest.hexdigest()
