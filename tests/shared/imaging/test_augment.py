import numpy as np

from shared.imaging.augment import (
    AugmentationRanges,
    GeometryRanges,
    draw_augmentation,
    draw_geometry,
)


def draw(batch=2000, ranges=None, seed=0):
    return draw_augmentation(np.random.default_rng(seed), batch, ranges)


def test_rotation_reaches_but_never_passes_20_degrees():
    # Liao 2024, section 2.4: -20 to 20 degrees.
    angles = draw().rotation_degrees
    assert angles.min() >= -20
    assert angles.max() <= 20
    assert angles.min() < -19
    assert angles.max() > 19


def test_about_half_of_the_slices_stay_sharp():
    assert 0.45 < (draw().blur_sigma_pixels == 0).mean() < 0.55


def test_noise_is_never_below_zero_and_contrast_centres_on_one():
    drawn = draw()
    assert drawn.noise.min() >= 0
    assert abs(drawn.contrast.mean() - 1) < 0.01


def test_ranges_of_zero_change_nothing():
    still = draw(8, AugmentationRanges(0, 0, 0, 0, 0))
    for values in (still.rotation_degrees, still.blur_sigma_pixels, still.brightness, still.noise):
        assert not values.any()
    assert (still.contrast == 1).all()


def test_the_same_seed_draws_the_same():
    first, second = draw(4), draw(4)
    np.testing.assert_array_equal(first.rotation_degrees, second.rotation_degrees)
    assert first.noise_seed == second.noise_seed


def test_ranges_do_not_move_later_draws():
    wide, narrow = np.random.default_rng(1), np.random.default_rng(1)
    draw_augmentation(wide, 4)
    draw_augmentation(narrow, 4, AugmentationRanges(0, 0, 0, 0, 0))
    assert wide.random() == narrow.random()


def test_geometry_reaches_but_never_passes_its_ranges():
    drawn = draw_geometry(np.random.default_rng(0), 2000)
    for values, limit in (
        (drawn.shift_down, 0.1),
        (drawn.shift_right, 0.1),
        (drawn.rotation_degrees, 15),
        (drawn.enlargement - 1, 0.2),
    ):
        assert 0.95 * limit < np.abs(values).max() <= limit * (1 + 1e-5)
    assert drawn.enlargement.min() >= 1
    assert 0.45 < drawn.flipped.mean() < 0.55


def test_geometry_of_no_range_moves_nothing_and_draws_as_much():
    wide, narrow = np.random.default_rng(1), np.random.default_rng(1)
    draw_geometry(wide, 4)
    still = draw_geometry(narrow, 4, GeometryRanges(0, 0, 1, flips=False))
    for values in (still.shift_down, still.shift_right, still.rotation_degrees, still.flipped):
        assert not values.any()
    assert (still.enlargement == 1).all()
    assert wide.random() == narrow.random()
