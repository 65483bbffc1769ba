"""What changes from round to round: the learning rate, the best round, and when to stop."""

import math
from collections.abc import Sequence

from shared.training.training_settings import Schedule, TrainingSettings


def learning_rate_of_round(initial: float, halve_every: int, round_number: int) -> float:
    """Halve the learning rate every so many rounds.

    Source: Liao 2024, section 2.4 (Adam, 1e-4, halved every 50 epochs; rounds stand for epochs).

    Args:
        initial: Learning rate of round 1.
        halve_every: Rounds at one rate; 0 keeps the first.
        round_number: From 1.

    Returns:
        The learning rate.
    """
    if halve_every == 0:
        return initial
    return float(initial * 0.5 ** ((round_number - 1) // halve_every))


def learning_rate_on_plateau(
    initial: float, losses: Sequence[float], plateau_rounds: int, factor: float = 0.1
) -> float:
    """Lower the learning rate each time the loss has stood still long enough.

    The rounds are counted from the best one or from the last lowering, whichever is later. A
    function of the losses alone, so a resumed run trains at the rates of one that never stopped.

    Source: Quan 2024, Methods (0.01, a tenth when validation accuracy has not improved for 10
    epochs). Departure: on the federated inner-validation loss, since their validation patients
    are those that are reported, and since the accuracy of few patients stands still by chance.
    Rounds stand for epochs.

    Args:
        initial: Learning rate of round 1.
        losses: Validation loss of the rounds so far; NaN where none is known,
            which is passed over: it says neither better nor worse.
        plateau_rounds: Rounds without a lower loss that lead to a lowering, 1 or more.
        factor: What the rate is multiplied with.

    Returns:
        The learning rate of the next round.
    """
    best, waited, lowered = math.inf, 0, 0
    for loss in losses:
        if math.isnan(loss):
            continue
        better = loss < best
        best = min(best, loss)
        waited = 0 if better else waited + 1
        if waited == plateau_rounds:
            waited, lowered = 0, lowered + 1
    return float(initial * factor**lowered)


def next_learning_rate(settings: TrainingSettings, losses: Sequence[float]) -> float:
    """Give the learning rate of the next round by the study's schedule.

    Args:
        settings: How a site trains.
        losses: Validation loss of every round so far; NaN where none is known. Their number
            tells which round comes next.

    Returns:
        The learning rate.
    """
    if settings.schedule is Schedule.PLATEAU:
        return learning_rate_on_plateau(settings.learning_rate, losses, settings.plateau_rounds)
    return learning_rate_of_round(settings.learning_rate, settings.halve_every, len(losses) + 1)


def best_round(losses: Sequence[float]) -> int:
    """Find the round to keep.

    Args:
        losses: Validation loss by round; one that is not finite is never the best.

    Returns:
        Number of the round with the lowest loss, from 1; the earliest where several are equal;
        0 when there is none.
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    return losses.index(min(finite)) + 1 if finite else 0


def should_stop(losses: Sequence[float], patience: int) -> bool:
    """Tell whether training has gone long enough without a better round.

    Source: Liao 2024, section 2.4 (early stopping). Departure: on patients set apart from the
    training patients, not on those that are reported (``best_round`` chooses on them too).

    Args:
        losses: Validation loss by round, so far.
        patience: Rounds without a lower loss that are tolerated; 0 never stops.

    Returns:
        Whether the last ``patience`` rounds brought no lower loss.
    """
    return patience > 0 and len(losses) - best_round(losses) >= patience
