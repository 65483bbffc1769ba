"""Let phases meet in the patient: by coordinates, or by a rigid registration that was asked for.

Phases of one frame of reference share their coordinates and are never registered: breathing moves
organs against each other, and a rigid motion cannot follow it.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32

from shared.dicom.geometry import VolumeGeometry
from shared.errors import PreparationError
from shared.imaging.resample import PlaneStack
from shared.imaging.rigid import (
    LARGEST_DISAGREEMENT_MM,
    SMALLEST_GAIN,
    Registration,
    RigidMotion,
    register_rigid,
)
from shared.tasks.phase_selection import PhaseVolume
from shared.tasks.volume_grid import coarse_view
from shared.vocabulary import CtPhase

_COARSE_MM = 4.0
_TISSUE_HU = (-160.0, 240.0)
"""Fat to enhanced vessels and the edges of bone: what phases have in common."""


def align_phases(
    volumes: Mapping[CtPhase, PhaseVolume],
    reference: CtPhase,
    notices: list[str],
    *,
    registration: bool,
) -> dict[CtPhase, RigidMotion]:
    """Find how each phase has to be moved to lie on the reference phase.

    Args:
        volumes: The phases of a study.
        reference: The phase whose coordinates count.
        notices: What was assumed or done is added here.
        registration: Whether phases of another frame of reference may be registered.

    Returns:
        A motion from the reference phase's space for every phase that must be moved.

    Raises:
        PreparationError: If a phase has another frame of reference and registration is not
            wanted, or does not make the phases fit.
        VolumeError: If an image cannot be decoded.
    """
    frames = {phase: v.geometry.instances[0].frame_of_reference for phase, v in volumes.items()}
    if "" in frames.values() and len(frames) > 1:
        notices.append(
            "Not every phase names its frame of reference; positions were taken as common."
        )
    if len(set(frames.values()) - {""}) <= 1:
        return {}
    if not registration:
        raise PreparationError(
            "The phases have different frames of reference: the patient left the table or was "
            "registered anew, so positions do not correspond. Choose phases of one examination, "
            "or allow rigid registration: write 'registration = true' under [alignment] in the "
            "site settings."
        )
    common = frames[reference] or next(frame for frame in frames.values() if frame)
    fixed = _view(volumes[reference].geometry)
    motions: dict[CtPhase, RigidMotion] = {}
    for phase, frame in frames.items():
        if phase is reference or frame in ("", common):
            continue
        found = register_rigid(*fixed, *_view(volumes[phase].geometry))
        if not found.trusted():
            raise _refusal(phase, reference, found)
        notices.append(_notice(phase, reference, found))
        if not found.still():
            motions[phase] = found.motion
    return motions


def _view(
    geometry: VolumeGeometry,
) -> tuple[Float32[np.ndarray, "slice height width"], PlaneStack]:
    values, at = coarse_view(geometry, _COARSE_MM)
    return np.clip(values, *_TISSUE_HU, out=values), at


def _refusal(phase: CtPhase, reference: CtPhase, found: Registration) -> PreparationError:
    return PreparationError(
        f"The {phase} phase cannot be registered to the {reference} phase: mutual information went "
        f"from {found.information_before:.2f} to {found.information_after:.2f} (at least "
        f"{100 * SMALLEST_GAIN:.0f} % more expected), and both directions differ by "
        f"{found.disagreement_mm:.1f} mm (at most {LARGEST_DISAGREEMENT_MM:.0f} mm expected). "
        "Choose phases of one examination."
    )


def _notice(phase: CtPhase, reference: CtPhase, found: Registration) -> str:
    if found.still():
        return (
            f"{phase} phase: its frame of reference has another name than that of the {reference} "
            "phase, but both lie on each other; positions were taken as common."
        )
    return (
        f"{phase} phase: registered rigidly to the {reference} phase, by "
        f"{found.motion.angle_degrees():.1f}° and up to {found.moved_mm:.0f} mm; mutual "
        f"information went from {found.information_before:.2f} to {found.information_after:.2f}, "
        f"both directions agree within {found.disagreement_mm:.1f} mm."
    )
