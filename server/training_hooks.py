"""What happens around the rounds of a training: checkpoints, history, events, a line to read."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from server.checkpoint import CheckpointFolder
from server.events import EventKind, EventStore
from server.federated_training import WHOLE, Fold, TrainingHooks
from server.run_folder import write_best, write_history
from server.run_state import RunState
from server.traffic import Traffic
from shared.messages.training import Weights
from shared.settings import RunSettings


@runtime_checkable
class Training(Protocol):
    """What the hooks need of a study."""

    @property
    def settings(self) -> RunSettings:
        """Give the settings of the run."""
        ...

    @property
    def digest_of(self) -> Callable[[Weights], str]:
        """Name weights by their content."""
        ...

    @property
    def traffic(self) -> Callable[[], Traffic]:
        """Tell what the last exchange cost."""
        ...

    @property
    def progress(self) -> Callable[[str], None]:
        """Take one line for a person who waits."""
        ...


def training_hooks(
    study: Training, events: EventStore, folder: Path, fold: Fold = WHOLE
) -> TrainingHooks:
    """Make the hooks of one training.

    Args:
        study: What is trained.
        events: Where it is recorded.
        folder: Where its files go: the run folder, or one fold's folder.
        fold: Which training of a cross-validation.

    Returns:
        The hooks.
    """
    checkpoints = CheckpointFolder(folder, study.settings)
    said = f"Fold {fold.number}, round" if fold.count else "Round"

    def round_done(state: RunState) -> None:
        record = state.history[-1]
        checkpoints.save(state)
        write_history(folder, state)
        events.append(
            EventKind.ROUND,
            round_number=record.round,
            learning_rate=record.learning_rate,
            training_loss=record.training_loss,
            sites=len(record.sites),
            bytes_sent=record.bytes_sent,
            bytes_received=record.bytes_received,
            seconds=record.seconds,
            fold=fold.number,
        )
        study.progress(
            f"{said} {record.round}/{study.settings.rounds}: training loss "
            f"{record.training_loss:.4f}, {len(record.sites)} sites, {record.seconds:.1f} s."
        )

    def scored(state: RunState, is_best: bool) -> None:  # noqa: FBT001  # the signature of the hook
        loss = state.history[-1].validation_loss
        if is_best:
            write_best(folder, state, study.digest_of(state.weights))
        write_history(folder, state)
        events.append(
            EventKind.AGGREGATE,
            round_number=state.round,
            validation_loss=loss,
            best=is_best,
            fold=fold.number,
        )
        if loss is not None:
            mark = " (best)" if is_best else ""
            study.progress(f"{said} {state.round}: validation loss {loss:.4f}{mark}.")

    return TrainingHooks(study.traffic, round_done, scored)
