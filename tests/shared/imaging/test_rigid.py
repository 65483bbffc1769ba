"""Registration finds a known motion between two phases, or says that it did not."""

import numpy as np
import pytest
from rigid_phantom import error_mm, motion, phases, seen_elsewhere

from shared.imaging.rigid import register_rigid


def _tissue(values):
    return np.clip(values, -160.0, 240.0).astype(np.float32)


@pytest.mark.parametrize(
    ("number", "angles_degrees", "shift_mm"),
    [
        (0, (2.0, -3.0, 4.0), (10.0, -8.0, 30.0)),
        (1, (0.0, 0.0, 6.0), (-20.0, 15.0, -90.0)),
        (2, (-4.0, 2.0, -2.0), (300.0, 100.0, -500.0)),
    ],
)
def test_a_known_motion_between_two_phases_is_found(number, angles_degrees, shift_mm):
    portal, arterial, at = phases(number)
    true = motion(angles_degrees, shift_mm)
    shown, there = seen_elsewhere(arterial, at, true)
    found = register_rigid(_tissue(portal), at, _tissue(shown), there)
    assert error_mm(found.motion, true, at) < 2.0  # half a pixel, a third of a slice
    assert found.trusted()
    assert not found.still()
    assert found.information_after > 1.2 * found.information_before


def test_volumes_that_already_lie_on_each_other_are_left_alone():
    portal, arterial, at = phases(3)
    found = register_rigid(_tissue(portal), at, _tissue(arterial), at)
    assert found.still()
    assert found.trusted()


def test_a_volume_of_noise_is_not_trusted():
    portal, _, at = phases(0)
    noise = np.random.default_rng(0).uniform(-160, 240, portal.shape).astype(np.float32)
    assert not register_rigid(_tissue(portal), at, noise, at).trusted()


def test_the_same_volumes_give_the_same_motion():
    portal, arterial, at = phases(0)
    shown, there = seen_elsewhere(arterial, at, motion((0.0, 0.0, 3.0), (5.0, 5.0, 5.0)))
    one, other = (
        register_rigid(_tissue(portal), at, _tissue(shown), there).motion for _ in range(2)
    )
    assert error_mm(one, other, at) < 1e-3
