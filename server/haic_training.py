"""The trainings of a cross-validation inside the sites, one after the other, each resumable."""

from pathlib import Path

from server.checkpoint import CheckpointFolder
from server.events import EventStore
from server.federated_training import Fold, train
from server.haic_results import FoldResult
from server.haic_study import HaicStudy
from server.run_folder import fold_folder, read_best, write_history
from server.run_state import RunState
from server.strategies import Aggregation
from server.training_hooks import training_hooks
from shared.errors import Problem, SettingsError
from shared.fusion.cross_fitting import FEWEST_FOLDS
from shared.messages.exchange import Ask


def folds_in_order(folds: int) -> tuple[int, ...]:
    """List the trainings: each fold left out, then the one on all development patients."""
    return (*range(1, folds + 1), 0)


def refuse_few_folds(folds: int) -> None:
    """Refuse a cross-validation that would leave nobody to train on.

    Raises:
        SettingsError: When there are fewer than three folds.
    """
    if folds < FEWEST_FOLDS:
        problem = Problem(
            "folds",
            str(folds),
            f"at least {FEWEST_FOLDS}: one is left out, one chooses the round",
            "Set folds to 5.",
        )
        raise SettingsError("The run config cannot be used.", [problem])


def train_fold(
    ask: Ask, study: HaicStudy, fold: int, events: EventStore, run_dir: Path
) -> FoldResult:
    """Train one fold to its end; a training that was killed goes on after its last round.

    Args:
        ask: The road to the sites.
        study: What to train.
        fold: k leaves fold k out; 0 trains on all development patients.
        events: Where it is recorded.
        run_dir: Files go to the fold's folder in it.

    Returns:
        What was reached.

    Raises:
        HepafedError: What a round raises; the folder keeps the last complete round.
    """
    folder = fold_folder(run_dir, fold)
    strategy = Aggregation(study.settings)
    state = CheckpointFolder(folder, study.settings).load()
    if state is not None:
        strategy.remember(state.strategy_memory)
        study.progress(f"Fold {fold}: going on after round {state.round}.")
    which = Fold(fold, study.settings.folds)
    start = state or RunState(0, study.initial_weights())
    hooks = training_hooks(study, events, folder, which)
    state = train(ask, strategy, study.settings, start, hooks, which)
    write_history(folder, state)
    best, _ = read_best(folder)
    loss = best.validation_loss
    return FoldResult(
        fold=fold,
        rounds=state.round,
        best_round=best.round,
        validation_loss=float("nan") if loss is None else loss,
        model_digest=best.model_digest,
        seconds=sum(record.seconds for record in state.history),
        bytes_sent=sum(record.bytes_sent for record in state.history),
        bytes_received=sum(record.bytes_received for record in state.history),
    )
