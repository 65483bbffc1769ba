"""Cox's hazard ratio against R's coxph and lifelines, and where there is no maximum."""

import json
import math
from pathlib import Path

import lifelines
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.cox import Ties, hazard_ratio
from shared.stats.logrank import grouped_event_table, log_rank

CASES = json.loads((Path(__file__).parent / "reference" / "r_survival.json").read_text())["cases"]
IDS = [f"n{len(case['time'])}" for case in CASES]


def read(case):
    times, events = np.array(case["time"], dtype=float), np.array(case["event"]) == 1
    return times, events, np.array(case["group"])


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("ties", Ties)
def test_hazard_ratio_equals_r(case, ties: Ties) -> None:
    ratio = hazard_ratio(grouped_event_table(*read(case), 2), ties=ties)
    expected = case[ties.value]
    assert ratio.log_hazard == pytest.approx(expected["coef"], rel=1e-10)
    assert ratio.log_standard_error == pytest.approx(expected["se"], rel=1e-10)
    assert ratio.null_log_likelihood == pytest.approx(expected["loglik"][0], rel=1e-12)
    assert ratio.log_likelihood == pytest.approx(expected["loglik"][1], rel=1e-12)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_wald_p_equals_r(case) -> None:
    ratio = hazard_ratio(grouped_event_table(*read(case), 2))
    assert ratio.p == pytest.approx(case["efron"]["p"], rel=1e-9)


def test_ratio_equals_lifelines() -> None:
    times, events, group = read(CASES[0])
    frame = pd.DataFrame({"time": times, "event": events, "exposed": group})
    theirs = lifelines.CoxPHFitter().fit(frame, "time", "event")
    ratio = hazard_ratio(grouped_event_table(times, events, group, 2))
    # Lifelines stops at about seven digits.
    assert ratio.log_hazard == pytest.approx(theirs.params_["exposed"], rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(6, 50))
def test_swapping_the_groups_inverts_the_ratio(seed: int, patients: int) -> None:
    rng = np.random.default_rng(seed)
    times, events = np.ceil(rng.exponential(5, patients)), rng.random(patients) < 0.7
    group = rng.integers(0, 2, patients)
    one = hazard_ratio(grouped_event_table(times, events, group, 2))
    other = hazard_ratio(grouped_event_table(times, events, 1 - group, 2))
    assert other.log_hazard == pytest.approx(-one.log_hazard, rel=1e-7, abs=1e-9, nan_ok=True)
    assert other.p == pytest.approx(one.p, rel=1e-7, nan_ok=True)


@given(st.integers(0, 2**32 - 1))
def test_score_test_without_ties_is_the_log_rank_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, group = rng.permutation(40).astype(float), np.arange(40) % 2
    table = grouped_event_table(times, rng.random(40) < 0.8, group, 2)
    share = table.at_risk[1] / table.at_risk.sum(axis=0)
    score = table.events[1].sum() - share.sum()
    expected = score**2 / np.sum(share * (1 - share))
    assert log_rank(table).chi_square == pytest.approx(expected, rel=1e-9)
    ratio = hazard_ratio(table)
    assert np.sign(round(ratio.log_hazard, 9)) == np.sign(round(float(score), 9))


def test_two_tied_events_follow_efron_by_hand() -> None:
    # Two exposed and two unexposed; one of each has the event at time 1, nobody after.
    times, events = np.array([1.0, 2.0, 1.0, 2.0]), np.array([True, False, True, False])
    ratio = hazard_ratio(grouped_event_table(times, events, np.array([1, 1, 0, 0]), 2))
    assert ratio.value == pytest.approx(1.0, abs=1e-12)
    assert ratio.null_log_likelihood == pytest.approx(-math.log(4) - math.log(3), rel=1e-14)


@pytest.mark.parametrize(("exposed", "value"), [([1, 1, 0, 0], math.inf), ([0, 0, 1, 1], 0.0)])
def test_events_in_one_group_only_give_no_interval(exposed, value: float) -> None:
    times, events = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, False])
    ratio = hazard_ratio(grouped_event_table(times, events, np.array(exposed), 2))
    assert ratio.value == value
    assert math.isnan(ratio.upper)
    assert math.isnan(ratio.p)


@pytest.mark.parametrize("events", [[False] * 4, [False, False, True, True]])
def test_groups_never_at_risk_together_have_no_ratio(events) -> None:
    times, group = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
    ratio = hazard_ratio(grouped_event_table(times, np.array(events), group, 2))
    assert math.isnan(ratio.value)
    assert math.isnan(ratio.log_hazard)


def test_three_groups_are_refused() -> None:
    table = grouped_event_table(np.array([1.0, 2.0]), np.array([True, True]), np.array([0, 2]), 3)
    with pytest.raises(DataError, match="two groups, got 3"):
        hazard_ratio(table)
