import numpy as np

from shared.explain.overlay import body_mask, colour_of, overlay


def slice_with_a_body() -> np.ndarray:
    image = np.zeros((32, 32))
    image[4:28, 6:26] = 0.5
    image[12:16, 12:16] = 0.0  # air inside
    image[0:2, 0:2] = 0.9  # the table
    return image


def test_the_body_is_the_largest_region_with_the_air_inside_it():
    mask = body_mask(slice_with_a_body())
    assert mask[13, 13]
    assert not mask[0, 0]
    assert mask.sum() == 24 * 20


def test_a_slice_of_air_has_no_body():
    assert not body_mask(np.zeros((8, 8))).any()


def test_without_heat_the_slice_stays_grey():
    image = slice_with_a_body()
    picture = overlay(image, np.zeros((32, 32)))
    for channel in range(3):
        np.testing.assert_array_equal(picture[..., channel], np.rint(image * 255))


def test_heat_outside_the_body_is_not_drawn():
    picture = overlay(slice_with_a_body(), np.ones((32, 32)))
    np.testing.assert_array_equal(picture[2, 2], [0, 0, 0])
    np.testing.assert_array_equal(picture[0, 0], [230, 230, 230])


def test_heat_in_the_body_is_coloured_and_lets_the_tissue_through():
    bright, dark = slice_with_a_body(), slice_with_a_body() * 0.5
    hot = np.full((32, 32), 0.6)
    red, _, blue = overlay(bright, hot)[20, 20].astype(int)
    assert red > blue + 50
    assert (overlay(bright, hot)[20, 20] > overlay(dark, hot)[20, 20]).all()


def test_colours_brighten_with_heat_so_that_grey_prints_keep_the_order():
    luminance = colour_of(np.linspace(0, 1, 50)) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all()
