import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage

from shared.imaging.augment import AugmentationDraw, AugmentationRanges, draw_augmentation
from shared.training.augmentation import apply_augmentation

STILL = AugmentationRanges(0, 0, 0, 0, 0)


def nothing(batch=1) -> AugmentationDraw:
    return draw_augmentation(np.random.default_rng(0), batch, STILL)


def changed(images: torch.Tensor, **values: float) -> torch.Tensor:
    arrays = {name: np.full(len(images), v, dtype=np.float32) for name, v in values.items()}
    return apply_augmentation(images, dataclasses.replace(nothing(len(images)), **arrays))


def smooth_images(batch=2, phases=3, height=40, width=40) -> torch.Tensor:
    noise = np.random.default_rng(1).random((batch, phases, height, width))
    smooth = ndimage.gaussian_filter(noise, (0, 0, 2, 2))
    return torch.from_numpy(smooth.astype(np.float32))


def test_a_draw_of_nothing_changes_nothing():
    images = smooth_images()
    torch.testing.assert_close(apply_augmentation(images, nothing(2)), images, atol=1e-5, rtol=0)


def test_rotation_by_a_quarter_turn_is_exact():
    images = smooth_images()
    turned = changed(images, rotation_degrees=90.0)
    torch.testing.assert_close(turned, torch.rot90(images, 1, dims=(2, 3)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(48, 48), (40, 60)])
def test_rotation_agrees_with_scipy_also_in_slices_that_are_not_square(shape):
    images = smooth_images(1, 1, *shape)
    turned = changed(images, rotation_degrees=15.0)[0, 0].numpy()
    reference = ndimage.rotate(images[0, 0].numpy(), 15.0, reshape=False, order=1)
    inner = (slice(12, -12), slice(12, -12))
    np.testing.assert_allclose(turned[inner], reference[inner], atol=1e-4)


def test_blur_agrees_with_scipy():
    images = smooth_images(1, 2)
    blurred = changed(images, blur_sigma_pixels=0.8)[0].numpy()
    reference = ndimage.gaussian_filter(
        images[0].numpy(), (0, 0.8, 0.8), mode="nearest", radius=(0, 3, 3)
    )
    np.testing.assert_allclose(blurred, reference, atol=1e-5)


def test_each_slice_has_its_own_blur():
    images = smooth_images(2, 1)
    draw = dataclasses.replace(nothing(2), blur_sigma_pixels=np.float32([0, 1]))
    sharp, blurred = apply_augmentation(images, draw)
    torch.testing.assert_close(sharp, images[0], atol=1e-5, rtol=0)
    assert not torch.allclose(blurred, images[1], atol=1e-3)


def test_contrast_and_brightness_act_on_the_distance_to_mid_grey():
    images = torch.full((1, 1, 8, 8), 0.6)
    torch.testing.assert_close(
        changed(images, contrast=1.1, brightness=0.05), torch.full((1, 1, 8, 8), 0.66)
    )


def test_noise_has_the_drawn_spread_and_differs_between_phases():
    images = torch.full((1, 2, 128, 128), 0.5)
    noisy = changed(images, noise=0.02)
    assert abs(float(noisy.std()) - 0.02) < 0.001
    assert not torch.equal(noisy[0, 0], noisy[0, 1])


def test_all_phases_of_a_slice_turn_together():
    images = smooth_images(1, 1).repeat(1, 3, 1, 1)
    ranges = dataclasses.replace(AugmentationRanges(), noise=0)
    turned = apply_augmentation(images, draw_augmentation(np.random.default_rng(2), 1, ranges))
    assert not torch.allclose(turned, images, atol=1e-3)
    torch.testing.assert_close(turned[:, 0], turned[:, 1])
    torch.testing.assert_close(turned[:, 0], turned[:, 2])


def test_values_stay_in_the_window_and_the_seed_repeats_them():
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)).round()
    draw = draw_augmentation(np.random.default_rng(3), 8)
    first, again = apply_augmentation(images, draw), apply_augmentation(images, draw)
    assert torch.equal(first, again)
    assert first.min() >= 0
    assert first.max() <= 1
