"""Holders of one secret draw one orthogonal matrix per fit; nobody else does."""

import numpy as np
import pytest

from shared.errors import DataError
from shared.fusion.rotation import rotation, secret_check

SECRET = b"thirty-two random bytes, or more"


@pytest.mark.parametrize("size", [1, 2, 33])
def test_the_matrix_is_orthogonal(size):
    basis = rotation(SECRET, "fit", size)
    np.testing.assert_allclose(basis @ basis.T, np.eye(size), atol=1e-14)


def test_the_same_secret_and_label_give_the_same_matrix():
    assert rotation(SECRET, "fit", 5).tolist() == rotation(SECRET, "fit", 5).tolist()


@pytest.mark.parametrize(
    "other", [(SECRET, "another fit", 33), (b"another secret of 32 bytes length", "fit", 33)]
)
def test_another_secret_or_label_gives_an_unrelated_matrix(other):
    assert np.abs(rotation(SECRET, "fit", 33) @ rotation(*other).T).max() < 0.9


def test_directions_are_spread_over_the_sphere():
    firsts = np.array([rotation(SECRET, str(k), 3)[0] for k in range(800)])
    np.testing.assert_allclose(firsts.mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose(firsts.T @ firsts / 800, np.eye(3) / 3, atol=0.06)


def test_a_short_secret_is_refused():
    with pytest.raises(DataError, match="at least 16 bytes"):
        rotation(b"too short", "fit", 3)


def test_the_check_tells_secrets_apart():
    assert secret_check(SECRET, "run") == secret_check(SECRET, "run")
    assert secret_check(SECRET, "run") != secret_check(SECRET + b"!", "run")
    assert secret_check(SECRET, "run") != secret_check(SECRET, "another run")
