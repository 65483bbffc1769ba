"""What changes from round to round: the learning rate, the best round, and when to stop."""

import math
from collections.abc import Sequence


def learning_rate_of_round(initial: float, halve_every: int, round_number: int) -> float:
    """Halve the learning rate every so many rounds.

    Source: Liao 2024, section 2.4 (Adam, 1e-4, halved every 50 epochs; rounds stand for epochs).

    Args:
        initial: Learning rate of round 1.
        halve_every: Rounds at one rate.
        round_number: From 1.

    Returns:
        The learning rate.
    """
    return float(initial * 0.5 ** ((round_number - 1) // halve_every))


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
