"""What a site refuses to sum when the server could read its share."""

from dataclasses import replace

import numpy as np
import pytest

from client.local_moments import answer_moments
from shared.errors import DisclosureError, SettingsError
from shared.messages.moments import Moment, MomentsRequest

REQUEST = MomentsRequest(
    moment=Moment.TOTAL,
    columns=("age",),
    logged=(),
    indicated=(),
    group="",
    event="event",
    folds=0,
    seed=0,
    medians=np.zeros((0, 0)),
    centres=np.zeros((0, 0)),
    thresholds=np.zeros((0, 0, 0)),
)


def table(patients, women=0):
    return {
        "age": np.linspace(40, 80, patients),
        "female": (np.arange(patients) < women).astype(float),
        "event": (np.arange(patients) % 3 == 0).astype(float),
    }


def test_a_fold_of_two_patients_is_refused_because_two_sums_differ_by_it():
    with pytest.raises(DisclosureError, match="smaller parts"):
        answer_moments(replace(REQUEST, folds=5), table(10), "a")


def test_folds_of_five_patients_and_more_are_answered():
    reply = answer_moments(replace(REQUEST, folds=5), table(30), "a")
    assert reply.words.size == 6 + 6 * 3


def test_a_group_of_one_patient_is_refused():
    with pytest.raises(DisclosureError, match="smaller parts"):
        answer_moments(replace(REQUEST, group="female"), table(30, women=1), "a")


def test_a_column_with_three_values_is_refused():
    sparse = table(30)
    sparse["age"][3:] = np.nan
    with pytest.raises(DisclosureError, match="smaller parts"):
        answer_moments(REQUEST, sparse, "a")


def test_a_masked_share_may_hold_small_parts():
    reply = answer_moments(replace(REQUEST, folds=5), table(10), "a", masked=True)
    assert reply.words.size == 6 + 6 * 3


def test_counts_of_parts_are_no_sums_of_values():
    asked = replace(REQUEST, moment=Moment.PRESENT, folds=5)
    assert answer_moments(asked, table(10), "a").words[0] == 10


def test_a_site_may_ask_for_larger_parts():
    asked = replace(REQUEST, folds=5)
    with pytest.raises(DisclosureError):
        answer_moments(asked, table(30), "a", minimum=8)
    with pytest.raises(SettingsError):
        answer_moments(asked, table(30), "a", minimum=1)
