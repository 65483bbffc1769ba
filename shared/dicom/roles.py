"""Find the contrast phase of every CT series, with evidence; ask rather than guess.

Evidence, from strong to weak: a person's confirmation, the description, the time since the
injection, the order of acquisition together with the contrast agent's tag. Where two disagree the
series is a question for the data manager. Headers alone decide few real studies, so a question is
a normal outcome and carries what is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables, phase_at, phases_in_text
from shared.dicom.series import CandidateSeries
from shared.vocabulary import CtPhase

_DAY_S = 86_400.0
_LONGEST_DELAY_S = 1800.0
"""A start of injection further away was copied from another study or protocol."""

_ORDER = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL, CtPhase.DELAYED)
_SAME_SCAN_S = 2.0  # two reconstructions of one scan share their start
_SILENT = "nothing in its header names a phase"
_NO_AGENT = {"", "NONE", "NO", "N", "0", "无"}


@dataclass(frozen=True)
class RoleDecision:
    """What a series is, and why.

    Attributes:
        series: The candidate.
        phase: The phase, or None if a person must say.
        evidence: What speaks for it, as clauses without quotations from the file.
        confidence: In [0, 1]: 1 a person, 0.95 text and time, 0.8 text, 0.7 time, 0.6 order.
        question: What a person is asked; empty where the phase is decided.
    """

    series: CandidateSeries
    phase: CtPhase | None
    evidence: tuple[str, ...]
    confidence: float
    question: str = ""


def decide_phases(
    candidates: Sequence[CandidateSeries],
    confirmed: Mapping[str, CtPhase] | None = None,
    tables: PhaseTables = DEFAULT_TABLES,
) -> tuple[RoleDecision, ...]:
    """Decide the phase of every candidate of one study.

    Args:
        candidates: Axial CT candidates of one study.
        confirmed: Phases that a person confirmed, by volume id; they override everything.
        tables: The site's words and times.

    Returns:
        One decision per candidate, in the order given.
    """
    known = confirmed or {}
    decisions = [_decide_one(series, known, tables) for series in candidates]
    decisions = _by_order(decisions)
    return tuple(_question_disorder(decisions))


def _decide_one(
    series: CandidateSeries, confirmed: Mapping[str, CtPhase], tables: PhaseTables
) -> RoleDecision:
    if series.volume_id in confirmed:
        return RoleDecision(series, confirmed[series.volume_id], ("confirmed by a person",), 1.0)
    named, evidence = _named(series, tables)
    delay = bolus_delay_s(series)
    timed = None if delay is None else phase_at(delay, tables)
    if delay is not None:
        evidence += (f"acquired {delay:.0f} s after the start of injection",)
    agent = has_agent(series)
    evidence += ("contrast agent recorded" if agent else "no contrast agent recorded",)
    return _weigh(series, named, timed, evidence)


def _weigh(
    series: CandidateSeries,
    named: tuple[CtPhase, ...],
    timed: CtPhase | None,
    evidence: tuple[str, ...],
) -> RoleDecision:
    """Bring text and time together; where they disagree, ask."""
    if not named and timed is None:
        return _ask(series, evidence, _SILENT)
    if timed is not None and (not named or (len(named) > 1 and timed in named)):
        return RoleDecision(series, timed, evidence, 0.7)
    if len(named) > 1:
        return _ask(series, evidence, "its description names several phases")
    if timed is not None and timed is not named[0]:
        return _ask(
            series,
            evidence,
            f"its description says {named[0]} and its time after injection {timed}",
        )
    return RoleDecision(series, named[0], evidence, 0.8 if timed is None else 0.95)


def _ask(series: CandidateSeries, evidence: tuple[str, ...], why: str) -> RoleDecision:
    return RoleDecision(series, None, evidence, 0.0, why)


def _named(
    series: CandidateSeries, tables: PhaseTables
) -> tuple[tuple[CtPhase, ...], tuple[str, ...]]:
    """Read the description; the protocol's name only where that is silent and names one phase."""
    named = phases_in_text(series.head.description, tables)
    if named:
        return named, (f"description names {' and '.join(named)}",)
    protocol = phases_in_text(series.head.protocol, tables)
    if len(protocol) == 1:
        return protocol, (f"protocol names {protocol[0]}",)
    return (), ()


def bolus_delay_s(series: CandidateSeries) -> float | None:
    """Give the time from the start of injection to the scan; None if unknown or implausible."""
    start, scan = series.head.bolus_start_s, series.head.acquired_s
    scan = None if scan is None else scan + (series.head.mr.trigger_s or 0.0)
    if start is None or scan is None:
        return None
    delay = (scan - start + _DAY_S / 2) % _DAY_S - _DAY_S / 2  # across midnight
    return delay if abs(delay) <= _LONGEST_DELAY_S else None


def has_agent(series: CandidateSeries) -> bool:
    """Tell whether the header records a contrast agent; weak evidence, often set for all series."""
    return series.head.bolus_agent.strip().upper() not in _NO_AGENT


def _by_order(decisions: Sequence[RoleDecision]) -> list[RoleDecision]:
    """Name three silent series by order: the first without agent, the next two with one.

    Liao 2024, section 2.2: plain, then arterial, then portal. Only where no header of the study
    says anything else and the agent's tag agrees, since order alone would be a guess.
    """
    scans = {d.series.head.acquired_s for d in decisions} - {None}
    silent = all(d.question == _SILENT for d in decisions)
    if not (silent and len(decisions) == len(scans) == 3):  # noqa: PLR2004  # three phases
        return list(decisions)
    in_order = sorted(decisions, key=lambda d: d.series.head.acquired_s or 0.0)
    if [has_agent(d.series) for d in in_order] != [False, True, True]:
        return list(decisions)
    named = {
        d.series.volume_id: replace(
            d,
            phase=phase,
            evidence=(*d.evidence, f"scan {place} of 3 in the study"),
            confidence=0.6,
            question="",
        )
        for place, (d, phase) in enumerate(zip(in_order, _ORDER[:3], strict=True), 1)
    }
    return [named[d.series.volume_id] for d in decisions]


def _question_disorder(decisions: Sequence[RoleDecision]) -> list[RoleDecision]:
    """Turn decided series into questions where their order in time contradicts their phases."""
    disordered: set[str] = set()
    decided = [d for d in decisions if d.phase is not None and d.series.head.acquired_s is not None]
    for one in decided:
        for other in decided:
            if _contradicts(one, other):
                disordered |= {one.series.volume_id, other.series.volume_id}
    return [
        replace(
            d,
            phase=None,
            confidence=0.0,
            question=f"its header says {d.phase}, but the order of acquisition contradicts",
        )
        if d.series.volume_id in disordered and d.confidence < 1
        else d
        for d in decisions
    ]


def _contradicts(one: RoleDecision, other: RoleDecision) -> bool:
    if one.phase is None or other.phase is None or one.phase is other.phase:
        return False
    first, second = one.series.head.acquired_s, other.series.head.acquired_s
    if first is None or second is None:
        return False
    # Half a day apart means the study crossed midnight, not that time ran backwards.
    later = 0 < (first - second) - _SAME_SCAN_S < _DAY_S / 2
    return later and _ORDER.index(one.phase) < _ORDER.index(other.phase)
