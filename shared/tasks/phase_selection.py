"""Take exactly one volume per contrast phase, or say everything that stands in the way."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.dicom.geometry import VolumeGeometry, order_volume
from shared.dicom.roles import RoleDecision
from shared.errors import PreparationError, Problem, VolumeError
from shared.vocabulary import CtPhase

PUBLISHED_STEP_MM = 5.0
"""Liao 2024, section 2.2: 5 mm thickness and spacing."""

_SAME_SCAN_S = 2.0  # reconstructions of one scan share its start


@dataclass(frozen=True)
class PhaseVolume:
    """The volume that stands for a phase.

    Attributes:
        decision: Why it is this phase.
        geometry: Where its slices lie.
    """

    decision: RoleDecision
    geometry: VolumeGeometry


def select_volumes(
    decisions: Sequence[RoleDecision], phases: Sequence[CtPhase]
) -> tuple[dict[CtPhase, PhaseVolume], tuple[str, ...]]:
    """Choose the volume of every phase.

    Two reconstructions of the same scan are no conflict: the one whose slice distance is nearest
    to the published 5 mm is taken. Two scans of one phase are a question.

    Args:
        decisions: The roles of all candidates of a study.
        phases: Phases wanted.

    Returns:
        One volume per phase, and notices about choices made.

    Raises:
        PreparationError: With one problem per phase that has no volume, several, or a broken one.
    """
    chosen: dict[CtPhase, PhaseVolume] = {}
    notices: list[str] = []
    problems: list[Problem] = []
    for phase in phases:
        claimed = _most_certain([d for d in decisions if d.phase is phase])
        volumes = _ordered(claimed, phase, notices, problems)
        if volumes:
            choice = _one_scan(volumes, phase, notices)
            if choice is None:
                problems.append(_several(volumes, phase))
            else:
                chosen[phase] = choice
        elif not claimed:
            problems.append(_missing(phase, decisions))
    if problems:
        raise PreparationError("The study does not give one volume per phase.", problems)
    return chosen, tuple(notices)


def _most_certain(claimed: list[RoleDecision]) -> list[RoleDecision]:
    confirmed = [d for d in claimed if d.confidence >= 1]
    return confirmed or claimed


def _ordered(
    claimed: Sequence[RoleDecision],
    phase: CtPhase,
    notices: list[str],
    problems: list[Problem],
) -> list[PhaseVolume]:
    """Order the images of every claimed volume; a broken one counts only if it is the last."""
    volumes: list[PhaseVolume] = []
    broken: list[str] = []
    for decision in claimed:
        try:
            volumes.append(PhaseVolume(decision, order_volume(decision.series)))
        except VolumeError as error:
            broken.append(error.message)
    if volumes:
        notices += [f"{phase} phase: another series was left out. {text}" for text in broken]
    else:
        problems += [
            Problem(
                f"{phase} phase", text, "one regular volume", "Correct the series in the archive."
            )
            for text in broken
        ]
    return volumes


def _one_scan(
    volumes: Sequence[PhaseVolume], phase: CtPhase, notices: list[str]
) -> PhaseVolume | None:
    if len(volumes) == 1:
        return volumes[0]
    starts = [v.decision.series.head.acquired_s for v in volumes]
    known = [start for start in starts if start is not None]
    if len(known) < len(starts) or max(known) - min(known) > _SAME_SCAN_S:
        return None
    by_step = sorted(volumes, key=_departure_mm)
    if _departure_mm(by_step[1]) - _departure_mm(by_step[0]) < 0.1:  # noqa: PLR2004  # mm, a tie
        return None
    notices.append(
        f"{phase} phase: of {len(volumes)} reconstructions of one scan, "
        f"{by_step[0].decision.series.name} is nearest to 5 mm and was taken."
    )
    return by_step[0]


def _departure_mm(volume: PhaseVolume) -> float:
    return abs(volume.geometry.step_mm - PUBLISHED_STEP_MM)


def _several(volumes: Sequence[PhaseVolume], phase: CtPhase) -> Problem:
    names = ", ".join(v.decision.series.name for v in volumes)
    return Problem(
        f"{phase} phase",
        f"{len(volumes)} candidates ({names})",
        "exactly one series",
        f"Write the number of the right series into the manifest's column {phase}_series.",
    )


def _missing(phase: CtPhase, decisions: Sequence[RoleDecision]) -> Problem:
    open_questions = [f"{d.series.name}: {d.question}" for d in decisions if d.phase is None]
    if not open_questions:
        others = sorted({d.phase.value for d in decisions if d.phase is not None})
        return Problem(
            f"{phase} phase",
            f"none (the study has {', '.join(others) or 'no usable CT series'})",
            "exactly one series",
            "Send the series from the archive, or leave this patient out.",
        )
    return Problem(
        f"{phase} phase",
        f"none that is certain; undecided are {'; '.join(open_questions)}",
        "exactly one series",
        f"Look at the images and write the series number into the column {phase}_series.",
    )
