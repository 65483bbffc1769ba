"""Progressive disease follows from image and clinic, and both together tell more than either."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shared.cohort.clinical import VARIABLES
from shared.cohort.clinical_table import parse_clinical_table
from shared.errors import SettingsError
from simulations.synthetic.clinical import COLUMNS
from simulations.synthetic.factors import outcome_vector
from simulations.synthetic.mri_outcome import Effects, bayes_aucs, draw_mri_outcome
from simulations.synthetic.mri_patient import draw_mri_patient
from simulations.synthetic.mri_site_files import clinical_row
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec, demo_mri_spec

SPEC = MriCohortSpec(sites=(MriSiteSpec("site-a", 1500, "uih"),), seed=2)
DEMO = Effects(SPEC.image_effect, SPEC.clinical_effect, SPEC.prevalence)


@pytest.fixture(scope="module")
def patients():
    return [draw_mri_patient(SPEC, 0, number) for number in range(1500)]


@pytest.fixture(scope="module")
def table(patients):
    rows = [[clinical_row(SPEC, one)[name] for name in COLUMNS] for one in patients]
    return parse_clinical_table(COLUMNS, rows)


def cross_validated_auc(features, event):
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    score = cross_val_predict(model, features, event, cv=5, method="decision_function")
    return roc_auc_score(event, score)


def test_clinical_rows_pass_the_schema(table):
    parsed, problems = table
    assert problems == ()
    assert len(parsed.responses) == 1500


def test_fusion_of_features_beats_image_and_clinic_alone(patients, table):
    event = np.array([one.outcome.event for one in patients])
    image = np.array([outcome_vector(one.factors) for one in patients])
    clinical = np.stack(
        [
            np.log(table[0].columns[v.name]) if v.skewed else table[0].columns[v.name]
            for v in VARIABLES
            if not v.post_baseline
        ],
        axis=1,
    )
    by_image = cross_validated_auc(image, event)
    by_clinic = cross_validated_auc(clinical, event)
    fused = cross_validated_auc(np.hstack([image, clinical]), event)
    assert by_image == pytest.approx(0.925, abs=0.03)
    assert by_clinic == pytest.approx(0.725, abs=0.03)
    assert fused > max(by_image, by_clinic) + 0.05


def test_bayes_aucs_are_those_of_the_true_probabilities_in_a_large_draw(patients):
    event = np.array([one.outcome.event for one in patients])
    best = bayes_aucs(DEMO)
    for name in ("image_only", "clinical_only", "fusion"):
        score = [getattr(one.outcome.probabilities, name) for one in patients]
        assert getattr(best, name) == pytest.approx(roc_auc_score(event, score), abs=0.03)


def test_demo_strengths_leave_room_for_fusion():
    best = bayes_aucs(DEMO)
    assert best.image_only == pytest.approx(0.927, abs=0.01)
    assert best.clinical_only == pytest.approx(0.723, abs=0.01)
    assert best.fusion == pytest.approx(0.981, abs=0.01)


def test_without_a_clinical_effect_fusion_is_the_image_and_the_clinic_is_chance():
    best = bayes_aucs(Effects(image=3.0, clinical=0.0, prevalence=0.3))
    assert best.clinical_only == pytest.approx(0.5)
    assert best.fusion == pytest.approx(best.image_only, abs=1e-9)


@pytest.mark.parametrize("name", ["image_only", "clinical_only", "fusion"])
def test_progression_happens_as_often_as_each_probability_says(patients, name):
    probability = np.array([getattr(one.outcome.probabilities, name) for one in patients])
    event = np.array([one.outcome.event for one in patients])
    for low, high in ((0.0, 0.2), (0.2, 0.6), (0.6, 1.0)):
        chosen = (probability >= low) & (probability < high)
        error = 4.0 * np.sqrt(0.25 / chosen.sum())
        assert event[chosen].mean() == pytest.approx(probability[chosen].mean(), abs=error)


def test_responses_are_in_the_proportions_of_table_1_apart_from_progression(patients):
    words = [one.outcome.response.value for one in patients]
    share = {word: words.count(word) / len(words) for word in ("CR", "PR", "SD", "PD")}
    assert share["PD"] == pytest.approx(SPEC.prevalence, abs=0.04)
    assert share["SD"] > share["PR"] > share["CR"] > 0.0


def test_progression_shortens_survival_and_follow_up_is_censored(patients):
    days = {True: [], False: []}
    censored = 0
    for one in patients:
        days[one.outcome.event].append(one.course.days["pfs_days"])
        censored += one.course.days["os_event"] == 0
        assert 0 < one.course.days["pfs_days"] <= one.course.days["os_days"]
    assert np.median(days[True]) < 0.6 * np.median(days[False])
    assert 0.15 < censored / len(patients) < 0.7


def test_margins_are_near_table_1(table):
    medians = {name: float(np.nanmedian(column)) for name, column in table[0].columns.items()}
    for name, printed in {"ast_u_l": 56, "lymphocytes_e9_l": 1.1, "ggt_u_l": 138}.items():
        assert medians[name] == pytest.approx(printed, rel=0.12)
    for name, printed in {"tumour_thrombus": 0.614, "extrahepatic_metastasis": 0.496}.items():
        assert table[0].columns[name].mean() == pytest.approx(printed, abs=0.04)


def test_a_sites_shift_raises_the_fusion_probability(patients):
    causes = patients[0].causes
    low, high = (
        draw_mri_outcome(causes, DEMO, shift, np.random.default_rng(0)).probabilities
        for shift in (-0.6, 0.6)
    )
    odds = [p.fusion / (1 - p.fusion) for p in (low, high)]
    assert np.log(odds[1] / odds[0]) == pytest.approx(1.2)


def test_a_wrong_specification_names_every_problem():
    with pytest.raises(SettingsError) as caught:
        MriCohortSpec(sites=(MriSiteSpec("a", 0, "toshiba"),), seed=-1, columns=8, prevalence=0.0)
    assert len(caught.value.problems) == 5


def test_the_digest_changes_with_anything_that_changes_bytes():
    digests = {demo_mri_spec(seed, patients_per_site=n).digest() for seed in (1, 2) for n in (3, 4)}
    assert len(digests) == 4
