import numpy as np
import pytest

from client.local_moments import parts_of
from server.federated_moments import Columns, request_of
from shared.cohort.patient import PreparedPatient
from shared.errors import DataError
from shared.fusion.cross_fitting import development_folds, patients_of_fold
from shared.messages.moments import Moment
from shared.vocabulary import Split

IMAGES = np.zeros((1, 1, 2, 2), np.float32)
FOLDS, SEED, SITE = 5, 11, "north"


def cohort(size=63, seed=0):
    rng = np.random.default_rng(seed)
    splits = rng.choice([Split.HELD_OUT, Split.TRAINING, Split.INNER_VALIDATION], size)
    return tuple(
        PreparedPatient(case, bool(rng.random() < 0.3), Split(split), IMAGES)
        for case, split in enumerate(splits, start=1)
    )


def cases(patients, *splits):
    return {p.case for p in patients if p.split in splits}


def of_fold(patients, fold, folds=FOLDS):
    return patients_of_fold(patients, fold=fold, folds=folds, seed=SEED, site=SITE)


@pytest.mark.parametrize("seed", range(5))
def test_folds_of_network_and_machine_coincide(seed):
    patients = cohort(60 + seed, seed)
    inside = [p for p in patients if p.split is not Split.HELD_OUT]
    table = {"event": np.array([float(p.event) for p in inside])}
    asked = request_of(Columns(("event",), event="event", folds=FOLDS, seed=SEED), Moment.PRESENT)
    _, *outside = parts_of(asked, table, SITE)
    numbers = development_folds(patients, FOLDS, SEED, SITE)
    for fold, members in enumerate(outside, start=1):
        left_out = {p.case for p, stays in zip(inside, members, strict=True) if not stays}
        chosen = {p.case for p, n in zip(patients, numbers, strict=True) if n == fold}
        assert chosen == left_out
        assert cases(of_fold(patients, fold), Split.HELD_OUT) == left_out


def test_every_development_patient_is_left_out_of_one_fold_and_chooses_in_another():
    patients = cohort()
    inside = cases(patients, Split.TRAINING, Split.INNER_VALIDATION)
    for split in (Split.HELD_OUT, Split.INNER_VALIDATION):
        found = [
            case for fold in range(1, FOLDS + 1) for case in cases(of_fold(patients, fold), split)
        ]
        assert sorted(found) == sorted(inside)


def test_who_is_locked_takes_part_in_fold_0_only_and_is_never_trained_on():
    patients = cohort()
    locked = cases(patients, Split.HELD_OUT)
    everybody = of_fold(patients, 0)
    assert cases(everybody, Split.HELD_OUT) == locked
    assert [p.case for p in everybody] == [p.case for p in patients]
    for fold in range(1, FOLDS + 1):
        assert locked.isdisjoint(p.case for p in of_fold(patients, fold))


@pytest.mark.parametrize("split", [Split.TRAINING, Split.INNER_VALIDATION, Split.HELD_OUT])
def test_sets_of_two_trainings_differ_by_whole_folds(split):
    patients = cohort(81)
    numbers = development_folds(patients, FOLDS, SEED, SITE)
    fold_of = {p.case: n for p, n in zip(patients, numbers, strict=True)}
    sets = [cases(of_fold(patients, fold), split) for fold in range(FOLDS + 1)]
    for first in sets:
        for second in sets:
            apart = first ^ second
            whole = {case for case, n in fold_of.items() if n in {fold_of[c] for c in apart}}
            assert apart == whole


def test_folds_hold_both_classes_evenly():
    patients = cohort(97)
    events = {p.case for p in patients if p.event}
    parts = [cases(of_fold(patients, fold), Split.HELD_OUT) for fold in range(1, FOLDS + 1)]
    for kind in (events, {p.case for p in patients} - events):
        counts = [len(part & kind) for part in parts]
        assert max(counts) - min(counts) <= 1


def test_another_site_or_seed_deals_other_folds():
    patients = cohort()
    one, other = development_folds(patients, 5, 1, "a"), development_folds(patients, 5, 1, "b")
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, development_folds(patients, 5, 2, "a"))


@pytest.mark.parametrize(("fold", "folds"), [(0, 2), (6, 5), (-1, 5)])
def test_a_fold_that_is_none_is_refused(fold, folds):
    with pytest.raises(DataError, match="fold"):
        of_fold(cohort(), fold, folds)
