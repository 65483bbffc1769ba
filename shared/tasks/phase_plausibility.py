"""Hold the phases that headers claim against what the pixels show."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from jaxtyping import Float32

from shared.errors import PreparationError, Problem
from shared.imaging.enhancement import (
    LARGEST_PLAIN_LIVER_HU,
    SMALLEST_PORTAL_LIVER_HU,
    liver_peak_hu,
)
from shared.imaging.slices import spread_evenly
from shared.vocabulary import CtPhase

SMALLEST_PORTAL_GAIN_HU = 10.0
"""By which a portal liver must exceed the plain one; usual gains are 40 to 70 HU."""

_SLICES_LOOKED_AT = 8  # enough for a stable peak; looking at all would cost more than decoding


def check_enhancement(
    values_hu: Float32[np.ndarray, "slice phase height width"],
    phases: Sequence[CtPhase],
    pixel_mm: float,
    confirmed: AbstractSet[CtPhase],
) -> tuple[str, ...]:
    """Check that livers are as bright as their phases claim.

    Args:
        values_hu: Aligned slices of the liver range.
        phases: What the phase axis claims.
        pixel_mm: Pixel size.
        confirmed: Phases that a person confirmed; for them a contradiction is only a notice.

    Returns:
        Notices.

    Raises:
        PreparationError: With one problem per phase that the pixels contradict.
    """
    some = spread_evenly(np.arange(len(values_hu)), _SLICES_LOOKED_AT)
    peaks = {
        phase: liver_peak_hu(np.ascontiguousarray(values_hu[some, index]), pixel_mm)
        for index, phase in enumerate(phases)
    }
    problems = list(_contradictions(peaks))
    disputed = [p for p, phase in problems if phase not in confirmed]
    if disputed:
        raise PreparationError("The images do not look like the phases they claim.", disputed)
    notices = [f"Confirmed by a person all the same: {p.sentence()}" for p, _ in problems]
    notices += [
        f"{phase} phase: too little soft tissue to check the contrast."
        for phase, peak in peaks.items()
        if peak is None
    ]
    return tuple(notices)


def _contradictions(peaks: dict[CtPhase, float | None]) -> list[tuple[Problem, CtPhase]]:
    found: list[tuple[Problem, CtPhase]] = []
    plain, portal = peaks.get(CtPhase.PLAIN), peaks.get(CtPhase.PORTAL)
    if plain is not None and plain > LARGEST_PLAIN_LIVER_HU:
        expected = f"a liver of at most {LARGEST_PLAIN_LIVER_HU:.0f} HU"
        found.append((_problem(CtPhase.PLAIN, plain, expected), CtPhase.PLAIN))
    if portal is not None and portal < SMALLEST_PORTAL_LIVER_HU:
        expected = f"a liver of at least {SMALLEST_PORTAL_LIVER_HU:.0f} HU"
        found.append((_problem(CtPhase.PORTAL, portal, expected), CtPhase.PORTAL))
    elif plain is not None and portal is not None and portal < plain + SMALLEST_PORTAL_GAIN_HU:
        expected = f"a liver at least {SMALLEST_PORTAL_GAIN_HU:.0f} HU above the plain phase"
        found.append((_problem(CtPhase.PORTAL, portal, expected), CtPhase.PORTAL))
    return found


def _problem(phase: CtPhase, peak: float, expected: str) -> Problem:
    return Problem(
        f"{phase} phase",
        f"a liver of about {peak:.0f} HU",
        expected,
        f"Look at the images; if the phase is right, write its series number into {phase}_series.",
    )
