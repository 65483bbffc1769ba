"""Whether fat and water signals add or cancel at an echo, from echo time and field strength.

Fat's protons precess 3.4 ppm slower than water's. Whole cycles of difference put them in phase,
half cycles oppose them (Dixon, Radiology 1984;153:189; 3.4 ppm: Ma, JMRI 2008;28:543).
"""

from enum import StrEnum

from shared.dicom.mr_parameters import MrParameters

_FAT_SHIFT = 3.4e-6
_MHZ_PER_TESLA = 42.577
"""Gyromagnetic ratio of the proton over 2 pi."""

_NEAR_WHOLE = 0.2
_NEAR_HALF = 0.3
"""Between a fifth and three tenths of a cycle the echo is neither."""


class FatWater(StrEnum):
    """How fat and water stand to each other at an echo."""

    IN_PHASE = "in phase"
    OPPOSED = "opposed"
    BETWEEN = "between in and opposed phase"


def fat_water_cycles(echo_ms: float | None, mr: MrParameters) -> float | None:
    """Count the cycles by which fat lags behind water at an echo.

    Args:
        echo_ms: Echo time.
        mr: Names the protons' frequency or, less exactly, the field.

    Returns:
        Cycles, or None where the header lacks one of the two.
    """
    frequency_mhz = mr.frequency_mhz
    if frequency_mhz is None and mr.field_tesla is not None:
        frequency_mhz = mr.field_tesla * _MHZ_PER_TESLA
    if echo_ms is None or frequency_mhz is None or echo_ms <= 0 or frequency_mhz <= 0:
        return None
    return echo_ms * 1e-3 * _FAT_SHIFT * frequency_mhz * 1e6


def fat_water(cycles: float) -> FatWater:
    """Say what a number of cycles means for the signal."""
    off = abs(cycles - round(cycles))
    # Before a quarter of a cycle nothing has happened yet: that is no in-phase echo.
    if off > _NEAR_HALF:
        return FatWater.OPPOSED
    return FatWater.IN_PHASE if off < _NEAR_WHOLE and round(cycles) > 0 else FatWater.BETWEEN
