"""What a site releases about itself, and what it refuses to score."""

import numpy as np
import pytest

from client.local_evaluation import answer_evaluation, site_result
from shared.errors import DataError, SettingsError
from shared.messages.evaluation import (
    PatientScores,
    ScoreRequest,
    SiteResultReply,
    SiteResultRequest,
)
from shared.stats.delong import auc_delong

REQUEST = SiteResultRequest("m", "objective_response")


def patients_with(event_called, event_missed, no_event_called, no_event_cleared):
    sizes = (event_called, event_missed, no_event_called, no_event_cleared)
    events = np.repeat([True, True, False, False], sizes)
    votes = np.repeat([True, False, True, False], sizes)
    scores = np.where(votes, 0.7, 0.3) + 0.02 * np.arange(events.size) / events.size
    return PatientScores(scores, votes, events)


def test_a_large_site_releases_everything():
    patients = patients_with(9, 6, 5, 30)
    area = auc_delong(patients.scores, patients.events)
    assert site_result(patients) == SiteResultReply(
        50, 15, 39, 9, 30, area.auc, area.standard_error
    )


@pytest.mark.parametrize(
    ("sizes", "withheld"),
    [
        ((9, 4, 5, 30), {"event_called", "no_event_cleared"}),
        ((0, 4, 5, 30), {"events", "event_called", "no_event_cleared", "auc"}),
        ((20, 2, 1, 30), {"called_rightly", "event_called", "no_event_cleared"}),
        ((1, 1, 1, 1), {"patients", "events", "called_rightly", "event_called", "auc"}),
    ],
)
def test_small_counts_and_what_would_give_them_away_are_withheld(sizes, withheld):
    result = site_result(patients_with(*sizes))
    assert all(getattr(result, name) is None for name in withheld)
    if "auc" not in withheld:
        assert result.auc is not None


def test_zero_misses_are_not_a_small_count():
    assert site_result(patients_with(20, 0, 0, 30)).event_called == 20


def test_a_site_may_ask_for_more_patients():
    patients = patients_with(9, 6, 5, 30)
    reply = answer_evaluation(REQUEST, lambda _: patients, minimum=16)
    assert reply.patients == 50
    assert reply.events is None
    assert reply.auc is None


def test_a_site_may_not_ask_for_fewer():
    with pytest.raises(SettingsError):
        answer_evaluation(REQUEST, lambda _: patients_with(9, 6, 5, 30), minimum=2)


@pytest.mark.parametrize("score", [np.nan, -0.1, 1.5, np.inf])
def test_a_score_that_is_no_probability_is_refused_by_count(score):
    patients = patients_with(9, 6, 5, 30)
    scores = patients.scores.copy()
    scores[3] = score
    broken = PatientScores(scores, patients.votes, patients.events)
    with pytest.raises(DataError, match="1 of 50"):
        answer_evaluation(ScoreRequest("m", "e", {}), lambda _: broken)


def test_later_requests_ask_for_scores_without_weights():
    asked = []
    answer_evaluation(REQUEST, lambda ask: asked.append(ask) or patients_with(9, 6, 5, 30))
    assert asked == [ScoreRequest("m", "objective_response", {})]
