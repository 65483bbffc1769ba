"""Where a run stands: the global weights, the rounds so far, the best of them."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.messages.training import Weights


@dataclass(frozen=True)
class SiteRound:
    """One site's part in one round.

    Attributes:
        training_loss: Mean cross-entropy per slice in the last local epoch.
        patients: Patients trained on.
        seconds: Wall time of the local work.
        steps: Optimiser steps.
    """

    training_loss: float
    patients: int
    seconds: float
    steps: int


@dataclass(frozen=True)
class RoundRecord:
    """One complete round, as ``history.json`` lists it.

    Attributes:
        round: From 1.
        learning_rate: Of this round.
        training_loss: Mean of the sites' losses, weighted by patients.
        validation_loss: Mean cross-entropy per inner-validation patient of the weights that this
            round made; known one exchange later, None until then and where no site has
            inner-validation patients.
        sites: Each site's part, by name.
        bytes_sent: To all sites together.
        bytes_received: From all sites together.
        seconds: Wall time of the exchange.
        failed: Sites that gave no usable reply.
    """

    round: int
    learning_rate: float
    training_loss: float
    validation_loss: float | None
    sites: Mapping[str, SiteRound]
    bytes_sent: int
    bytes_received: int
    seconds: float
    failed: tuple[str, ...]


@dataclass(frozen=True)
class RunState:
    """A run after a complete round.

    Attributes:
        round: Last complete round; 0 before the first.
        weights: Global weights after it.
        history: One record per complete round.
        strategy_memory: What the strategy remembers between rounds.
    """

    round: int
    weights: Weights
    history: tuple[RoundRecord, ...] = ()
    strategy_memory: Weights = field(default_factory=dict)

    def losses(self) -> list[float]:
        """Give the validation losses by round, without a last one that is not known yet.

        A round between others whose loss nobody could tell counts as not a number.
        """
        known = [math.nan if r.validation_loss is None else r.validation_loss for r in self.history]
        pending = bool(self.history) and self.history[-1].validation_loss is None
        return known[:-1] if pending else known

    def scored(self, loss: float | None) -> "RunState":
        """Give the same state with the validation loss of its last round filled in."""
        if not self.history:
            return self
        last = dataclasses.replace(self.history[-1], validation_loss=loss)
        return dataclasses.replace(self, history=(*self.history[:-1], last))
