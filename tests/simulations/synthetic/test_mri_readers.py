"""Invented radiologists call from what the images show, not too well and not by chance."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shared.cohort.fusion_columns import READERS
from simulations.synthetic.mri_outcome import Causes
from simulations.synthetic.mri_patient import draw_mri_patient
from simulations.synthetic.mri_readers import reader_calls
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec

SPEC = MriCohortSpec(sites=(MriSiteSpec("site-a", 400, "ge"),), seed=3)


@pytest.fixture(scope="module")
def called():
    patients = [draw_mri_patient(SPEC, 0, number) for number in range(400)]
    rng = np.random.default_rng(1)
    calls = [reader_calls(one.causes, SPEC.effects, rng) for one in patients]
    columns = {name: np.array([call[name] for call in calls]) for name in READERS}
    return patients, columns


def test_the_first_reader_is_better_and_both_are_imperfect(called):
    patients, columns = called
    events = [one.outcome.event for one in patients]
    first, second = (roc_auc_score(events, columns[name]) for name in READERS)
    assert 0.62 < second < first < 0.85


def test_readers_call_about_as_often_as_the_event_happens(called):
    _, columns = called
    for calls in columns.values():
        assert calls.mean() == pytest.approx(SPEC.prevalence, abs=0.07)


def test_what_only_the_clinic_knows_changes_no_call():
    rng = np.random.default_rng
    for number in range(30):
        low, high = (
            reader_calls(Causes(0.4, 0.1, clinical), SPEC.effects, rng(number))
            for clinical in (-3.0, 3.0)
        )
        assert low == high
