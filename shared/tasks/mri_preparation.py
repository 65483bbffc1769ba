"""The one road from DICOM files of liver MRI to model input.

Scan, group, exclude, name sequences, check geometry, choose slices, then per sequence: decode,
remove the coil's shading if asked, measure the scale, and interpolate once in patient coordinates
onto the arterial T1. Source: Quan 2024, Methods (five sequences, one per channel, 450x320).
Departures: the paper resizes each image by itself, which stretches a square matrix and pairs
slices by number; here pixels are square and slices meet by their place in the patient. The paper
does not say how intensities were scaled (decision 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from shared.dicom.mr_exclusion import mr_exclusion_reason
from shared.dicom.mri_roles import decide_sequences
from shared.dicom.mri_tables import DEFAULT_MRI_TABLES, MriTables
from shared.dicom.pixels import decode_slices
from shared.dicom.sequence_decision import SequenceDecision
from shared.errors import PreparationError, VolumeError
from shared.imaging.bias_field import correct_bias
from shared.imaging.normalise import body_mask, volume_scale
from shared.imaging.rectangle import rectangular_target
from shared.imaging.resample import PARALLEL_TOLERANCE, PlaneStack, covered, resample
from shared.imaging.resample_moved import covered_moved, resample_moved
from shared.imaging.rigid import RigidMotion
from shared.imaging.slices import slices_in_range
from shared.tasks.liver_range import LiverRange
from shared.tasks.preparation_settings import MriPreparation
from shared.tasks.prepared_study import PreparedStudy, SeriesRole
from shared.tasks.sequence_alignment import align_sequences
from shared.tasks.sequence_selection import SequenceVolume, select_sequences, sequence_words
from shared.tasks.slice_choice import choose_slices, range_ends_mm, slice_heights
from shared.tasks.study_instances import candidate_series, study_instances
from shared.tasks.volume_grid import flips, stack_of
from shared.vocabulary import MriRole, MriSequence

_SMALLEST_SEQUENCE_COVERAGE = 0.5
"""Share of the wanted slices that a sequence must cover; less is another part of the body."""

_IN_PLACE = RigidMotion(rotation=np.eye(3), shift_mm=np.zeros(3))


def prepare_mri_study(  # noqa: PLR0913  # every choice is given by name
    study: Path | Sequence[Path],
    preparation: MriPreparation,
    *,
    liver_range_mm: LiverRange | tuple[float, float] | None = None,
    study_uid: str | None = None,
    roles: Mapping[str, MriRole] | None = None,
    registration: bool = False,
    tables: MriTables = DEFAULT_MRI_TABLES,
) -> PreparedStudy:
    """Prepare one MRI study.

    The scale of each volume (body, percentiles, mean, deviation) is measured on the volume as it
    was scanned, not on the prepared slices: it then is a property of that volume alone, and
    neither the other sequences' coverage, nor the liver range, nor the margins of the target
    change it. Values are clipped before the interpolation, so that no artefact bleeds into its
    neighbours; where a volume has nothing, the target is air: the volume's lowest value.

    Args:
        study: Its folder, or its files.
        preparation: What the model expects.
        liver_range_mm: Heights in the patient (DICOM z) between which the liver lies, with or
            without their source; None takes every slice that all sequences cover.
        study_uid: Which study, where the files hold several.
        roles: Roles that a person confirmed, by volume id; they override the headers.
        registration: Whether sequences of different frames of reference may be registered rigidly
            instead of refused; a cache must tell such results apart.
        tables: The words that name sequences, with a site's own.

    Returns:
        Prepared slices, lowest first; each channel has mean 0 and standard deviation 1 in the
        body of its whole volume.

    Raises:
        DicomError: If there is no DICOM file or a needed image cannot be decoded.
        PreparationError: With one problem per sequence that is missing, ambiguous or irregular,
            or if sequences do not fit together in space.
    """
    notices: list[str] = []
    instances = study_instances(study, study_uid, notices)
    candidates, excluded = candidate_series(instances, mr_exclusion_reason, notices)
    decisions = decide_sequences(candidates, roles, tables)
    volumes, choices = select_sequences(decisions, preparation.sequences)
    notices += choices
    motions = align_sequences(volumes, preparation.reference, notices, registration=registration)
    ends_mm = range_ends_mm(liver_range_mm, notices)
    target, step_mm = _target(volumes, motions, preparation, ends_mm, notices)
    images = np.empty(
        (len(target.positions_mm), len(preparation.sequences), *target.shape), dtype=np.float32
    )
    for channel, sequence in enumerate(preparation.sequences):
        source = _Source(sequence, volumes[sequence], motions.get(sequence))
        images[:, channel] = _channel(source, preparation, target, step_mm)
    return PreparedStudy(
        images=images,
        positions_mm=slice_heights(target),
        channels=preparation.channels,
        roles=tuple(_role(decision) for decision in decisions),
        excluded=excluded,
        notices=tuple(notices),
        grid=target,
        liver_range=liver_range_mm if isinstance(liver_range_mm, LiverRange) else None,
    )


@dataclass(frozen=True)
class _Source:
    """One sequence and how it has to be moved, if it does."""

    sequence: MriSequence
    volume: SequenceVolume
    motion: RigidMotion | None


def _target(
    volumes: Mapping[MriSequence, SequenceVolume],
    motions: Mapping[MriSequence, RigidMotion],
    preparation: MriPreparation,
    ends_mm: tuple[float, float] | None,
    notices: list[str],
) -> tuple[PlaneStack, float]:
    """Lay the target grid: the reference's slices in the liver that every sequence covers."""
    stacks = {sequence: stack_of(volume.geometry) for sequence, volume in volumes.items()}
    reference = stacks[preparation.reference]
    grid = rectangular_target(reference, preparation.height, preparation.width)
    heights = slice_heights(grid)
    wanted = (
        np.arange(len(heights))
        if ends_mm is None
        else slices_in_range(heights, *ends_mm, reference.step_mm)
    )
    coverage: list[Bool[np.ndarray, " slice"]] = []
    for sequence, stack in stacks.items():
        oblique = sequence not in motions and not _parallel(stack, grid)
        if oblique or sequence in motions:
            seen = covered_moved(stack, grid, motions.get(sequence, _IN_PLACE))
        else:
            seen = covered(stack, grid)
        if seen[wanted].mean() < _SMALLEST_SEQUENCE_COVERAGE:
            raise PreparationError(
                f"{sequence_words(sequence)}: covers {seen[wanted].sum()} of {len(wanted)} wanted "
                f"slices of the {sequence_words(preparation.reference)} sequence, at least half "
                "expected. Send a series that covers the liver, or choose another one in the "
                "manifest."
            )
        if oblique:
            notices.append(
                f"{sequence_words(sequence)}: its slices are oblique to those of the "
                f"{sequence_words(preparation.reference)} sequence and were interpolated across."
            )
        coverage.append(seen)
    # Quan 2024: no segmentation; the whole image goes in.
    chosen = choose_slices(
        grid,
        coverage,
        ends_mm,
        preparation.slices_per_patient,
        notices,
        image="sequence",
        whole=True,
    )
    return chosen, reference.step_mm


