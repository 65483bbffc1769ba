"""Find what every series of a liver MRI is, with evidence; ask rather than guess.

Evidence, from strong to weak: a person's confirmation; description and physics or time together;
the description; the time since the injection; echo times that make a pair; the order of like
series in time. Where two disagree the series is a question for the data manager.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.dicom.echo_physics import FatWater
from shared.dicom.mri_dynamics import decide_by_order, question_disorder
from shared.dicom.mri_kind import MriFacts, Weighting, series_facts
from shared.dicom.mri_tables import DEFAULT_MRI_TABLES, MriTables, phase_after
from shared.dicom.roles import bolus_delay_s, has_agent
from shared.dicom.sequence_decision import SILENT, SequenceDecision, ask
from shared.dicom.series import CandidateSeries
from shared.vocabulary import MriRole

_ROLE_OF_STATE = {
    FatWater.IN_PHASE: MriRole.IN_PHASE,
    FatWater.OPPOSED: MriRole.OPPOSED_PHASE,
}
_LARGEST_PAIR_DIFFERENCE = 0.01
"""Of the repetition times of the two echoes of a pair, which one acquisition or two like ones
share."""


def decide_sequences(
    candidates: Sequence[CandidateSeries],
    confirmed: Mapping[str, MriRole] | None = None,
    tables: MriTables = DEFAULT_MRI_TABLES,
) -> tuple[SequenceDecision, ...]:
    """Decide what every candidate of one MR study is.

    Args:
        candidates: Axial MR candidates of one study.
        confirmed: Roles that a person confirmed, by volume id; they override everything.
        tables: The site's words and times.

    Returns:
        One decision per candidate, in the order given.
    """
    known = confirmed or {}
    facts = {one.volume_id: series_facts(one, tables) for one in candidates}
    decisions = [
        SequenceDecision(one, known[one.volume_id], ("confirmed by a person",), 1.0)
        if one.volume_id in known
        else _decide_one(one, facts, candidates, tables)
        for one in candidates
    ]
    return question_disorder(decide_by_order(decisions))


def _decide_one(
    series: CandidateSeries,
    facts: Mapping[str, MriFacts],
    study: Sequence[CandidateSeries],
    tables: MriTables,
) -> SequenceDecision:
    own = facts[series.volume_id]
    if own.words_disagree:
        return ask(series, own.evidence, "its description names another weighting than its echoes")
    if own.weighting is Weighting.T2_SPIN:
        return _t2(series, own)
    if own.weighting is Weighting.UNKNOWN and not own.phases:
        return ask(series, own.evidence, "neither its echoes nor its description tell what it is")
    delay = bolus_delay_s(series)
    timed = None if delay is None else phase_after(delay, tables)
    if delay is not None:
        own = replace(
            own, evidence=(*own.evidence, f"acquired {delay:.0f} s after the start of injection")
        )
    enhanced = any(role is not MriRole.T1_PLAIN for role in own.phases) or (
        timed is not None and timed is not MriRole.T1_PLAIN
    )
    if own.separated == "fat":
        return SequenceDecision(series, MriRole.OTHER, (*own.evidence, "a fat image"), 0.8)
    pair = _has_pair(series, facts, study)
    if own.fat_water_text is not None or (pair and not own.phases and not own.separated):
        return _dual_echo(series, own, pair=pair, enhanced=enhanced)
    agent = "contrast agent recorded" if has_agent(series) else "no contrast agent recorded"
    return _phase(series, own, timed, (*own.evidence, agent))


def _t2(series: CandidateSeries, own: MriFacts) -> SequenceDecision:
    if own.phases:
        return ask(series, own.evidence, "it is T2 weighted and its description names a phase")
    role = MriRole.T2_SINGLE_SHOT if own.single_shot else MriRole.T2_FSE
    agreed = any("description names" in clause for clause in own.evidence)
    by_physics = series.head.echo_time_ms is not None and "SE" in series.head.mr.scanning
    return SequenceDecision(
        series, role, own.evidence, 0.95 if agreed and by_physics else 0.8 if by_physics else 0.7
    )


def _dual_echo(
    series: CandidateSeries, own: MriFacts, *, pair: bool, enhanced: bool
) -> SequenceDecision:
    """Bring words and echo physics together; where they disagree, ask."""
    words, physics = own.fat_water_text, own.fat_water_physics
    evidence = (
        (*own.evidence, "another echo of the same scan is its partner") if pair else (own.evidence)
    )
    if enhanced:
        after = (*evidence, "acquired after contrast, where dual echo is not taken")
        return SequenceDecision(series, MriRole.OTHER, after, 0.7)
    clear = physics if physics is not FatWater.BETWEEN else None
    if words is not None and clear is not None and words is not clear:
        return ask(series, evidence, f"its description says {words} and its echo time says {clear}")
    state = words or clear
    if state is None:
        return ask(series, evidence, "its echo time tells neither in nor opposed phase")
    if words is None:
        return SequenceDecision(
            series, _ROLE_OF_STATE[state], evidence, 0.8 if own.names_dual else 0.7
        )
    return SequenceDecision(series, _ROLE_OF_STATE[state], evidence, 0.95 if clear else 0.8)


def _has_pair(
    series: CandidateSeries, facts: Mapping[str, MriFacts], study: Sequence[CandidateSeries]
) -> bool:
    """Tell whether another series differs in its echo alone, one in and the other opposed.

    A pair of in and opposed echoes is what dual echo is; more than two like echoes are a
    relaxometry scan.
    """
    like = [one for one in study if _same_but_echo(series, one)]
    echoes = {round(one.head.echo_time_ms or 0.0, 2) for one in like}
    states = {facts[one.volume_id].fat_water_physics for one in like}
    return len(echoes) == 2 and states == {FatWater.IN_PHASE, FatWater.OPPOSED}  # noqa: PLR2004  # a pair


def _same_but_echo(one: CandidateSeries, other: CandidateSeries) -> bool:
    first, second = one.head, other.head
    if None in (first.mr.repetition_ms, second.mr.repetition_ms):
        return one is other
    tr, other_tr = first.mr.repetition_ms or 0.0, second.mr.repetition_ms or 0.0
    return (
        abs(tr - other_tr) <= _LARGEST_PAIR_DIFFERENCE * max(tr, other_tr)
        and first.mr.flip_degrees == second.mr.flip_degrees
        and first.mr.scanning == second.mr.scanning
        and (first.rows, first.columns) == (second.rows, second.columns)
        and len(one.instances) == len(other.instances)
        and first.bolus_agent == second.bolus_agent
    )


def _phase(
    series: CandidateSeries, own: MriFacts, timed: MriRole | None, evidence: tuple[str, ...]
) -> SequenceDecision:
    """Bring text and time together for a T1 series; where they disagree, ask."""
    named = own.phases
    if not named and timed is None:
        return ask(series, evidence, SILENT)
    if timed is not None and (not named or (len(named) > 1 and timed in named)):
        return SequenceDecision(series, timed, evidence, 0.7)
    if len(named) > 1:
        return ask(series, evidence, "its description names several phases")
    if timed is not None and timed is not named[0]:
        return ask(
            series,
            evidence,
            f"its description says {named[0]} and its time after injection {timed}",
        )
    if own.weighting is Weighting.UNKNOWN:
        return ask(series, evidence, "its description names a phase, its echoes are unknown")
    return SequenceDecision(series, named[0], evidence, 0.8 if timed is None else 0.95)
