"""Name the phases of a dynamic T1 series by its order in time, and doubt what runs backwards."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from shared.dicom.mri_tables import T1_ROLES
from shared.dicom.roles import has_agent
from shared.dicom.sequence_decision import SILENT, SequenceDecision
from shared.dicom.series import CandidateSeries
from shared.vocabulary import MriRole

_DAY_S = 86_400.0
_SAME_SCAN_S = 2.0  # reconstructions of one scan share their start

_FULL = (MriRole.T1_PLAIN, MriRole.T1_ARTERIAL, MriRole.T1_PORTAL, MriRole.T1_DELAYED)
_GAPS_S = {
    (MriRole.T1_ARTERIAL, MriRole.T1_PORTAL): (15.0, 80.0),
    (MriRole.T1_PORTAL, MriRole.T1_DELAYED): (40.0, 300.0),
}
"""Time between the starts of neighbouring phases; outside, the volumes are other phases."""

Moment = tuple[float, float, int, int]
Fingerprint = tuple[object, ...]


def start_s(series: CandidateSeries) -> float | None:
    """Give when a volume was acquired, seconds of the day.

    GE writes one time for all volumes of a dynamic series and the delay in TriggerTime.
    """
    head = series.head
    return None if head.acquired_s is None else head.acquired_s + (head.mr.trigger_s or 0.0)


def moment(series: CandidateSeries) -> Moment:
    """Order volumes in time, by further evidence where times are equal or absent."""
    head, start = series.head, start_s(series)
    late = float("inf")
    return (
        late if start is None else start,
        late if head.series_s is None else head.series_s,
        head.temporal_position or 0,
        head.acquisition_number or 0,
    )


def fingerprint(series: CandidateSeries) -> Fingerprint:
    """Give what all volumes of a dynamic series share: how they were acquired, and where."""
    head, mr = series.head, series.head.mr
    return (
        *(_rounded(head.echo_time_ms, 1), _rounded(mr.repetition_ms, 1)),
        *(_rounded(mr.flip_degrees, 0), mr.scanning, mr.sequence),
        *(head.rows, head.columns, head.image_type[2:], len(series.instances)),
        tuple(round(value, 2) + 0.0 for value in head.orientation or ()),
        tuple(round(value, 2) for value in head.pixel_spacing_mm or ()),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def decide_by_order(decisions: Sequence[SequenceDecision]) -> list[SequenceDecision]:
    """Name silent volumes of one fingerprint by their order, if the contrast agent agrees.

    Quan 2024: arterial, portal, delayed; a volume before the injection may precede them. Where
    agent or intervals do not fit, the question carries the place in the series.
    """
    groups: dict[Fingerprint, list[SequenceDecision]] = defaultdict(list)
    for decision in decisions:
        if decision.question == SILENT:
            groups[fingerprint(decision.series)].append(decision)
    settled: dict[str, SequenceDecision] = {}
    for group in groups.values():
        if len(group) > 1:
            ordered = sorted(group, key=lambda one: moment(one.series))
            for one in _named(ordered):
                settled[one.series.volume_id] = one
    return [settled.get(one.series.volume_id, one) for one in decisions]


def _named(ordered: Sequence[SequenceDecision]) -> list[SequenceDecision]:
    count = len(ordered)
    placed = [
        replace(one, evidence=(*one.evidence, f"volume {place} of {count} of a dynamic series"))
        for place, one in enumerate(ordered, 1)
    ]
    agents = [has_agent(one.series) for one in ordered]
    roles = {
        (False, True, True, True): _FULL,
        (True, True, True): _FULL[1:],
    }.get(tuple(agents))
    distinct = len({moment(one.series) for one in ordered}) == count
    if roles is None or not distinct or not _intervals_fit(ordered, roles):
        return placed
    return [
        replace(one, role=role, confidence=0.6, question="")
        for one, role in zip(placed, roles, strict=True)
    ]


def _intervals_fit(ordered: Sequence[SequenceDecision], roles: Sequence[MriRole]) -> bool:
    for place in range(len(ordered) - 1):
        limits = _GAPS_S.get((roles[place], roles[place + 1]))
        starts = start_s(ordered[place].series), start_s(ordered[place + 1].series)
        if limits is None:
            continue
        if starts[0] is None or starts[1] is None:
            return False
        gap = (starts[1] - starts[0]) % _DAY_S
        if not limits[0] <= gap <= limits[1]:
            return False
    return True


def question_disorder(decisions: Sequence[SequenceDecision]) -> tuple[SequenceDecision, ...]:
    """Turn decided phases into questions where their order in time contradicts them."""
    dated = [
        (one, start)
        for one in decisions
        if one.role in T1_ROLES and (start := start_s(one.series)) is not None
    ]
    disordered = {
        which.series.volume_id
        for one, first in dated
        for other, second in dated
        if _backwards(one, first, other, second)
        for which in (one, other)
    }
    return tuple(
        replace(
            one,
            role=None,
            confidence=0.0,
            question=f"its header says {one.role}, but the order of acquisition contradicts",
        )
        if one.series.volume_id in disordered and one.confidence < 1
        else one
        for one in decisions
    )


def _backwards(one: SequenceDecision, first: float, other: SequenceDecision, second: float) -> bool:
    if one.role is None or other.role is None or one.role is other.role:
        return False
    # Half a day apart means the study crossed midnight, not that time ran backwards.
    later = 0 < first - second - _SAME_SCAN_S < _DAY_S / 2
    return later and T1_ROLES.index(one.role) < T1_ROLES.index(other.role)