def _parallel(stack: PlaneStack, grid: PlaneStack) -> bool:
    return bool(np.abs(stack.axes - grid.axes).max() <= PARALLEL_TOLERANCE)


def _channel(
    source: _Source, preparation: MriPreparation, target: PlaneStack, step_mm: float
) -> Float32[np.ndarray, "slice height width"]:
    """Decode, normalise and resample one sequence."""
    geometry = source.volume.geometry
    try:
        values = decode_slices(geometry.instances)
        if preparation.bias_field:
            spacing_mm = (geometry.step_mm, *geometry.pixel_spacing_mm)
            values = correct_bias(values, body_mask(values), spacing_mm)
        scale = volume_scale(values, geometry.pixel_spacing_mm)
    except (PreparationError, VolumeError) as error:
        raise type(error)(f"{sequence_words(source.sequence)}: {error.message}") from error
    down, right = flips(geometry)

    def load(index: int) -> Float32[np.ndarray, "height width"]:
        return scale.apply(values[index, ::down, ::right])

    stack = stack_of(geometry)
    if source.motion is None and _parallel(stack, target):
        return resample(load, stack, target, step_mm, scale.lowest)
    motion = source.motion or _IN_PLACE
    return resample_moved(load, stack, target, step_mm, motion, scale.lowest)


def _role(decision: SequenceDecision) -> SeriesRole:
    return SeriesRole(
        series=decision.series.name,
        volume_id=decision.series.volume_id,
        role=decision.role,
        evidence=decision.evidence,
        confidence=decision.confidence,
        question=decision.question,
    )
