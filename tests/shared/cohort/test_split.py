"""Patients are split once, by class, from a seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.cohort.split import split_patients
from shared.vocabulary import Split


def split(events, seed=0, held=0.4, inner=0.2):
    return split_patients(events, held, inner, np.random.default_rng(seed))


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 99))
def test_every_patient_has_one_split_and_classes_keep_their_share(events, seed):
    splits = split(events, seed)
    assert len(splits) == len(events)
    for happened in (True, False):
        members = [s for s, e in zip(splits, events, strict=True) if e is happened]
        assert members.count(Split.HELD_OUT) == round(0.4 * len(members))


def test_the_same_generator_state_gives_the_same_split():
    events = [True] * 10 + [False] * 20
    assert split(events, 5) == split(events, 5)
    assert split(events, 5) != split(events, 6)


def test_nothing_is_held_out_when_none_is_asked_for():
    assert set(split([True, False] * 10, held=0.0, inner=0.0)) == {Split.TRAINING}
