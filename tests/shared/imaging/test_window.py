"""Hounsfield units to [0, 1]."""

import numpy as np
import pytest

from shared.errors import PreparationError
from shared.imaging.window import apply_window


def test_the_published_window_maps_minus_200_to_0_and_200_to_1():
    values = np.array([-1024, -200, 0, 200, 3000], dtype=np.float32)
    assert apply_window(values, 0.0, 400.0).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_the_input_is_left_alone():
    values = np.array([100.0], dtype=np.float32)
    apply_window(values, 40.0, 400.0)
    assert values.tolist() == [100.0]


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_window_without_width_is_refused(width):
    with pytest.raises(PreparationError, match="above 0 HU"):
        apply_window(np.zeros(1, dtype=np.float32), 0.0, width)
