"""Split patients into training, inner validation and held-out, keeping the event share."""

from collections.abc import Sequence

import numpy as np

from shared.vocabulary import Split


def split_patients(
    events: Sequence[bool],
    held_out_fraction: float,
    inner_validation_fraction: float,
    rng: np.random.Generator,
) -> tuple[Split, ...]:
    """Assign every patient to one split, separately among events and non-events.

    Stratification keeps both classes in every split of a small site; counts are rounded to the
    nearest patient.

    Args:
        events: One flag per patient.
        held_out_fraction: Share of patients never trained on, in [0, 1).
        inner_validation_fraction: Share of the *remaining* patients used to choose the best
            round, in [0, 1).
        rng: Source of the shuffle; the same state gives the same split.

    Returns:
        One split per patient, in the order given.
    """
    assigned = np.full(len(events), Split.TRAINING, dtype=object)
    flags = np.asarray(events, dtype=bool)
    for happened in (True, False):
        members = rng.permutation(np.flatnonzero(flags == happened))
        held = round(held_out_fraction * len(members))
        inner = round(inner_validation_fraction * (len(members) - held))
        assigned[members[:held]] = Split.HELD_OUT
        assigned[members[held : held + inner]] = Split.INNER_VALIDATION
    return tuple(Split(s) for s in assigned)
