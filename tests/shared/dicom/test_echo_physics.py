"""Echo times of common protocols and what fat and water do at them."""

import pytest

from shared.dicom.echo_physics import FatWater, fat_water, fat_water_cycles
from shared.dicom.mr_parameters import MrParameters


@pytest.mark.parametrize(
    ("field_tesla", "echo_ms", "state"),
    [
        (3.0, 1.15, FatWater.OPPOSED),
        (3.0, 2.3, FatWater.IN_PHASE),
        (1.5, 2.3, FatWater.OPPOSED),
        (1.5, 4.6, FatWater.IN_PHASE),
        (1.0, 6.9, FatWater.IN_PHASE),
        (1.0, 7.99, FatWater.IN_PHASE),  # the second echo of a real dual-echo liver series
        (3.0, 0.2, FatWater.BETWEEN),  # nothing has happened yet
    ],
)
def test_echo_time_and_field_tell_the_state(field_tesla, echo_ms, state):
    cycles = fat_water_cycles(echo_ms, MrParameters(field_tesla=field_tesla))
    assert cycles is not None
    assert fat_water(cycles) is state


def test_the_frequency_is_believed_before_the_nominal_field():
    # A nominal 3 T magnet of 2.89 T: DICOM says 3.
    cycles = fat_water_cycles(5.19, MrParameters(field_tesla=3.0, frequency_mhz=123.255762))
    assert cycles == pytest.approx(2.175, abs=1e-3)


@pytest.mark.parametrize("mr", [MrParameters(), MrParameters(field_tesla=0.0)])
def test_without_a_field_nothing_is_said(mr):
    assert fat_water_cycles(2.3, mr) is None
