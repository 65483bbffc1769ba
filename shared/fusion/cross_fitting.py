"""Who trains, who chooses the round and who is scored in each fold of a cross-validation.

Sources: Quan 2024, Methods (five folds of the training cohort); Wolpert 1992, Neural Networks 5
(out-of-fold features: the machine that joins image and clinic must not see scores of patients on
whom the network was trained).

Every set of patients that a sum or an update is about is a union of whole folds. So whatever is
compared between two trainings differs by whole folds too, never by a patient or two.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from shared.cohort.patient import PreparedPatient
from shared.errors import DataError
from shared.fusion.folds import assign_folds, site_generator
from shared.vocabulary import Split

FEWEST_FOLDS = 3
"""One is left out, one chooses the round, and somebody must be trained on."""


def development_folds(
    patients: Sequence[PreparedPatient], folds: int, seed: int, site: str
) -> Int64[np.ndarray, " patient"]:
    """Deal a site's patients to folds.

    The same folds as those of the support vector machine, which deals the rows of the development
    patients in the same order by the same generator.

    Args:
        patients: All patients of the site, in the order of their case numbers.
        folds: At least 2.
        seed: Of the run.
        site: The site's name.

    Returns:
        Fold of each patient from 1; 0 for the held-out, who are in no fold.

    Raises:
        DataError: When fewer than two folds are asked for.
    """
    inside = np.array([p.split is not Split.HELD_OUT for p in patients], dtype=np.bool_)
    events = np.array([p.event for p in patients], dtype=np.bool_)
    numbers = np.zeros(len(patients), dtype=np.int64)
    numbers[inside] = 1 + assign_folds(events[inside], folds, site_generator(seed, site))
    return numbers


def patients_of_fold(
    patients: Sequence[PreparedPatient], *, fold: int, folds: int, seed: int, site: str
) -> tuple[PreparedPatient, ...]:
    """Give every patient the part they play in one fold.

    In fold k, fold k is held out, fold k + 1 chooses the best round (after the last fold comes the
    first) and the other folds are trained on. In fold 0 the patients whom the split holds out are
    held out, and fold 1 chooses; they take part in no other fold.

    Args:
        patients: All patients of the site, in the order of their case numbers; of their splits
            only the held-out ones count.
        fold: From 0 to the number of folds.
        folds: At least 3.
        seed: Of the run.
        site: The site's name.

    Returns:
        The patients who take part, in the same order.

    Raises:
        DataError: When there is no such fold, or too few folds.
    """
    if folds < FEWEST_FOLDS or not 0 <= fold <= folds:
        raise DataError(
            f"Expected a fold from 0 to the number of folds, and at least {FEWEST_FOLDS} folds, "
            f"got fold {fold} of {folds}. Ask for 5 folds."
        )
    inner = fold % folds + 1
    parts = {fold: Split.HELD_OUT, inner: Split.INNER_VALIDATION}
    return tuple(
        replace(patient, split=parts.get(number, Split.TRAINING))
        for patient, number in zip(
            patients, development_folds(patients, folds, seed, site).tolist(), strict=True
        )
        if number > 0 or fold == 0
    )
