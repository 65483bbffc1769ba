"""One scale per volume, whatever the scanner's gain."""

import numpy as np
import pytest
from mr_phantom import tissues, volume

from shared.errors import PreparationError
from shared.imaging.normalise import body_mask, normalise_robust


def test_the_body_is_told_from_air():
    mask, truth = body_mask(volume(np.random.default_rng(0))), tissues() > 0
    overlap = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    assert overlap > 0.97


def test_the_body_has_mean_0_and_deviation_1():
    values = volume(np.random.default_rng(0))
    body = body_mask(values)
    scaled = normalise_robust(values, body)
    assert scaled.dtype == np.float32
    assert scaled[body].mean() == pytest.approx(0.0, abs=1e-4)
    assert scaled[body].std() == pytest.approx(1.0, abs=1e-4)


def test_gain_and_offset_of_a_scanner_disappear():
    values = volume(np.random.default_rng(0))
    body = body_mask(values)
    shifted = normalise_robust(2.5 * values + 90, body)
    assert shifted == pytest.approx(normalise_robust(values, body), abs=1e-4)


def test_a_few_bright_voxels_do_not_set_the_scale():
    values = volume(np.random.default_rng(0))
    body = body_mask(values)
    spiked = values.copy()
    spiked[10, 22, 18:22] = 1e6
    difference = normalise_robust(spiked, body) - normalise_robust(values, body)
    assert np.abs(np.delete(difference[10, 22], slice(18, 22))).max() < 0.02


@pytest.mark.parametrize("values", [np.zeros((4, 8, 8)), np.full((4, 8, 8), 7.0)])
def test_a_volume_of_one_intensity_is_refused(values):
    flat = values.astype(np.float32)
    with pytest.raises(PreparationError, match="one intensity"):
        body_mask(flat)
    with pytest.raises(PreparationError, match="one intensity"):
        normalise_robust(flat, np.ones(flat.shape, dtype=bool))


def test_a_speck_is_no_body():
    values = np.zeros((10, 40, 40), dtype=np.float32)
    values[4:6, 18:23, 18:23] = 100.0
    values[:, :2] = 1.0  # keeps the percentiles apart
    with pytest.raises(PreparationError, match="body"):
        body_mask(values)
