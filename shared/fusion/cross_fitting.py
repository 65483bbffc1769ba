"""Who trains and who is scored in each fold of a cross-validation inside one site.

Source: Quan 2024, Methods (five folds of the training cohort); out-of-fold features as in stacking
(Wolpert 1992, Neural Networks 5:241): the machine that joins image and clinic must not see scores
of patients on whom the network was trained.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from shared.cohort.patient import PreparedPatient
from shared.cohort.split import split_patients
from shared.fusion.folds import assign_folds, site_generator
from shared.vocabulary import Split


def development_folds(
    patients: Sequence[PreparedPatient], folds: int, seed: int, site: str
) -> Int64[np.ndarray, " patient"]:
    """Deal a site's patients to folds.

    Args:
        patients: All patients of the site, in the order of their case numbers.
        folds: At least 2.
        seed: Of the run.
        site: The site's name.

    Returns:
        Fold of each patient from 1; 0 for the held-out, who are in no fold.
    """
    inside = np.array([p.split is not Split.HELD_OUT for p in patients], dtype=np.bool_)
    events = np.array([p.event for p in patients], dtype=np.bool_)
    numbers = np.zeros(len(patients), dtype=np.int64)
    numbers[inside] = 1 + assign_folds(events[inside], folds, site_generator(seed, site))
    return numbers


def patients_of_fold(  # the fold's coordinates, named one by one
    patients: Sequence[PreparedPatient],
    *,
    fold: int,
    folds: int,
    seed: int,
    site: str,
    inner_validation_fraction: float,
) -> tuple[PreparedPatient, ...]:
    """Give every patient the part they play in one fold.

    Args:
        patients: All patients of the site, in the order of their case numbers.
        fold: k holds fold k out; 0 holds out whom the split held out.
        folds: At least 2.
        seed: Of the run.
        site: The site's name.
        inner_validation_fraction: Share of the others that chooses the best round.

    Returns:
        The patients who take part: the locked held-out patients only in fold 0.
    """
    numbers = development_folds(patients, folds, seed, site)
    if fold == 0:
        return tuple(patients)
    locked = [number == 0 for number in numbers]
    inside = [
        patient
        for patient, number, out in zip(patients, numbers, locked, strict=True)
        if not out and number != fold
    ]
    rng = np.random.default_rng([seed, fold, len(site.encode()), *site.encode()])
    parts = split_patients([p.event for p in inside], 0.0, inner_validation_fraction, rng)
    moved = {p.case: replace(p, split=part) for p, part in zip(inside, parts, strict=True)}
    outside = {
        p.case: replace(p, split=Split.HELD_OUT)
        for p, number in zip(patients, numbers, strict=True)
        if number == fold
    }
    everyone = moved | outside
    return tuple(everyone[p.case] for p in patients if p.case in everyone)
