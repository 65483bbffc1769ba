"""Every arm of a report is evaluated by the federation's own road."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.messages.evaluation import PatientScores
from simulations.report_arm import arm_of, evaluate_in_memory


def patients(number, seed):
    rng = np.random.default_rng(seed)
    events = np.arange(number) % 3 == 0
    scores = np.clip(0.35 + 0.25 * events + 0.2 * rng.standard_normal(number), 0, 1)
    return PatientScores(scores=scores, votes=scores >= 0.5, events=events)


def test_an_arm_shows_the_pooled_area_of_all_sites():
    held = {"a": patients(30, 1), "b": patients(40, 2), "c": patients(20, 3)}
    arm = arm_of("federated", evaluate_in_memory(held, OBJECTIVE_RESPONSE), with_sites=True)
    scores = np.concatenate([site.scores for site in held.values()])
    events = np.concatenate([site.events for site in held.values()])
    assert arm.auc.value == pytest.approx(roc_auc_score(events, scores), abs=1e-12)
    assert (arm.patients, arm.events) == (90, int(events.sum()))
    assert [row.site for row in arm.sites] == ["a", "b", "c"]
    assert (arm.roc[0].sensitivity, arm.roc[-1].sensitivity) == (0.0, 1.0)


def test_a_small_site_shows_no_area_of_its_own():
    held = {"large": patients(40, 1), "small": patients(8, 2)}
    arm = arm_of("federated", evaluate_in_memory(held, OBJECTIVE_RESPONSE), with_sites=True)
    rows = {row.site: row for row in arm.sites}
    assert rows["large"].auc.value is not None
    assert rows["small"].auc.value is None
    assert rows["small"].events is None
