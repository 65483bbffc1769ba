"""Shading of coils is removed and tissue contrast kept."""

import numpy as np
import pytest
from mr_phantom import LIVER, MUSCLE, SHAPE, tissues, volume

from shared.errors import PreparationError
from shared.imaging.bias_field import correct_bias
from shared.imaging.normalise import body_mask

SPACING_MM = (6.0, 6.0, 6.0)


def _shaded():
    _, y, x = np.indices(SHAPE)
    field = np.exp(0.35 * np.cos(np.pi * x / SHAPE[2]) + 0.25 * np.sin(np.pi * y / SHAPE[1]))
    clean = volume(np.random.default_rng(0))
    return clean, (clean * field).astype(np.float32)


def _variation(values):
    liver = values[tissues() == LIVER]
    return liver.std() / liver.mean()


def test_shading_goes_and_contrast_stays():
    clean, shaded = _shaded()
    corrected = correct_bias(shaded, body_mask(shaded), SPACING_MM)
    labels = tissues()
    contrasts = [one[labels == LIVER].mean() / one[labels == MUSCLE].mean()
                 for one in (clean, corrected)]  # fmt: skip
    assert _variation(corrected) < 0.5 * _variation(shaded)
    assert contrasts[1] == pytest.approx(contrasts[0], rel=0.1)


def test_negative_intensities_are_refused():
    values = volume(np.random.default_rng(0)) - 100
    with pytest.raises(PreparationError, match="before normalising"):
        correct_bias(values, np.ones(SHAPE, dtype=bool), SPACING_MM)


def test_an_empty_body_is_refused():
    with pytest.raises(PreparationError, match="No body is seen"):
        correct_bias(volume(np.random.default_rng(0)), np.zeros(SHAPE, dtype=bool), SPACING_MM)
