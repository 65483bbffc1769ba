"""An evaluation over sites equals the evaluation of the pooled patients."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.local_evaluation import answer_evaluation
from server.federated_evaluation import compare_models, evaluate
from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.errors import DataError, DisclosureError, QuorumError
from shared.messages.evaluation import PatientScores
from shared.stats.confusion import confusion_counts, confusion_measures
from shared.stats.delong import auc_delong, delong_covariance, delong_paired_test

KINDS = ("smooth", "tied", "saturated", "one_score", "separated", "skewed")


def patients_of(seed: int, size: int, kind: str) -> PatientScores:
    rng = np.random.default_rng(seed)
    events = rng.random(size) < 0.3
    events[:2] = True, False
    logit = rng.normal(-1.0, 1.2, size) + 1.3 * events
    scores = {
        "smooth": 1 / (1 + np.exp(-logit)),
        "tied": np.clip(np.round(1 / (1 + np.exp(-logit)), 1), 0, 1),
        "saturated": 1 / (1 + np.exp(-15 * logit)),
        "one_score": np.full(size, 0.3),
        "separated": np.where(events, 0.9, 0.1) + 0.05 * rng.random(size),
        "skewed": 10.0 ** (-12 * rng.random(size) - events),
    }[kind]
    return PatientScores(scores, scores > 0.5, events)


def split(patients: PatientScores, sites: int, seed: int = 0) -> dict[str, PatientScores]:
    where = np.random.default_rng(seed).integers(0, sites, patients.scores.size)
    return {
        f"site-{k}": PatientScores(
            patients.scores[where == k], patients.votes[where == k], patients.events[where == k]
        )
        for k in range(sites)
    }


def answering(models):
    """Answer from scores by model digest."""
    return lambda request: answer_evaluation(request, lambda ask: models[ask.model_digest])


def federate(federation, patients, sites, **kwargs):
    parts = split(patients, sites)
    return federation({s: answering({"m": p}) for s, p in parts.items()}, **kwargs)


def run(ask, **kwargs):
    return evaluate(ask, {}, "m", OBJECTIVE_RESPONSE, minimum_sites=1, **kwargs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("size", [2, 9, 64, 500])
def test_area_and_delong_variance_equal_those_of_the_pooled_scores(federation, kind, sites, size):
    patients = patients_of(size, size, kind)
    result = run(federate(federation, patients, sites))
    pooled = auc_delong(patients.scores, patients.events)
    assert result.auc_error_bound == 0
    assert dataclasses.astuple(result.auc) == pytest.approx(
        dataclasses.astuple(pooled), rel=1e-12, abs=1e-15, nan_ok=True
    )
    assert result.patients == size
    assert result.exchanges <= 12


@pytest.mark.parametrize("kind", KINDS)
def test_calls_and_errors_equal_those_of_the_pooled_patients(federation, kind):
    patients = patients_of(7, 90, kind)
    result = run(federate(federation, patients, 3))
    counts = confusion_counts(patients.votes, patients.events)
    assert result.confusion == counts
    assert str(result.measures) == str(confusion_measures(counts))
    brier = np.mean((patients.scores - patients.events) ** 2)
    assert result.brier == pytest.approx(brier, rel=1e-12)
    right = np.where(patients.events, patients.scores, 1 - patients.scores)
    assert result.log_loss == pytest.approx(-np.mean(np.log(np.maximum(right, 1e-12))), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(
        st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=4, max_size=40
    ),
    seed=st.integers(0, 1000),
)
def test_any_probabilities_give_the_pooled_area(federation, scores, seed):
    rng = np.random.default_rng(seed)
    values = np.array(scores)
    events = rng.random(values.size) < 0.5
    events[:4] = [True, False, True, False]
    patients = PatientScores(values, values > 0.5, events)
    result = run(federate(federation, patients, 3))
    pooled = auc_delong(values, events)
    assert result.auc_error_bound == 0
    assert result.auc.auc == pytest.approx(pooled.auc, abs=1e-14)
    assert result.auc.variance == pytest.approx(pooled.variance, rel=1e-12, abs=1e-16)


def test_the_result_does_not_depend_on_which_site_holds_whom(federation):
    patients = patients_of(3, 80, "smooth")
    order = np.random.default_rng(1).permutation(80)
    shuffled = PatientScores(patients.scores[order], patients.votes[order], patients.events[order])
    one, other = (run(federate(federation, p, 4)) for p in (patients, shuffled))
    assert dataclasses.astuple(one.auc) == dataclasses.astuple(other.auc)
    assert one.brier == pytest.approx(other.brier, rel=1e-14)
    assert one.roc.sensitivity.tolist() == other.roc.sensitivity.tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sites", [1, 3, 6])
def test_paired_comparison_equals_delongs_test_on_the_pooled_scores(federation, kind, sites):
    models = {
        "a": patients_of(5, 127, kind),
        "b": patients_of(5, 127, "smooth"),
        "c": patients_of(5, 127, kind),
    }
    noise = np.random.default_rng(2).random(127)
    models["c"] = PatientScores(
        (models["b"].scores + noise) / 2, models["c"].votes, models["c"].events
    )
    parts = {digest: split(patients, sites) for digest, patients in models.items()}
    ask = federation(
        {s: answering({d: parts[d][s] for d in models}) for s in parts["a"]},
    )
    result = compare_models(
        ask, {digest: {} for digest in models}, OBJECTIVE_RESPONSE, minimum_sites=1
    )
    events = models["a"].events
    pooled = delong_covariance(np.array([m.scores for m in models.values()]), events)
    np.testing.assert_allclose(result.pooled.aucs, pooled.aucs, rtol=1e-12)
    np.testing.assert_allclose(result.pooled.covariance, pooled.covariance, rtol=1e-12, atol=1e-17)
    for (first, second), test in result.tests.items():
        expected = delong_paired_test(models[first].scores, models[second].scores, events)
        assert dataclasses.astuple(test) == pytest.approx(
            dataclasses.astuple(expected), rel=1e-9, abs=1e-12, nan_ok=True
        )


def test_models_that_rank_alike_do_not_differ(federation):
    first = patients_of(5, 60, "smooth")
    second = PatientScores(first.scores**2, first.votes, first.events)
    parts = {"a": split(first, 3), "b": split(second, 3)}
    ask = federation({s: answering({d: parts[d][s] for d in parts}) for s in parts["a"]})
    (test,) = compare_models(ask, {"a": {}, "b": {}}, OBJECTIVE_RESPONSE).tests.values()
    assert (test.difference, test.z, test.p) == (0.0, 0.0, 1.0)


def test_a_site_that_drops_out_half_way_is_left_out_of_every_number(federation):
    patients = patients_of(11, 200, "smooth")
    parts = split(patients, 4)
    answers = {s: answering({"m": p}) for s, p in parts.items()}
    result = run(federation(answers, gone_at={"site-2": 1}))
    rest = [p for s, p in parts.items() if s != "site-2"]
    scores = np.concatenate([p.scores for p in rest])
    events = np.concatenate([p.events for p in rest])
    assert result.sites == ("site-0", "site-1", "site-3")
    assert result.patients == scores.size
    assert result.auc.variance == pytest.approx(auc_delong(scores, events).variance, rel=1e-12)


def test_sites_that_come_and_go_end_the_evaluation_by_name(federation):
    patients = patients_of(11, 200, "smooth")
    parts = split(patients, 4)
    steady = federation({s: answering({"m": p}) for s, p in parts.items()})
    calls = iter(range(1000))

    def flickering(request, reply_type):
        replies = steady(request, reply_type)
        if next(calls) % 2:
            replies.pop("site-1")
        return replies

    with pytest.raises(QuorumError, match="site-1"):
        run(flickering)


def test_fewer_than_three_sites_are_refused_unless_asked_for(federation):
    ask = federate(federation, patients_of(1, 40, "smooth"), 2)
    with pytest.raises(DisclosureError, match="at least 3 sites"):
        evaluate(ask, {}, "m", OBJECTIVE_RESPONSE)


def test_one_class_gives_counts_but_no_area(federation):
    patients = patients_of(1, 40, "smooth")
    patients = PatientScores(patients.scores, patients.votes, np.zeros(40, dtype=bool))
    result = run(federate(federation, patients, 3))
    assert result.auc is None
    assert result.roc is None
    assert math.isnan(result.measures.sensitivity.value)
    assert result.confusion.no_events == 40


def test_no_held_out_patient_anywhere_is_refused(federation):
    nobody = PatientScores(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    with pytest.raises(DataError, match="held-out"):
        run(federation({"a": answering({"m": nobody})}))


def test_a_site_without_held_out_patients_changes_nothing(federation):
    patients = patients_of(1, 60, "smooth")
    nobody = PatientScores(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    alone = federate(federation, patients, 3)
    more = federation({**alone.answers, "empty": answering({"m": nobody})})
    assert run(more).auc == run(alone).auc


def test_released_curve_never_steps_by_fewer_than_the_minimum(federation):
    patients = patients_of(4, 150, "smooth")
    roc = run(federate(federation, patients, 3)).roc
    events, others = patients.events.sum(), (~patients.events).sum()
    moved = np.diff(roc.sensitivity) * events + np.diff(roc.false_call_rate) * others
    assert np.rint(moved).min() >= 5
    assert (roc.sensitivity[0], roc.false_call_rate[0]) == (0, 0)
    assert (roc.sensitivity[-1], roc.false_call_rate[-1]) == (1, 1)


def test_nothing_that_leaves_a_site_has_a_patient_axis(federation):
    replies = []
    for size in (60, 61):
        ask = federate(federation, patients_of(2, size, "tied"), 3)
        run(ask)
        replies.append(
            next(
                [reply.words.size for reply in answers.values()]
                for request, answers in ask.transcript
                if hasattr(request, "sums")
            )
        )
    assert replies[0] == replies[1]
    assert len(set(replies[0])) == 1
