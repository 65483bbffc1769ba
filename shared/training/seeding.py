"""Independent generators from words and numbers, the same on every machine and in every order."""

import hashlib

import numpy as np

_SEED_BYTES = 16  # 128 bits: what numpy recommends as the entropy of a SeedSequence


def derive_generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """Derive a generator for one purpose.

    Different purposes give independent streams, so that adding a site, a round or a draw
    elsewhere changes nothing here. Python's own ``hash`` differs between processes; SHA-256
    does not.

    Args:
        seed: Of the run.
        purpose: What the numbers serve for: a stage's name, a round, a site's name. The kind of
            each word counts: ``1`` and ``"1"`` differ.

    Returns:
        A fresh generator.
    """
    digest = hashlib.sha256()
    for part in (seed, *purpose):
        word = f"{type(part).__name__}:{part}".encode()
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(len(word).to_bytes(8, "big") + word)
    return np.random.default_rng(int.from_bytes(digest.digest()[:_SEED_BYTES], "big"))


def training_generator(seed: int, round_number: int, site: str) -> np.random.Generator:
    """Derive the generator of one site's local training in one round.

    Args:
        seed: Of the run.
        round_number: Federated round, from 1.
        site: The site's name.

    Returns:
        A fresh generator.
    """
    return derive_generator(seed, "training", round_number, site)


def torch_seed(rng: np.random.Generator) -> int:
    """Draw a seed for a torch generator.

    Args:
        rng: Advances by one draw.

    Returns:
        A number in [0, 2**63).
    """
    return int(rng.integers(2**63))
