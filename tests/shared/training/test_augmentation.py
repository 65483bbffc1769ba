import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage

from shared.imaging.augment import (
    AugmentationDraw,
    AugmentationRanges,
    GeometryRanges,
    draw_augmentation,
    draw_geometry,
)
from shared.training.augmentation import apply_augmentation, apply_geometry

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


HELD = GeometryRanges(shift=0, rotation_degrees=0, enlargement=1, flips=False)


def moved(images: torch.Tensor, **values: float) -> torch.Tensor:
    still = draw_geometry(np.random.default_rng(0), len(images), HELD)
    kinds = {"flipped": bool}
    arrays = {
        name: np.full(len(images), value, dtype=kinds.get(name, np.float32))
        for name, value in values.items()
    }
    return apply_geometry(images, dataclasses.replace(still, **arrays))


def test_a_geometry_of_nothing_changes_nothing():
    images = smooth_images()
    torch.testing.assert_close(moved(images), images, atol=1e-5, rtol=0)


def test_a_flip_exchanges_left_and_right_and_nothing_else():
    images = smooth_images(2, 3, 30, 50)
    torch.testing.assert_close(moved(images, flipped=True), images.flip(-1), atol=1e-5, rtol=0)


def test_a_shift_moves_down_and_right_and_brings_in_air():
    images = smooth_images(1, 2, 40, 60) - 3
    shifted = moved(images, shift_down=0.1, shift_right=0.2)
    torch.testing.assert_close(shifted[..., 4:, 12:], images[..., :-4, :-12], atol=1e-4, rtol=0)
    for plane, before in zip(shifted[0], images[0], strict=True):
        # Each plane has its own air.
        torch.testing.assert_close(plane[:4], before.min().expand(4, 60))
        torch.testing.assert_close(plane[:, :12], before.min().expand(40, 12))


def test_an_enlargement_of_two_shows_the_middle_half():
    images = smooth_images(1, 1, 40, 60)
    middle = images[:, :, 10:30, 15:45]
    expected = torch.nn.functional.interpolate(middle, scale_factor=2, mode="bilinear")
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(
        moved(images, enlargement=2.0)[inner], expected[inner], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("shape", [(48, 48), (40, 60)])
def test_a_turn_is_that_of_the_other_augmentation(shape):
    images = smooth_images(1, 2, *shape)
    inner = (..., slice(12, -12), slice(12, -12))
    torch.testing.assert_close(
        moved(images, rotation_degrees=12.0)[inner],
        changed(images, rotation_degrees=12.0)[inner],
        atol=1e-4,
        rtol=0,
    )


def test_mirroring_comes_first_and_shifting_last():
    # A corner of the upper left that is mirrored, enlarged about the centre and shifted down.
    images = torch.zeros(1, 1, 40, 40)
    images[..., 10:14, 10:14] = 1
    place = moved(images, flipped=True, enlargement=2.0, shift_down=0.25)[0, 0] > 0.5
    rows, columns = place.nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (10, 17)
    assert (columns.min(), columns.max()) == (32, 39)


def test_all_sequences_of_a_slice_move_together_and_slices_apart():
    images = smooth_images(1, 1).repeat(2, 5, 1, 1)
    turned = apply_geometry(images, draw_geometry(np.random.default_rng(2), 2))
    torch.testing.assert_close(turned[:, 0], turned[:, 4])
    assert not torch.allclose(turned[0], turned[1], atol=1e-3)


def test_moved_values_stay_between_air_and_the_brightest():
    images = torch.randn(6, 5, 32, 48, generator=torch.Generator().manual_seed(0)) - 1
    turned = apply_geometry(images, draw_geometry(np.random.default_rng(3), 6))
    assert (turned.amin(dim=(2, 3)) >= images.amin(dim=(2, 3)) - 1e-5).all()
    assert (turned.amax(dim=(2, 3)) <= images.amax(dim=(2, 3)) + 1e-5).all()
