"""The server's part of training: rounds, learning rate, best weights, early stopping.

A round's request carries the global weights; its replies carry the sites' updates and the
inner-validation loss of the weights they *received*. So the loss of the weights that round r makes
is known with the replies of round r + 1, and the last weights get one more request, with zero
local epochs.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from server.run_state import RoundRecord, RunState, SiteRound
from server.traffic import Traffic
from shared.messages.exchange import Ask
from shared.messages.training import TrainingReply, TrainingRequest, Weights
from shared.settings import RunSettings
from shared.training.schedule import (
    best_round,
    learning_rate_of_round,
    learning_rate_on_plateau,
    should_stop,
)


@runtime_checkable
class Combine(Protocol):
    """What training needs of an aggregation strategy (``server.strategies.Aggregation``)."""

    def begin(self, round_number: int, weights: Weights) -> None:
        """See the weights that a round starts from."""
        ...

    def combine(self, round_number: int, replies: dict[str, TrainingReply]) -> Weights:
        """Turn replies into the next weights; may empty the replies."""
        ...

    def memory(self) -> Weights:
        """Give what is remembered between rounds."""
        ...


@dataclass(frozen=True)
class TrainingHooks:
    """What happens around the rounds.

    Attributes:
        traffic: Tells what the last exchange cost.
        round_done: Called with the state after every complete round.
        scored: Called whenever the validation loss of a round's weights becomes known, with the
            state that holds these weights and whether they are the best so far.
    """

    traffic: Callable[[], Traffic]
    round_done: Callable[[RunState], None]
    scored: Callable[[RunState, bool], None]


@dataclass(frozen=True)
class Fold:
    """Which training of a cross-validation inside the sites.

    Attributes:
        number: k leaves fold k out; 0 trains on all development patients.
        count: How many folds there are; 0 where there is no cross-validation.
    """

    number: int = 0
    count: int = 0


WHOLE: Final = Fold()
"""The one training of a run without cross-validation."""


def train(
    ask: Ask,
    strategy: Combine,
    settings: RunSettings,
    state: RunState,
    hooks: TrainingHooks,
    fold: Fold = WHOLE,
) -> RunState:
    """Train from a state to the last round, or until the validation loss no longer falls.

    Weights before the first round are never the best: a run releases what it trained. Where no
    site has inner-validation patients, the last weights are the best.

    Args:
        ask: The road to the sites.
        strategy: Turns updates into the next weights.
        settings: Rounds, local epochs, learning rate, patience.
        state: Where to start; round 0 or a checkpoint.
        hooks: Checkpoints and events.
        fold: Which training of a cross-validation.

    Returns:
        The final state, every validation loss filled in.

    Raises:
        QuorumError: If too few sites answered a round.
        MessageError: If the strategy could not aggregate.
    """
    for number in range(state.round + 1, settings.rounds + 1):
        if _has_converged(state, settings.patience):
            return state
        request = TrainingRequest(
            round=number,
            local_epochs=settings.local_epochs,
            learning_rate=_learning_rate(settings, state, number),
            proximal_mu=settings.proximal_mu,
            seed=settings.seed,
            weights=state.weights,
            fold=fold.number,
            folds=fold.count,
        )
        strategy.begin(number, state.weights)
        replies = dict(ask(request, TrainingReply))
        state = _scored(state, replies, hooks)
        if _has_converged(state, settings.patience):
            return state
        record = _record(request, replies, hooks.traffic())
        weights = strategy.combine(number, replies)
        history = (*state.history, record)
        state = RunState(number, weights, history, strategy.memory())
        hooks.round_done(state)
    return _score_last(ask, settings, state, hooks, fold)


def _learning_rate(settings: RunSettings, state: RunState, number: int) -> float:
    """Choose the rate of a round from the losses in the checkpoint before it, and nothing else.

    The loss of the weights that the round starts from is not known yet, so a plateau is seen one
    round later than by a trainer who validates at once.
    """
    if settings.schedule == "plateau":
        return learning_rate_on_plateau(
            settings.learning_rate, state.losses(), settings.plateau_rounds
        )
    return learning_rate_of_round(settings.learning_rate, settings.halve_every, number)


def _score_last(
    ask: Ask, settings: RunSettings, state: RunState, hooks: TrainingHooks, fold: Fold
) -> RunState:
    if not state.history or state.history[-1].validation_loss is not None:
        return state
    request = TrainingRequest(
        round=state.round + 1,
        local_epochs=0,
        learning_rate=settings.learning_rate,
        proximal_mu=0.0,
        seed=settings.seed,
        weights=state.weights,
        fold=fold.number,
        folds=fold.count,
    )
    return _scored(state, ask(request, TrainingReply), hooks)


def _scored(
    state: RunState, replies: Mapping[str, TrainingReply], hooks: TrainingHooks
) -> RunState:
    """Fill in the validation loss of the weights that these replies received."""
    if not state.history or state.history[-1].validation_loss is not None:
        return state
    patients = sum(reply.validation_patients for reply in replies.values())
    loss = (
        sum(reply.validation_loss_sum for reply in replies.values()) / patients
        if patients
        else None
    )
    state = state.scored(loss)
    best = best_round(state.losses())
    hooks.scored(state, best in (0, state.round))
    return state


def _has_converged(state: RunState, patience: int) -> bool:
    losses = state.losses()
    # Without inner-validation patients there is nothing to judge by.
    return best_round(losses) > 0 and should_stop(losses, patience)


def _record(
    request: TrainingRequest, replies: Mapping[str, TrainingReply], traffic: Traffic
) -> RoundRecord:
    patients = sum(reply.training_patients for reply in replies.values())
    weighted = sum(reply.training_patients * reply.training_loss for reply in replies.values())
    sites = {
        name: SiteRound(reply.training_loss, reply.training_patients, reply.seconds, reply.steps)
        for name, reply in sorted(replies.items())
    }
    return RoundRecord(
        round=request.round,
        learning_rate=request.learning_rate,
        training_loss=weighted / patients,
        validation_loss=None,
        sites=sites,
        **dataclasses.asdict(traffic),
    )
