"""One scale per volume, whatever the scanner's gain."""

import numpy as np
import pytest
from mr_phantom import FAT, SHAPE, tissues, volume

from shared.errors import PreparationError
from shared.imaging.normalise import body_mask, normalise_robust, volume_scale


def test_the_body_is_told_from_air():
    mask, truth = body_mask(volume(np.random.default_rng(0))), tissues() > 0
    overlap = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
    assert overlap > 0.97


@pytest.mark.parametrize("fat", [0.15, 0.25, 1.4])
@pytest.mark.parametrize("blank", ["nothing", "corners", "all air"])
def test_the_body_is_the_same_however_dark_its_fat_is_and_whatever_air_is_blank(fat, blank):
    truth = tissues() > 0
    values = volume(np.random.default_rng(0))
    values[tissues() == FAT] *= fat
    _, y, x = np.indices(SHAPE)
    outside = ((x - 31.5) / 36) ** 2 + ((y - 23.5) / 27) ** 2 > 1
    values[{"nothing": False, "corners": outside, "all air": ~truth}[blank]] = 0.0
    mask = body_mask(values)
    assert (mask & truth).sum() > 0.96 * truth.sum()
    assert (mask & ~truth).sum() < 0.03 * truth.sum()


def test_the_scale_of_a_volume_does_not_depend_on_its_matrix():
    values = volume(np.random.default_rng(0))
    fine = values.repeat(2, axis=1).repeat(2, axis=2)
    assert volume_scale(fine, (1.5, 1.5)) == volume_scale(values, (3.0, 3.0))


def test_air_becomes_the_lowest_value_of_the_scale():
    values = volume(np.random.default_rng(0))
    scale = volume_scale(values, (5.0, 5.0))
    assert scale.apply(values).min() == pytest.approx(scale.lowest)
    assert scale.apply(np.zeros((1, 1, 1), np.float32)).item() == pytest.approx(scale.lowest)


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
    values[:, :, :1] = 1.0  # keeps the percentiles apart
    with pytest.raises(PreparationError, match="body"):
        body_mask(values)
