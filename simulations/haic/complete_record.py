"""What a simulation adds to a federation's record: other arms, pictures, times, best areas."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from server.haic_model_rows import arm_of
from shared.report.haic_record import BayesAucs, Candidate, Exclusion, HaicRecord, SequenceOverlay
from simulations.haic.arms import ArmOutcome


@dataclass(frozen=True)
class SimulationFacts:
    """What the server of a federation cannot know.

    Attributes:
        seconds: Wall time by step of the simulation.
        baselines: Outcomes of the other arms, in the order of the report.
        candidates: Networks that were compared by their losses.
        exclusions: Patients left out, by site and reason.
        overlays: Pictures; none of real patients.
        bayes: Best possible areas, of an invented cohort.
        departures: How an invented cohort differs from life, one sentence each.
    """

    seconds: Mapping[str, float]
    baselines: Mapping[str, ArmOutcome]
    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...]
    overlays: tuple[SequenceOverlay, ...]
    bayes: BayesAucs
    departures: tuple[str, ...]


def complete_record(record: HaicRecord, facts: SimulationFacts) -> HaicRecord:
    """Add what the simulation knows.

    Args:
        record: Of the federation, as its server left it.
        facts: Of the simulation.

    Returns:
        The record of the report.
    """
    done = {name: one for name, one in facts.baselines.items() if one.evaluation is not None}
    return replace(
        record,
        seconds=dict(facts.seconds),
        arms=(
            *record.arms,
            *(
                arm_of(name, {}, one.evaluation)
                for name, one in done.items()
                if one.evaluation is not None
            ),
        ),
        candidates=facts.candidates,
        exclusions=facts.exclusions,
        overlays=facts.overlays,
        bayes=facts.bayes,
        departures=(*record.departures, *facts.departures),
        notes=(
            *record.notes,
            *(
                f"{name} has no result: {one.failure}"
                for name, one in facts.baselines.items()
                if name not in done
            ),
        ),
    )
