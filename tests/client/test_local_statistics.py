"""What a site refuses when the server could read its share."""

import numpy as np
import pytest

from client.local_statistics import answer_statistics
from shared.errors import DataError, DisclosureError
from shared.messages.statistics import FollowUpRequest, LogisticRequest, LogisticStep

FOLLOW_UP = FollowUpRequest("days", "dead", "", 1, 400)


def table(patients):
    return {
        "days": np.arange(1.0, patients + 1),
        "dead": (np.arange(patients) % 2).astype(float),
        "age": np.linspace(40, 80, patients),
        "size": np.linspace(1, 9, patients) ** 2,
        "event": (np.arange(patients) % 3 == 0).astype(float),
    }


def regression(columns):
    return LogisticRequest(
        step=LogisticStep.LIKELIHOOD,
        columns=columns,
        logged=(),
        event="event",
        members=tuple(range(len(columns))),
        sizes=(len(columns),),
        coefficients=np.zeros(len(columns) + 1),
        directions=np.zeros(0),
    )


def test_a_table_of_days_never_leaves_a_site_unmasked():
    with pytest.raises(DisclosureError, match="masked sum"):
        answer_statistics(FOLLOW_UP, table(60))
    assert answer_statistics(FOLLOW_UP, table(60), masked=True).words.sum() == 60


def test_patients_without_follow_up_are_left_out():
    sparse = table(60)
    sparse["days"][:10] = np.nan
    assert answer_statistics(FOLLOW_UP, sparse, masked=True).words.sum() == 50


def test_an_event_flag_of_two_is_refused():
    wrong = table(60)
    wrong["dead"][4] = 2
    with pytest.raises(DataError, match="0 \\(censored\\) or 1"):
        answer_statistics(FOLLOW_UP, wrong, masked=True)


def test_a_model_with_a_coefficient_for_two_patients_is_refused_unmasked():
    request = regression(("age", "size"))
    with pytest.raises(DisclosureError, match="at most 2 parameters"):
        answer_statistics(request, table(8))
    assert answer_statistics(request, table(8), masked=True).words[0] == 8
    assert answer_statistics(request, table(9)).words[0] == 9
