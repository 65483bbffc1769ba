"""A secret basis: sites rotate their features alike, so that the server sees no clinical axis.

The penalty and the inner products of a linear model do not change under a rotation, so neither
does the fitted model. It hides the meaning of what an attack on the sums may recover; it stands
beside masked sums, not in their place, because a site that sides with the server gives it away.
"""

import hashlib

import numpy as np
from jaxtyping import Float64
from scipy import special

from shared.errors import DataError

SHORTEST_SECRET = 16
"""Bytes; 128 bits cannot be guessed."""


def rotation(secret: bytes, label: str, size: int) -> Float64[np.ndarray, "coordinate coordinate"]:
    """Draw a random orthogonal matrix that every holder of the secret draws alike.

    Normal numbers from the secret and the label, made orthogonal, signs fixed: uniform on the
    orthogonal group (Mezzadri 2007, Notices of the AMS 54). The bits come from SHAKE-256 and not
    from a library's generator, whose stream could change with its version.

    Args:
        secret: Known to the sites, not to the server; at least 16 bytes.
        label: Names the fit, so that every fit has its own basis.
        size: Number of coordinates.

    Returns:
        The matrix R; a row x of features becomes R x.

    Raises:
        DataError: When the secret is too short.
    """
    if len(secret) < SHORTEST_SECRET:
        raise DataError(
            f"Expected a rotation secret of at least {SHORTEST_SECRET} bytes, got {len(secret)}. "
            "Give every site the same 32 random bytes, and the server none."
        )
    material = hashlib.shake_256(b"rotation\0" + secret + b"\0" + label.encode())
    words = np.frombuffer(material.digest(8 * size * size), dtype="<u8")
    # 53 bits, centred in their cell: never 0 or 1, where the normal quantile is infinite.
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    orthogonal, triangle = np.linalg.qr(special.ndtri(uniform).reshape(size, size))
    return np.asarray(orthogonal * np.sign(np.diagonal(triangle)))


def secret_check(secret: bytes, salt: str) -> str:
    """Give a digest that tells whether sites hold the same secret, and nothing else of it."""
    return hashlib.sha256(b"check\0" + secret + b"\0" + salt.encode()).hexdigest()
