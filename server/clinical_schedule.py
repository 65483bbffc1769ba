"""The schedule of a run of clinical statistics: census, then one stage after the other.

A stage that the sites refuse is withheld with the reason, and the run goes on. A stage that has
ended is never repeated: what a site answered twice over changed patients could be subtracted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from server.clinical_results import ClinicalStatistics
from server.clinical_stages import (
    compare_baseline,
    compare_subgroups,
    fit_clinical_svm,
    regress,
)
from server.events import EventKind, EventStore
from server.federated_census import Census, take_census
from server.federated_evaluation import evaluate
from server.run_folder import read_statistics, write_census, write_statistics
from server.stage_run import run_stage, stage_line
from server.statistics_table import write_statistics_csv
from server.traffic import Traffic
from shared.cohort.analysis_columns import MODEL_COLUMNS
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.errors import DataError, Refusal
from shared.fusion.svm_arrays import svm_to_arrays
from shared.messages.exchange import Ask
from shared.messages.training import Weights
from shared.settings import ConfigValue, RunSettings

_SERVER_ONLY = ("run-dir", "sites-dir", "pretrained-weights")
"""Config keys with paths of the server's own machine; no business of the sites."""


@dataclass(frozen=True)
class ClinicalStudy:
    """What the schedule needs to know.

    Attributes:
        settings: Of the run.
        config: The run config as the coordinator wrote it.
        digest_of: Names a model by its content.
        traffic: Tells what the last exchange cost.
        refusals: Tells who refused the last exchange on purpose.
        salt: Draws a new salt for the fits of one attempt.
        progress: Takes one line for a person who waits.
    """

    settings: RunSettings
    config: Mapping[str, ConfigValue]
    digest_of: Callable[[Weights], str]
    traffic: Callable[[], Traffic]
    refusals: Callable[[], Mapping[str, Refusal]]
    salt: Callable[[], str]
    progress: Callable[[str], None]


Stage = Callable[[Ask, ClinicalStudy, ClinicalStatistics], object]
"""Gives a stage's result, from the sites and from what earlier stages found."""


def _model(ask: Ask, study: ClinicalStudy, _found: ClinicalStatistics) -> object:
    return fit_clinical_svm(ask, study.settings.seed, study.salt())


def _evaluation(ask: Ask, study: ClinicalStudy, found: ClinicalStatistics) -> object:
    if found.model is None:
        raise DataError(
            "Expected a model to evaluate, got none. See why the stage before has none."
        )
    arrays = svm_to_arrays(found.model.model, MODEL_COLUMNS)
    return evaluate(ask, arrays, study.digest_of(arrays), PROGRESSIVE_DISEASE)


STAGES: Final[Mapping[str, Stage]] = {
    "baseline": lambda ask, _study, _found: compare_baseline(ask),
    "regression": lambda ask, _study, _found: regress(ask),
    "survival": lambda ask, _study, _found: compare_subgroups(ask),
    "model": _model,
    "evaluation": _evaluation,
}
"""In order; named as the field of ``ClinicalStatistics`` that holds the result."""


def run_clinical_schedule(
    ask: Ask, study: ClinicalStudy, events: EventStore, run_dir: Path
) -> ClinicalStatistics:
    """Run all stages; a run that was killed goes on after its last finished stage.

    Args:
        ask: The road to the sites.
        study: What to do.
        events: Where it is recorded.
        run_dir: Where results go (``server.run_folder``); must hold no run with other settings.

    Returns:
        What was found.

    Raises:
        QuorumError: If too few sites are there; the run folder keeps the finished stages.
        CheckpointError: If the folder holds another run, or a damaged one.
    """
    found = read_statistics(run_dir, study.settings)
    events.append(EventKind.RUN, resumed_after_stages=len(found.stages))
    if found.stages:
        study.progress(f"Going on after {', '.join(r.name for r in found.stages)}.")
    census = take_census(ask, {k: v for k, v in study.config.items() if k not in _SERVER_ONLY})
    write_census(run_dir, census)
    study.progress(_census_line(census))
    for name in STAGES:
        if name in found.finished:
            continue
        found = _after_stage(name, ask, study, found)
        write_statistics(run_dir, study.settings, found)
        write_statistics_csv(run_dir / "statistics.csv", found)
        record = found.stages[-1]
        events.append(
            EventKind.STAGE,
            stage=name,
            state=record.state.value,
            sites=len(record.sites),
            exchanges=record.exchanges,
            bytes_sent=record.bytes_sent,
            bytes_received=record.bytes_received,
            seconds=record.seconds,
        )
        study.progress(stage_line(record, list(STAGES).index(name) + 1, len(STAGES)))
    events.append(EventKind.STOP, reason="finished")
    return found


def _after_stage(
    name: str, ask: Ask, study: ClinicalStudy, found: ClinicalStatistics
) -> ClinicalStatistics:
    result, record = run_stage(name, ask, study, lambda road: STAGES[name](road, study, found))
    return replace(found, stages=(*found.stages, record), **{name: result})  # type: ignore[arg-type]  # a stage is named as the field of its result


def _census_line(census: Census) -> str:
    totals = census.totals
    return (
        f"{len(census.sites)} sites ({', '.join(census.sites)}): {totals['patients']} patients, "
        f"{totals['training_patients']} to fit on, {totals['held_out_patients']} held out."
    )
