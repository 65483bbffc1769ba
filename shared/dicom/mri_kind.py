"""What one MR series is by itself: its weighting, the phase it names, its fat-water state.

Text and physics are read apart, so that a contradiction between them can be seen.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.dicom.echo_physics import FatWater, fat_water, fat_water_cycles
from shared.dicom.mri_tables import MriTables, phases_named, plain_text
from shared.dicom.series import CandidateSeries
from shared.vocabulary import MriRole

_SHORTEST_T2_MS = 50.0
_LONGEST_T1_GRADIENT_MS = 12.0
_IN_WORDS = frozenset(("IN_PHASE", "INPHASE", "IP", "IN", "I_P"))
_OPPOSED_WORDS = frozenset(
    ("OPP_PHASE", "OUT_PHASE", "OPPOSED_PHASE", "OUTPHASE", "OUT_OF_PHASE", "OP", "OPP", "OUT")
)
_WATER_WORDS = frozenset(("WATER", "W", "WFI"))
_FAT_WORDS = frozenset(("FAT", "F"))


class Weighting(StrEnum):
    """The family of a series, from its echoes."""

    T1_GRADIENT = "T1 gradient echo"
    T2_SPIN = "T2 spin echo"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MriFacts:
    """What one series says about itself.

    Attributes:
        weighting: By physics; by words where physics is silent.
        words_disagree: The description names another weighting than the physics.
        single_shot: The description names single-shot T2.
        phases: T1 phases that the description or, if silent, the protocol names.
        fat_water_text: In or opposed phase by image type or description.
        fat_water_physics: The same by echo time and field.
        names_dual: The description names the pair or both states.
        separated: ``water`` or ``fat`` for a separated image, else empty.
        evidence: All of it as clauses, without quotations from the file.
    """

    weighting: Weighting
    words_disagree: bool
    single_shot: bool
    phases: tuple[MriRole, ...]
    fat_water_text: FatWater | None
    fat_water_physics: FatWater | None
    names_dual: bool
    separated: str
    evidence: tuple[str, ...]


def series_facts(series: CandidateSeries, tables: MriTables) -> MriFacts:
    """Read what one MR series says about itself.

    Args:
        series: A candidate of liver MRI.
        tables: The site's words.

    Returns:
        The facts.
    """
    text = plain_text(series.head.description)
    physics, shown = _by_physics(series)
    named = _by_words(text or plain_text(series.head.protocol), tables)
    phases = phases_named(text, tables)
    source = "description"
    if not phases:
        by_protocol = phases_named(series.head.protocol, tables)
        phases, source = (by_protocol if len(by_protocol) == 1 else ()), "protocol"
    state, both = _fat_water_by_words(series, text, tables)
    cycles = fat_water_cycles(series.head.echo_time_ms, series.head.mr)
    by_echo = None if cycles is None else fat_water(cycles)
    weighting = physics if physics is not Weighting.UNKNOWN else named
    evidence = [shown] if shown else []
    if named is not Weighting.UNKNOWN:
        evidence.append(f"description names {named}")
    if phases:
        evidence.append(f"{source} names {' and '.join(phases)}")
    if state is not None:
        evidence.append(f"named {state}")
    if cycles is not None and weighting is Weighting.T1_GRADIENT:
        evidence.append(f"{cycles:.2f} fat-water cycles at its echo: {by_echo}")
    return MriFacts(
        weighting=weighting,
        words_disagree=Weighting.UNKNOWN not in (physics, named) and physics is not named,
        single_shot=tables.single_shot.search(text) is not None,
        phases=phases,
        fat_water_text=state,
        fat_water_physics=by_echo if weighting is Weighting.T1_GRADIENT else None,
        names_dual=both or tables.dual.search(text) is not None,
        separated=_separated(series, text),
        evidence=tuple(evidence),
    )


def _by_physics(series: CandidateSeries) -> tuple[Weighting, str]:
    echo_ms, mr = series.head.echo_time_ms, series.head.mr
    if echo_ms is None:
        return Weighting.UNKNOWN, ""
    spin, gradient = "SE" in mr.scanning, "GR" in mr.scanning
    shown = f"{'spin' if spin and not gradient else 'gradient'} echo, TE {echo_ms:.1f} ms"
    if mr.repetition_ms is not None:
        shown += f", TR {mr.repetition_ms:.0f} ms"
    if spin and not gradient and echo_ms >= _SHORTEST_T2_MS:
        return Weighting.T2_SPIN, shown
    if gradient and not spin and echo_ms <= _LONGEST_T1_GRADIENT_MS:
        return Weighting.T1_GRADIENT, shown
    return Weighting.UNKNOWN, shown if spin or gradient else f"TE {echo_ms:.1f} ms"


def _by_words(text: str, tables: MriTables) -> Weighting:
    t2 = tables.t2.search(text) is not None or tables.single_shot.search(text) is not None
    t1 = tables.t1_gradient.search(text) is not None
    if t1 == t2:
        return Weighting.UNKNOWN
    return Weighting.T2_SPIN if t2 else Weighting.T1_GRADIENT


def _fat_water_by_words(
    series: CandidateSeries, text: str, tables: MriTables
) -> tuple[FatWater | None, bool]:
    """Read the state from the image type, else the description; tell whether it names both."""
    kinds = set(series.head.image_type)
    typed = {
        state
        for state, known in (
            (FatWater.IN_PHASE, _IN_WORDS),
            (FatWater.OPPOSED, _OPPOSED_WORDS),
        )
        if kinds & known
    }
    if len(typed) == 1:
        return typed.pop(), False
    inside = tables.in_phase.search(text) is not None
    opposed = tables.opposed.search(text) is not None
    if inside and opposed:
        return None, True
    if inside:
        return FatWater.IN_PHASE, False
    return (FatWater.OPPOSED if opposed else None), False


def _separated(series: CandidateSeries, text: str) -> str:
    kinds = set(series.head.image_type[2:])
    lowered = text.lower().strip()
    if kinds & _WATER_WORDS or lowered.startswith("water:") or lowered.endswith(("_w", " w")):
        return "water"
    if kinds & _FAT_WORDS or lowered.startswith("fat:") or lowered.endswith(("_f", " f")):
        return "fat"
    return ""
