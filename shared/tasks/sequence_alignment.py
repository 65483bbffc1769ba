"""Let MRI sequences meet in the patient: by coordinates, or by a registration that was asked for.

Sequences of one frame of reference share their coordinates and are never registered: breathing
moves organs against each other, and a rigid motion cannot follow it.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32

from shared.dicom.geometry import VolumeGeometry
from shared.errors import PreparationError
from shared.imaging.normalise import volume_scale
from shared.imaging.resample import PlaneStack
from shared.imaging.rigid import (
    LARGEST_DISAGREEMENT_MM,
    SMALLEST_GAIN,
    Registration,
    RigidMotion,
    register_rigid,
)
from shared.tasks.sequence_selection import SequenceVolume, sequence_words
from shared.tasks.volume_grid import coarse_view
from shared.vocabulary import MriSequence

_COARSE_MM = 4.0


def align_sequences(
    volumes: Mapping[MriSequence, SequenceVolume],
    reference: MriSequence,
    notices: list[str],
    *,
    registration: bool,
) -> dict[MriSequence, RigidMotion]:
    """Find how each sequence has to be moved to lie on the reference sequence.

    Args:
        volumes: The sequences of a study.
        reference: The sequence whose coordinates count.
        notices: What was assumed or done is added here.
        registration: Whether sequences of another frame of reference may be registered.

    Returns:
        A motion from the reference's space for every sequence that must be moved.

    Raises:
        PreparationError: If a sequence has another frame of reference and registration is not
            wanted, or does not make the sequences fit.
        VolumeError: If an image cannot be decoded.
    """
    frames = {s: v.geometry.instances[0].frame_of_reference for s, v in volumes.items()}
    if "" in frames.values() and len(frames) > 1:
        notices.append(
            "Not every sequence names its frame of reference; positions were taken as common."
        )
    if len(set(frames.values()) - {""}) <= 1:
        return {}
    if not registration:
        raise PreparationError(
            "The sequences have different frames of reference: the patient left the table or was "
            "landmarked anew, so positions do not correspond. Choose sequences of one "
            "examination, or allow rigid registration: write 'registration = true' under "
            "[alignment] in the site settings."
        )
    common = frames[reference] or next(frame for frame in frames.values() if frame)
    fixed = _view(volumes[reference].geometry)
    motions: dict[MriSequence, RigidMotion] = {}
    for sequence, frame in frames.items():
        if sequence is reference or frame in ("", common):
            continue
        found = register_rigid(*fixed, *_view(volumes[sequence].geometry))
        if not found.trusted():
            raise _refusal(sequence, reference, found)
        notices.append(_notice(sequence, reference, found))
        if not found.still():
            motions[sequence] = found.motion
    return motions


def _view(
    geometry: VolumeGeometry,
) -> tuple[Float32[np.ndarray, "slice height width"], PlaneStack]:
    """Give an overview on the body's own scale, whatever the scanner's gain."""
    values, at = coarse_view(geometry, _COARSE_MM)
    return volume_scale(values, at.pixel_mm).apply(values), at


def _refusal(
    sequence: MriSequence, reference: MriSequence, found: Registration
) -> PreparationError:
    return PreparationError(
        f"{sequence_words(sequence)}: cannot be registered to the {sequence_words(reference)} "
        f"sequence: mutual information went from {found.information_before:.2f} to "
        f"{found.information_after:.2f} (at least {100 * SMALLEST_GAIN:.0f} % more expected), and "
        f"both directions differ by {found.disagreement_mm:.1f} mm (at most "
        f"{LARGEST_DISAGREEMENT_MM:.0f} mm expected). Choose sequences of one examination."
    )


def _notice(sequence: MriSequence, reference: MriSequence, found: Registration) -> str:
    if found.still():
        return (
            f"{sequence_words(sequence)}: its frame of reference has another name than that of "
            f"the {sequence_words(reference)} sequence, but both lie on each other; positions "
            "were taken as common."
        )
    return (
        f"{sequence_words(sequence)}: registered rigidly to the {sequence_words(reference)} "
        f"sequence, by {found.motion.angle_degrees():.1f}° and up to {found.moved_mm:.0f} mm; "
        f"mutual information went from {found.information_before:.2f} to "
        f"{found.information_after:.2f}, both directions agree within "
        f"{found.disagreement_mm:.1f} mm."
    )
