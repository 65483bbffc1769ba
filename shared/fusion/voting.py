"""From slices to a patient: the mean probability as score, the majority vote as label."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from shared.errors import DataError

_THRESHOLD = 0.5


@dataclass(frozen=True)
class PatientVote:
    """What the slices of one patient say together.

    Attributes:
        mean_probability: Of the event over the slices, in [0, 1]; the score for ROC curves.
        event: The label.
        event_slices: Slices that vote for the event.
        slices: Slices in all.
        tied: Whether the vote was even and the mean probability decided.
    """

    mean_probability: float
    event: bool
    event_slices: int
    slices: int
    tied: bool


def vote(probabilities: Float[np.ndarray, " slice"]) -> PatientVote:
    """Let the slices of one patient vote.

    Source: Liao 2024, section 2.4 ("B-voting": the label of most slices). The paper leaves even
    votes and the score of the ROC curve open: ours are the mean probability (0.5 or more is the
    event) for both.

    Args:
        probabilities: Of the event, one per slice, in [0, 1]; a slice votes for the event at
            0.5 or more.

    Returns:
        Score and label.

    Raises:
        DataError: When there is no slice or a value is not a probability.

    Example:
        >>> vote(np.array([0.1, 0.9, 0.8, 0.7, 0.2])).event
        True
    """
    inside = (probabilities >= 0) & (probabilities <= 1)  # NaN is outside too
    if not probabilities.size or not inside.all():
        raise DataError(
            f"Expected one probability per slice, got {probabilities.size} values of which "
            f"{probabilities.size - np.count_nonzero(inside)} lie outside [0, 1]. Check that the "
            "study has slices and the network finite weights."
        )
    # Rounding in the mean of equal values must not carry it past its own extremes.
    mean = float(np.clip(probabilities.mean(), probabilities.min(), probabilities.max()))
    count = probabilities.size
    for_event = int(np.count_nonzero(probabilities >= _THRESHOLD))
    tied = 2 * for_event == count
    return PatientVote(
        mean_probability=mean,
        event=mean >= _THRESHOLD if tied else 2 * for_event > count,
        event_slices=for_event,
        slices=count,
        tied=tied,
    )
