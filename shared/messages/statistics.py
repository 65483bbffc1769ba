# noqa: A005 - the stage's stem; always imported as shared.messages.statistics
"""Statistics: events per day of follow-up, and the sums of logistic regressions.

Means, ranks and tables of counts travel as ``shared.messages.moments``.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64

from shared.messages.sums import SumField, SumKind


@dataclass(frozen=True)
class FollowUpRequest:
    """Ask how many patients had the event, and how many left without it, on each day.

    Patients without a time, an event flag or a group are left out.

    Attributes:
        time: Column of whole days after the first treatment day.
        event: Column of 0 (censored) and 1 (happened).
        group: Column of 0, 1, ... by which curves are compared; empty for one curve.
        groups: How many groups there are.
        longest: Largest day a patient may have; more is refused, not cut.
    """

    time: str
    event: str
    group: str
    groups: int
    longest: int

    @property
    def sums(self) -> tuple[SumField, ...]:
        """Events and censorings per group and day, from day 0."""
        shape = (self.groups, self.longest + 1)
        return (
            SumField("events", shape, SumKind.COUNT),
            SumField("censored", shape, SumKind.COUNT),
        )


class LogisticStep(StrEnum):
    """What is asked of the models."""

    LIKELIHOOD = "likelihood"
    """Log-likelihood, gradient and information at the coefficients."""
    LEVERAGE = "leverage"
    """Gradient of Firth's penalty, for a given inverse information."""
    SEPARATION = "separation"
    """Patients that a direction misplaces, and how many it places."""


@dataclass(frozen=True)
class LogisticRequest:
    """Ask for sums over the complete patients of each of several logistic models.

    Models lie one after the other in the flat fields; each has an intercept first.

    Attributes:
        step: What is asked.
        columns: Names of all columns.
        logged: Those that are logged first.
        event: Column of 0 and 1: whether the event happened.
        members: Places in ``columns`` of each model's columns.
        sizes: How many columns each model has.
        coefficients: Where to evaluate, per model with the intercept.
        directions: For leverages the inverse information, row by row; for separation the
            direction; else empty.
        image_run: Names the run whose image features join the table at the site; empty for none.
    """

    step: LogisticStep
    columns: tuple[str, ...]
    logged: tuple[str, ...]
    event: str
    members: tuple[int, ...]
    sizes: tuple[int, ...]
    coefficients: Float64[np.ndarray, " _"]
    directions: Float64[np.ndarray, " _"]
    image_run: str = ""

    @property
    def sums(self) -> tuple[SumField, ...]:
        """List what is summed, models one after the other."""
        models = len(self.sizes)
        length = sum(size + 1 for size in self.sizes)
        gradient = SumField("gradient", (length,), SumKind.WIDE)
        match self.step:
            case LogisticStep.LIKELIHOOD:
                squares = sum((size + 1) ** 2 for size in self.sizes)
                return (
                    SumField("patients", (models,), SumKind.COUNT),
                    SumField("events", (models,), SumKind.COUNT),
                    SumField("extreme", (models,), SumKind.COUNT),
                    SumField("value", (models,), SumKind.WIDE),
                    gradient,
                    SumField("information", (squares,), SumKind.WIDE),
                )
            case LogisticStep.LEVERAGE:
                return (gradient,)
            case LogisticStep.SEPARATION:
                return (
                    SumField("misplaced", (models,), SumKind.COUNT),
                    SumField("placed", (models,), SumKind.COUNT),
                )


StatisticsRequest = FollowUpRequest | LogisticRequest
"""Every request of this stage."""
