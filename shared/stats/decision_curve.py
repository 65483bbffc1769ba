"""Net benefit of acting on a prediction, over the risks at which a clinician would act."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from shared.errors import DataError
from shared.stats.inputs import require_finite, require_flags


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per patient, in units of one rightly called event; calling nobody is 0.

    Attributes:
        thresholds: Risks at which one would act, in (0, 1).
        model: Net benefit of acting when the predicted risk reaches the threshold.
        everybody: Net benefit of acting on everybody.
    """

    thresholds: Float[np.ndarray, " _"]
    model: Float[np.ndarray, " _"]
    everybody: Float[np.ndarray, " _"]


def net_benefit(
    probabilities: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
    thresholds: Float[np.ndarray, " _"],
) -> DecisionCurve:
    """Weigh events called against others called, at the odds of each threshold.

    Source: Vickers and Elkin 2006, Medical Decision Making 26:
    called events / n - called others / n * threshold / (1 - threshold).

    Args:
        probabilities: Predicted probability of the event, in [0, 1].
        events: Whether the event happened; one class alone will do.
        thresholds: Risks, in (0, 1).

    Returns:
        The curve, one entry per threshold.

    Raises:
        DataError: When there are no patients, or a probability or threshold is out of range.

    Example:
        >>> p, events = np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False])
        >>> curve = net_benefit(p, events, np.array([0.2, 0.5]))
        >>> curve.model.round(4).tolist(), curve.everybody.round(4).tolist()
        ([0.4375, 0.0], [0.375, 0.0])
    """
    risk = require_finite(probabilities, "probabilities")
    require_flags(events, risk.size, "events")
    at = require_finite(thresholds, "thresholds")
    in_range = risk.size > 0 and risk.min() >= 0 and risk.max() <= 1
    if not in_range or np.any((at <= 0) | (at >= 1)):
        raise DataError(
            f"Expected patients with probabilities in [0, 1] and thresholds in (0, 1), got "
            f"{risk.size} patients and {at.size} thresholds, some out of range. "
            "Turn scores into probabilities first (Platt scaling)."
        )
    # A patient is called when risk >= threshold: all but those sorted strictly below it.
    called_events = np.count_nonzero(events) - np.searchsorted(np.sort(risk[events]), at)
    called_others = np.count_nonzero(~events) - np.searchsorted(np.sort(risk[~events]), at)
    odds = at / (1 - at)
    share = float(np.mean(events))
    return DecisionCurve(
        thresholds=at,
        model=(called_events - called_others * odds) / risk.size,
        everybody=share - (1 - share) * odds,
    )
