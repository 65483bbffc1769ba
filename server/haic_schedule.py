"""The schedule of a run on MRI and clinic: census, trainings, features, models, evaluation, report.

Every training and every stage that has ended is on disk and is not repeated, but for the image
features: while a model is still to be fitted they are asked for again, which costs a site nothing
that keeps them and brings back one that was away.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from server.events import EventKind, EventStore
from server.federated_census import Census, take_census
from server.federated_image_features import ImageRunRoad
from server.haic_results import FoldResult, HaicResults
from server.haic_stages import STAGES
from server.haic_study import HaicStudy
from server.haic_training import folds_in_order, refuse_few_folds, train_fold
from server.run_folder import read_haic, write_census, write_haic
from server.schedule import census_line
from server.stage_run import run_stage, stage_line
from server.svm_exchanges import check_secrets
from shared.errors import MessageError, QuorumError
from shared.messages.exchange import Ask
from shared.settings import ConfigValue

_SERVER_ONLY = ("run-dir", "sites-dir", "pretrained-weights")
"""Config keys with paths of the server's own machine; no business of the sites."""


def run_haic_schedule(ask: Ask, study: HaicStudy, events: EventStore, run_dir: Path) -> HaicResults:
    """Run everything; a run that was killed goes on where it was.

    Args:
        ask: The road to the sites.
        study: What to do.
        events: Where it is recorded.
        run_dir: Where results go (``server.run_folder``); must hold no run with other settings.

    Returns:
        What was found.

    Raises:
        QuorumError: If too few sites are there; the run folder keeps what was reached.
        MessageError: If sites hold different rotation secrets, or some hold none.
        CheckpointError: If the folder holds another run, or a damaged one.
        SettingsError: If the run config asks for too few folds.
        HepafedError: What a training raises.
    """
    found, census = _begin(ask, study, events, run_dir)
    # Hours of training are for nothing where the machine cannot be fitted afterwards.
    _require_secret(ask, census, study.word())
    for fold in folds_in_order(study.settings.folds):
        if fold not in found.trained:
            result = train_fold(ask, study, fold, events, run_dir)
            study.progress(_fold_line(result))
            found = replace(found, folds=(*found.folds, result))
            write_haic(run_dir, study.settings, found)
    found = _run_stages(ImageRunRoad(ask, found.run), study, found, events, run_dir)
    study.conclude(run_dir, found)
    events.append(EventKind.STOP, reason="finished")
    return found


def run_haic_training_only(
    ask: Ask, study: HaicStudy, events: EventStore, run_dir: Path
) -> FoldResult:
    """Take the census and train on all development patients, nothing else.

    For networks that are compared by their losses (Quan 2024, Fig 2).

    Args:
        ask: The road to the sites.
        study: What to train.
        events: Where it is recorded.
        run_dir: Where results go: ``folds/fold-0``.

    Returns:
        What was reached.

    Raises:
        HepafedError: What a training raises.
    """
    found, _ = _begin(ask, study, events, run_dir)
    result = next((made for made in found.folds if made.fold == 0), None)
    if result is None:
        result = train_fold(ask, study, 0, events, run_dir)
        write_haic(run_dir, study.settings, replace(found, folds=(*found.folds, result)))
    events.append(EventKind.STOP, reason="trained", best_round=result.best_round)
    return result


def _begin(
    ask: Ask, study: HaicStudy, events: EventStore, run_dir: Path
) -> tuple[HaicResults, Census]:
    refuse_few_folds(study.settings.folds)
    found = read_haic(run_dir, study.settings)
    events.append(EventKind.RUN, resumed_after_folds=len(found.folds) if found else 0)
    if found is None:
        found = HaicResults(run=study.word())
        write_haic(run_dir, study.settings, found)
    elif found.folds:
        names = ", ".join(str(result.fold) for result in found.folds)
        study.progress(f"Going on after the training of folds {names}.")
    census = take_census(ask, _told_to_sites(study.config))
    write_census(run_dir, census)
    study.progress(census_line(census))
    return found, census


def _told_to_sites(config: Mapping[str, ConfigValue]) -> dict[str, ConfigValue]:
    return {key: value for key, value in config.items() if key not in _SERVER_ONLY}


def _require_secret(ask: Ask, census: Census, salt: str) -> None:
    """Refuse to begin when a site has no rotation secret or another one.

    Raises:
        MessageError: When one has none, or they differ.
        QuorumError: When so many have none that the rest is no quorum.
    """
    advice = "Set 'rotation_secret_file' under [secrets], the same file at every site."
    try:
        holding = check_secrets(ask, salt)
    except QuorumError as error:
        raise QuorumError(
            "Expected every site to show before training that it holds the rotation secret, got "
            f"too few. {error.message} {advice}"
        ) from error
    lacking = sorted(set(census.sites) - set(holding))
    if lacking:
        raise MessageError(
            "Expected every site to show before training that it holds the rotation secret, got "
            f"none from {', '.join(lacking)}. {advice}"
        )


def _run_stages(
    ask: Ask, study: HaicStudy, found: HaicResults, events: EventStore, run_dir: Path
) -> HaicResults:
    names = list(STAGES)
    pending = [name for name in names if name not in found.finished]
    if pending and "features" not in pending:
        pending.insert(0, "features")
    for name in pending:
        stage = STAGES[name]
        work = partial(stage.work, study=study, found=found, run_dir=run_dir)
        result, record = run_stage(name, ask, study, work)
        others = [made for made in found.stages if made.name != name]
        ordered = sorted([*others, record], key=lambda made: names.index(made.name))
        found = replace(found, stages=tuple(ordered), **{name: result})  # type: ignore[arg-type]  # a stage is named as the field of its result
        write_haic(run_dir, study.settings, found)
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
        shown = replace(record, name=stage.title)
        study.progress(stage_line(shown, names.index(name) + 1, len(names)))
    return found


def _fold_line(result: FoldResult) -> str:
    return f"Fold {result.fold}: best round {result.best_round} of {result.rounds}."
