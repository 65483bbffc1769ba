"""The two studies' events are opposite ends of one scale."""

import pytest

from shared.cohort.endpoint import OBJECTIVE_RESPONSE, PROGRESSIVE_DISEASE
from shared.vocabulary import RecistResponse


@pytest.mark.parametrize(
    ("word", "responds", "progresses"),
    [("CR", True, False), ("PR", True, False), ("SD", False, False), ("PD", False, True)],
)
def test_each_recist_word_is_the_event_of_the_right_study(word, responds, progresses):
    response = RecistResponse(word)
    assert OBJECTIVE_RESPONSE.is_event(response) is responds
    assert PROGRESSIVE_DISEASE.is_event(response) is progresses


def test_stable_disease_is_no_event_in_either_study():
    assert not OBJECTIVE_RESPONSE.is_event(RecistResponse.STABLE)
    assert not PROGRESSIVE_DISEASE.is_event(RecistResponse.STABLE)
