"""Take exactly one volume per MRI sequence, or say everything that stands in the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.dicom.geometry import VolumeGeometry, order_volume
from shared.dicom.mri_dynamics import fingerprint, start_s
from shared.dicom.roles import bolus_delay_s
from shared.dicom.sequence_decision import SequenceDecision
from shared.errors import PreparationError, Problem, VolumeError
from shared.vocabulary import MriRole, MriSequence

ROLE_SHOWN: Mapping[MriSequence, MriRole] = {
    MriSequence.T1_ARTERIAL: MriRole.T1_ARTERIAL,
    MriSequence.T1_PORTAL: MriRole.T1_PORTAL,
    MriSequence.T1_DELAYED: MriRole.T1_DELAYED,
    MriSequence.T2_FSE: MriRole.T2_FSE,
    MriSequence.DUAL_ECHO: MriRole.OPPOSED_PHASE,
}
"""The image that stands for a sequence; of dual echo it is the opposed-phase one (decision 8)."""

PUBLISHED_DELAYS_S: Mapping[MriSequence, float] = {
    MriSequence.T1_ARTERIAL: 25.0,
    MriSequence.T1_PORTAL: 70.0,
    MriSequence.T1_DELAYED: 180.0,
}
"""Quan 2024, MRI: arterial 20 to 30 s, portal 60 to 80 s, delayed 180 s after the injection."""

_WORDS: Mapping[MriSequence, str] = {
    MriSequence.T1_ARTERIAL: "T1 arterial",
    MriSequence.T1_PORTAL: "T1 portal",
    MriSequence.T1_DELAYED: "T1 delayed",
    MriSequence.T2_FSE: "T2 FSE",
    MriSequence.DUAL_ECHO: "Dual echo (opposed phase)",
}

_SAME_SCAN_S = 2.0  # reconstructions of one scan share their start
_SAME_STEP_MM = 0.1
_SAME_DELAY_S = 1.0  # nearer to the published time by less is a tie


@dataclass(frozen=True)
class SequenceVolume:
    """The volume that stands for a sequence.

    Attributes:
        decision: Why it is this sequence.
        geometry: Where its slices lie.
    """

    decision: SequenceDecision
    geometry: VolumeGeometry


def sequence_words(sequence: MriSequence) -> str:
    """Name a sequence at the beginning of a sentence."""
    return _WORDS[sequence]


def select_sequences(
    decisions: Sequence[SequenceDecision], sequences: Sequence[MriSequence]
) -> tuple[dict[MriSequence, SequenceVolume], tuple[str, ...]]:
    """Choose the volume of every sequence.

    Two kinds of further volumes are no conflict. Of reconstructions of one scan the one with the
    thinnest slices is taken, then the one corrected for the coil's sensitivity or distortion. Of
    the same pulse sequence repeated within a phase (a double arterial phase, delays of 3 and
    5 minutes), the one nearest to the published time after the injection is taken, if that time
    is known. Anything else is a question.

    Args:
        decisions: The roles of all candidates of a study.
        sequences: Sequences wanted.

    Returns:
        One volume per sequence, and notices about choices made.

    Raises:
        PreparationError: With one problem per sequence that has no volume, several, or a broken
            one.
    """
    chosen: dict[MriSequence, SequenceVolume] = {}
    notices: list[str] = []
    problems: list[Problem] = []
    for sequence in sequences:
        role = ROLE_SHOWN[sequence]
        claimed = _most_certain([d for d in decisions if d.role is role])
        volumes = _ordered(claimed, sequence, notices, problems)
        if volumes:
            choice = _one_volume(volumes, sequence, notices)
            if choice is None:
                problems.append(_several(volumes, sequence))
            else:
                chosen[sequence] = choice
        elif not claimed:
            problems.append(_missing(sequence, decisions))
    if problems:
        raise PreparationError("The study does not give one volume per sequence.", problems)
    if MriSequence.DUAL_ECHO in chosen and not any(d.role is MriRole.IN_PHASE for d in decisions):
        notices.append(
            "Dual echo: the opposed-phase image has no in-phase partner; only its own header "
            "says what it is."
        )
    return chosen, tuple(notices)


def _most_certain(claimed: list[SequenceDecision]) -> list[SequenceDecision]:
    confirmed = [d for d in claimed if d.confidence >= 1]
    return confirmed or claimed


def _ordered(
    claimed: Sequence[SequenceDecision],
    sequence: MriSequence,
    notices: list[str],
    problems: list[Problem],
) -> list[SequenceVolume]:
    """Order the images of every claimed volume; a broken one counts only if it is the last."""
    volumes: list[SequenceVolume] = []
    broken: list[str] = []
    for decision in claimed:
        try:
            volumes.append(SequenceVolume(decision, order_volume(decision.series)))
        except VolumeError as error:
            broken.append(error.message)
    if volumes:
        notices += [f"{_WORDS[sequence]}: another series was left out. {text}" for text in broken]
    else:
        problems += [
            Problem(
                _WORDS[sequence],
                text,
                "one regular volume",
                "Correct the series in the archive, or write the number of another into the "
                f"manifest's column {_column(sequence)}.",
            )
            for text in broken
        ]
    return volumes


def _one_volume(
    volumes: Sequence[SequenceVolume], sequence: MriSequence, notices: list[str]
) -> SequenceVolume | None:
    if len(volumes) == 1:
        return volumes[0]
    scans = _by_scan(volumes)
    if scans is None:
        return None
    best = [_best_reconstruction(scan) for scan in scans]
    if any(one is None for one in best):
        return None
    found = [one for one in best if one is not None]
    choice = found[0] if len(found) == 1 else _best_timed(found, sequence)
    if choice is None:
        return None
    name = choice.decision.series.name
    if len(found) < len(volumes):
        notices.append(
            f"{_WORDS[sequence]}: there are several reconstructions of one scan; {name} has the "
            "thinnest slices or a corrected image and was taken."
        )
    if len(found) > 1:
        notices.append(
            f"{_WORDS[sequence]}: of {len(found)} scans of this phase, {name} is nearest to "
            f"{PUBLISHED_DELAYS_S[sequence]:.0f} s after the injection and was taken."
        )
    return choice


def _by_scan(volumes: Sequence[SequenceVolume]) -> list[list[SequenceVolume]] | None:
    """Group volumes by the start of their scan; None where one does not tell."""
    dated = [(start_s(one.decision.series), one) for one in volumes]
    if any(start is None for start, _ in dated):
        return None
    scans: list[list[SequenceVolume]] = []
    last = float("-inf")
    for start, one in sorted(
        ((start or 0.0, one) for start, one in dated), key=lambda pair: pair[0]
    ):
        if start - last > _SAME_SCAN_S:
            scans.append([])
            last = start
        scans[-1].append(one)
    return scans


def _best_reconstruction(scan: Sequence[SequenceVolume]) -> SequenceVolume | None:
    thinnest = min(one.geometry.step_mm for one in scan)
    thin = [one for one in scan if one.geometry.step_mm < thinnest + _SAME_STEP_MM]
    most = max(map(_corrections, thin))
    best = [one for one in thin if _corrections(one) == most]
    return best[0] if len(best) == 1 else None


def _corrections(volume: SequenceVolume) -> tuple[bool, bool]:
    """Tell by the image type whether sensitivity (NORM) and distortion (DIS) were corrected."""
    kinds = set(volume.decision.series.head.image_type)
    return bool(kinds & {"NORM", "NORMAL"}), bool(kinds & {"DIS2D", "DIS3D"})


def _best_timed(scans: Sequence[SequenceVolume], sequence: MriSequence) -> SequenceVolume | None:
    """Of one pulse sequence repeated, take the scan nearest to the published time."""
    published = PUBLISHED_DELAYS_S.get(sequence)
    delays = [bolus_delay_s(one.decision.series) for one in scans]
    alike = len({fingerprint(one.decision.series) for one in scans}) == 1
    if published is None or not alike or any(delay is None for delay in delays):
        return None
    away = [abs((delay or 0.0) - published) for delay in delays]
    order = sorted(range(len(scans)), key=away.__getitem__)
    if away[order[1]] - away[order[0]] < _SAME_DELAY_S:
        return None
    return scans[order[0]]


def _column(sequence: MriSequence) -> str:
    return f"{ROLE_SHOWN[sequence]}_series"


def _several(volumes: Sequence[SequenceVolume], sequence: MriSequence) -> Problem:
    names = ", ".join(v.decision.series.name for v in volumes)
    return Problem(
        _WORDS[sequence],
        f"{len(volumes)} candidates ({names})",
        "exactly one series",
        f"Write the number of the right series into the manifest's column {_column(sequence)}.",
    )


def _missing(sequence: MriSequence, decisions: Sequence[SequenceDecision]) -> Problem:
    open_questions = [f"{d.series.name}: {d.question}" for d in decisions if d.role is None]
    if not open_questions:
        others = sorted({d.role.value.replace("_", " ") for d in decisions if d.role is not None})
        return Problem(
            _WORDS[sequence],
            f"none (the study has {', '.join(others) or 'no usable MR series'})",
            "exactly one series",
            "Send the series from the archive, or write its number into the manifest's column "
            f"{_column(sequence)}, or leave this patient out.",
        )
    return Problem(
        _WORDS[sequence],
        f"none that is certain; undecided are {'; '.join(open_questions)}",
        "exactly one series",
        "Look at the images and write the series number into the manifest's column "
        f"{_column(sequence)}.",
    )
