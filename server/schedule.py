"""The stages of a run, in order: census, training, evaluation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from server.checkpoint import CheckpointFolder
from server.events import EventKind, EventStore
from server.federated_census import Census, take_census
from server.federated_evaluation import evaluate
from server.federated_training import train
from server.run_folder import read_best, write_census, write_evaluation, write_history
from server.run_state import RunState
from server.strategies import Aggregation
from server.traffic import Traffic
from server.training_hooks import training_hooks
from shared.cohort.endpoint import Endpoint
from shared.errors import DisclosureError
from shared.messages.exchange import Ask
from shared.messages.training import Weights
from shared.settings import ConfigValue, RunSettings

_SERVER_ONLY = ("run-dir", "sites-dir", "pretrained-weights")
"""Config keys with paths of the server's own machine; no business of the sites."""


@dataclass(frozen=True)
class Study:
    """What a schedule needs to know.

    Attributes:
        settings: Of the run.
        config: The run config as the coordinator wrote it.
        endpoint: What is predicted.
        initial_weights: Makes the weights of round 0; called only for a fresh run.
        digest_of: Names weights by their content.
        traffic: Tells what the last exchange cost.
        progress: Takes one line for a person who waits.
    """

    settings: RunSettings
    config: Mapping[str, ConfigValue]
    endpoint: Endpoint
    initial_weights: Callable[[], Weights]
    digest_of: Callable[[Weights], str]
    traffic: Callable[[], Traffic]
    progress: Callable[[str], None]


def run_schedule(ask: Ask, study: Study, events: EventStore, run_dir: Path) -> None:
    """Run all stages; a run that was killed goes on from its last complete round.

    Args:
        ask: The road to the sites.
        study: What to do.
        events: Where it is recorded.
        run_dir: Where results go (``server.run_folder``); must hold no run with other settings.

    Raises:
        HepafedError: What any stage raises; the run folder then holds everything up to the last
            complete round.
    """
    strategy = Aggregation(study.settings)
    state = CheckpointFolder(run_dir, study.settings).load()
    events.append(EventKind.RUN, resumed_after_round=state.round if state else None)
    if state is not None:
        strategy.remember(state.strategy_memory)
        study.progress(f"Going on after round {state.round}.")
    census = take_census(ask, {k: v for k, v in study.config.items() if k not in _SERVER_ONLY})
    write_census(run_dir, census)
    study.progress(census_line(census))
    state = state or RunState(0, study.initial_weights())
    state = train(ask, strategy, study.settings, state, training_hooks(study, events, run_dir))
    write_history(run_dir, state)
    _evaluate(ask, study, events, run_dir)


def _evaluate(ask: Ask, study: Study, events: EventStore, run_dir: Path) -> None:
    best, weights = read_best(run_dir)
    try:
        evaluation = evaluate(ask, weights, best.model_digest, study.endpoint)
    except DisclosureError as error:
        # The model stands; two sites, for one, may train together but not sum their counts.
        events.append(EventKind.STOP, reason="evaluation withheld", best_round=best.round)
        study.progress(f"Best round {best.round}. No evaluation: {error}")
        return
    write_evaluation(run_dir, evaluation)
    auc = evaluation.auc.auc if evaluation.auc else None
    events.append(EventKind.STOP, reason="finished", best_round=best.round, auc=auc)
    said = "" if auc is None else f", AUC {auc:.3f}"
    study.progress(
        f"Best round {best.round}; {evaluation.patients} held-out patients of "
        f"{len(evaluation.sites)} sites{said}."
    )


def census_line(census: Census) -> str:
    """Say in a sentence what the sites bring together."""

    def told(count: str) -> str:
        silent = census.withheld[count]
        if silent == len(census.sites):
            return "an untold number"
        return f"{census.totals[count]}" + (f" (without {silent} silent sites)" if silent else "")

    return (
        f"{len(census.sites)} sites ({', '.join(census.sites)}): {told('patients')} patients, "
        f"{told('training_patients')} to train on, "
        f"{told('inner_validation_patients')} to choose the round, "
        f"{told('held_out_patients')} held out."
    )
