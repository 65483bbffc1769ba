import numpy as np
import pytest

from shared.errors import DataError
from shared.fusion.voting import vote


def test_the_majority_of_slices_decides_as_in_the_papers_example():
    # Liao 2024, section 2.4: slice labels 0, 1, 1, 1, 0 give 1.
    result = vote(np.array([0.4, 0.6, 0.9, 0.7, 0.1]))
    assert result.event
    assert (result.event_slices, result.slices, result.tied) == (3, 5, False)


def test_the_majority_can_overrule_the_mean():
    result = vote(np.array([0.45, 0.45, 0.99]))
    assert result.mean_probability > 0.5
    assert not result.event


@pytest.mark.parametrize(
    ("probabilities", "event"),
    [([0.9, 0.4], True), ([0.6, 0.1], False), ([0.75, 0.25], True)],
)
def test_the_mean_probability_decides_an_even_vote(probabilities, event):
    result = vote(np.array(probabilities))
    assert result.tied
    assert result.event is event


def test_a_slice_at_one_half_votes_for_the_event():
    assert vote(np.array([0.5])).event


def test_the_score_is_the_mean_and_stays_within_its_slices():
    assert vote(np.array([0.2, 0.4])).mean_probability == pytest.approx(0.3)
    assert vote(np.full(7, 0.1)).mean_probability == 0.1


@pytest.mark.parametrize("wrong", [[], [0.2, 1.2], [np.nan], [-0.1]])
def test_no_slices_or_values_that_are_no_probabilities_are_refused(wrong):
    with pytest.raises(DataError, match="one probability per slice"):
        vote(np.array(wrong, dtype=np.float64))
