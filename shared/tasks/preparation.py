"""The one road from DICOM files to model input, for training, evaluation and prediction alike.

Scan, group, exclude, name phases, check geometry, choose slices, decode only what is needed,
interpolate once in patient coordinates onto the reference phase, window to [0, 1]. Sources:
Liao 2024, section 2.3. Departure: the paper does not say how slices of the phases are paired; here
they are paired by position in the patient, not by slice number.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from shared.dicom.exclusion import ct_exclusion_reason
from shared.dicom.geometry import VolumeGeometry
from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables
from shared.dicom.pixels import AIR_HU, load_slice
from shared.dicom.roles import RoleDecision, decide_phases
from shared.imaging.resample import PlaneStack, covered, resample, square_target
from shared.imaging.resample_moved import covered_moved, resample_moved
from shared.imaging.rigid import RigidMotion
from shared.imaging.window import apply_window
from shared.tasks.liver_range import LiverRange
from shared.tasks.phase_alignment import align_phases
from shared.tasks.phase_plausibility import check_enhancement
from shared.tasks.phase_selection import PhaseVolume, select_volumes
from shared.tasks.preparation_settings import CtPreparation
from shared.tasks.prepared_study import PreparedStudy, SeriesRole
from shared.tasks.slice_choice import choose_slices, range_ends_mm, slice_heights
from shared.tasks.study_instances import candidate_series, study_instances
from shared.tasks.volume_grid import flips, stack_of
from shared.vocabulary import CtPhase


def prepare_study(  # noqa: PLR0913  # every choice is given by name
    study: Path | Sequence[Path],
    preparation: CtPreparation,
    *,
    liver_range_mm: LiverRange | tuple[float, float] | None = None,
    study_uid: str | None = None,
    roles: Mapping[str, CtPhase] | None = None,
    registration: bool = False,
    tables: PhaseTables = DEFAULT_TABLES,
) -> PreparedStudy:
    """Prepare one CT study.

    Args:
        study: Its folder, or its files.
        preparation: What the model expects.
        liver_range_mm: Heights in the patient (DICOM z) between which the liver lies, with or
            without their source; None takes every slice that all phases cover, with a notice.
        study_uid: Which study, where the files hold several.
        roles: Phases that a person confirmed, by SeriesInstanceUID; they override the headers.
        registration: Whether phases of different frames of reference may be registered rigidly
            instead of refused; a cache must tell such results apart.
        tables: The words that name phases, with a site's own; a cache must tell these apart too.

    Returns:
        Prepared slices, lowest first.

    Raises:
        DicomError: If there is no DICOM file or a needed image cannot be decoded.
        PreparationError: With one problem per phase that is missing, ambiguous or irregular, or
            if phases do not fit together in space or look like other phases.
    """
    notices: list[str] = []
    instances = study_instances(study, study_uid, notices)
    candidates, excluded = candidate_series(instances, ct_exclusion_reason, notices)
    decisions = decide_phases(candidates, roles, tables)
    volumes, choices = select_volumes(decisions, preparation.phases)
    notices += choices
    motions = align_phases(volumes, preparation.reference, notices, registration=registration)
    ends_mm = range_ends_mm(liver_range_mm, notices)
    target, step_mm = _target(volumes, motions, preparation, ends_mm, notices)
    values_hu = np.stack(
        [
            _resampled(volumes[phase].geometry, motions.get(phase), target, step_mm)
            for phase in preparation.phases
        ],
        axis=1,
    )
    certain = {phase for phase, volume in volumes.items() if volume.decision.confidence >= 1}
    notices += check_enhancement(values_hu, preparation.phases, target.pixel_mm[0], certain)
    return PreparedStudy(
        images=apply_window(values_hu, preparation.window_level_hu, preparation.window_width_hu),
        positions_mm=slice_heights(target),
        channels=preparation.channels,
        roles=tuple(_role(decision) for decision in decisions),
        excluded=excluded,
        notices=tuple(notices),
        grid=target,
        liver_range=liver_range_mm if isinstance(liver_range_mm, LiverRange) else None,
    )


def _target(
    volumes: Mapping[CtPhase, PhaseVolume],
    motions: Mapping[CtPhase, RigidMotion],
    preparation: CtPreparation,
    liver_range_mm: tuple[float, float] | None,
    notices: list[str],
) -> tuple[PlaneStack, float]:
    """Lay the target grid: the reference phase's slices in the liver that every phase covers."""
    stacks = {phase: stack_of(volume.geometry) for phase, volume in volumes.items()}
    for phase, volume in volumes.items():
        if volume.geometry.tilt_degrees > 0.1:  # noqa: PLR2004  # degrees, rounding of positions
            notices.append(
                f"{phase} phase: a gantry tilt of {volume.geometry.tilt_degrees:.1f}° was "
                "taken into account."
            )
    reference = stacks[preparation.reference]
    grid = square_target(reference, preparation.image_size)
    coverage = [
        covered_moved(stack, grid, motions[phase]) if phase in motions else covered(stack, grid)
        for phase, stack in stacks.items()
    ]
    chosen = choose_slices(
        grid, coverage, liver_range_mm, preparation.slices_per_patient, notices, image="phase"
    )
    return chosen, reference.step_mm


def _resampled(
    geometry: VolumeGeometry, motion: RigidMotion | None, target: PlaneStack, step_mm: float
) -> Float32[np.ndarray, "slice height width"]:
    down, right = flips(geometry)

    def load(index: int) -> Float32[np.ndarray, "height width"]:
        return load_slice(geometry.instances, index)[::down, ::right]

    source = stack_of(geometry)
    if motion is not None:
        return resample_moved(load, source, target, step_mm, motion, AIR_HU)
    return resample(load, source, target, step_mm, AIR_HU)


def _role(decision: RoleDecision) -> SeriesRole:
    return SeriesRole(
        series=decision.series.name,
        volume_id=decision.series.volume_id,
        role=decision.phase,
        evidence=decision.evidence,
        confidence=decision.confidence,
        question=decision.question,
    )
