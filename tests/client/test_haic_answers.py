"""What a site answers about image features and clinic, and what it refuses."""

import dataclasses

import numpy as np
import pytest
import torch
from haic_sites import HaicSites, fold_table, fusion_site, haic_settings, without_images

from client.haic_answers import answer_haic
from client.kept_features import kept_features
from client.local_image_features import answer_image_features
from server.federated_moments import Columns, request_of
from shared.aggregation.fixed_point import decode_sums
from shared.cohort.analysis_columns import EVENT
from shared.cohort.fusion_columns import FUSION_COLUMNS, IMAGE_FEATURES, IMAGE_SCORE, READERS
from shared.errors import ConvergenceError, DataError, DisclosureError, MessageError
from shared.fusion.cross_fitting import development_folds, patients_of_fold
from shared.fusion.logistic_scorer import hard_call
from shared.fusion.svm_arrays import svm_to_arrays
from shared.messages.evaluation import CellsRequest, ScoreRequest
from shared.messages.image_features import ImageFeaturesRequest
from shared.messages.moments import Moment
from shared.messages.statistics import FollowUpRequest
from shared.models.study_network import build_network
from shared.models.weights import to_arrays
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.training.mri_features import patient_features
from shared.vocabulary import Split

RUN = haic_settings()
NAME = "0" * 32
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data():
    return fusion_site(40, 2)


@pytest.fixture
def site(tmp_path):
    return HaicSites(tmp_path, {}).site("north")


def keep(site, data, value=float, folds=range(RUN.folds + 1), name=NAME):
    """Keep features that tell fold and case."""
    numbers = development_folds(data.patients, RUN.folds, RUN.seed, site.name)
    for fold in folds:
        cases = [p.case for p, n in zip(data.patients, numbers, strict=True) if n == fold]
        scores = np.array([value(case) for case in cases])
        table = fold_table(data, np.array(cases), np.tile(scores[:, None], 5), scores)
        kept_features(site, name).write(fold, table)


def ask(request, site, run=RUN):
    reply = answer_haic(request, run, site)
    return decode_sums(request.sums, reply.words)


def total(name=NAME, **changes):
    request = request_of(Columns((IMAGE_SCORE,), **changes), Moment.TOTAL)
    return dataclasses.replace(request, image_run=name)


def test_sums_are_about_development_patients_only(site, data):
    keep(site, data)
    cases = [p.case for p in data.patients if p.split is not Split.HELD_OUT]
    values = ask(total(), site)
    assert values["present"][0, 0] == len(cases)
    assert values["total"][0, 0] == pytest.approx(sum(cases))


def test_the_features_of_another_run_are_not_met(site, data):
    keep(site, data, name="1" * 32)
    with pytest.raises(MessageError, match="image features of 4 folds"):
        ask(total(), site)
    with pytest.raises(MessageError, match="run's name"):
        ask(total(""), site)


def test_a_missing_fold_is_not_filled_up(site, data):
    keep(site, data, folds=(0, 1, 3))
    with pytest.raises(MessageError, match="image features of 4 folds"):
        ask(total(), site)


def test_folds_of_two_states_of_the_cohort_are_not_put_together(site, data):
    keep(site, data)
    grown = dataclasses.replace(
        data,
        patients=data.patients[1:],
        columns={name: values[1:] for name, values in data.columns.items()},
    )
    keep(site, grown, folds=(2,))
    with pytest.raises(MessageError, match="do not fit together"):
        ask(total(), site)


def test_another_outcome_in_the_table_than_in_the_folds_is_noticed(site, data):
    events = 1 - data.columns[EVENT]
    keep(site, dataclasses.replace(data, columns={**data.columns, EVENT: events}))
    with pytest.raises(MessageError, match="do not fit together"):
        ask(total(), site)


def test_a_run_stays_with_the_values_it_began_with(site, data, weights):
    for fold in range(RUN.folds + 1):
        compute(site, data, weights, fold)
    before = ask(total(), site)["total"][0, 0]
    ages = {**data.columns, "age_years": data.columns["age_years"] + 1}
    compute(site, dataclasses.replace(data, columns=ages), weights, 1)
    assert ask(total(), site)["total"][0, 0] == before
    kept = kept_features(site, NAME).read(1)
    assert set(kept.columns["age_years"]) <= set(data.columns["age_years"])


def test_other_folds_than_the_runs_are_refused(site, data):
    keep(site, data)
    ask(total(event=EVENT, folds=3), site)
    for changes in ({"folds": 4}, {"folds": 3, "seed": 5}):
        with pytest.raises(MessageError, match="folds"):
            ask(total(event=EVENT, **changes), site)


def test_follow_up_is_refused_with_a_word(site):
    with pytest.raises(DisclosureError) as refused:
        answer_haic(FollowUpRequest("os_days", "os_event", "", 1, 7305), RUN, site)
    assert refused.value.refusal.value == "policy"


def test_a_few_held_out_patients_keep_the_sum_over_the_others_back(site, data):
    first = [p.case for p in data.patients if p.split is Split.HELD_OUT][:4]
    few = tuple(
        p if p.split is not Split.HELD_OUT or p.case in first
        else dataclasses.replace(p, split=Split.TRAINING)
        for p in data.patients
    )  # fmt: skip
    fewer = dataclasses.replace(data, patients=few)
    keep(site, fewer)
    with pytest.raises(DisclosureError) as refused:
        ask(total(), site)
    assert refused.value.refusal.value == "few-patients"


def test_scores_are_about_the_held_out_patients(site, data):
    called = np.arange(len(data.patients)) % 2.0
    read = dataclasses.replace(data, columns={**data.columns, READERS[0]: called})
    keep(site, read)
    weights = svm_to_arrays(hard_call(READERS[0]), FUSION_COLUMNS)
    asked = ScoreRequest("e" * 64, "progressive_disease", weights, NAME)
    values = ask(asked, site)
    held_out = np.array([p.split is Split.HELD_OUT for p in read.patients])
    events = np.array([p.event for p in read.patients])
    for name, flags in (("calls_of_events", events), ("calls_of_others", ~events)):
        chosen = called[held_out & flags]
        assert values[name].tolist() == [np.sum(chosen == 1), np.sum(chosen == 0)]
    cells = CellsRequest("e" * 64, "progressive_disease", np.array([0.0, 0.5, 1.0]))
    assert ask(cells, site)["cells"].sum() == held_out.sum()


def test_a_reader_with_one_gap_has_called_nobody(site, data):
    called = np.zeros(len(data.patients))
    called[3] = np.nan
    read = dataclasses.replace(
        data, columns={**data.columns, READERS[0]: called, READERS[1]: np.ones(called.size)}
    )
    keep(site, read)
    asked = dataclasses.replace(request_of(Columns(READERS), Moment.PRESENT), image_run=NAME)
    values = ask(asked, site)
    assert values["present"][0].tolist() == [0, values["patients"][0]]


@pytest.fixture(scope="module")
def weights():
    return to_arrays(initial_network(recipe_for(RUN).network, 5))


def compute(site, data, weights, fold, digest="f" * 64, name=NAME):
    request = ImageFeaturesRequest(name, fold, RUN.folds, RUN.seed, digest, weights)
    chosen = patients_of_fold(
        data.patients, fold=fold, folds=RUN.folds, seed=RUN.seed, site=site.name
    )
    network = build_network(recipe_for(RUN).network)
    kept = kept_features(site, name)
    return answer_image_features(request, data, chosen, network=network, device=CPU, kept=kept)


@pytest.mark.parametrize("fold", [0, 2])
def test_the_features_of_those_left_out_are_kept_and_a_count_is_answered(site, data, weights, fold):
    reply = compute(site, data, weights, fold)
    numbers = development_folds(data.patients, RUN.folds, RUN.seed, site.name)
    chosen = [p for p, n in zip(data.patients, numbers, strict=True) if n == fold]
    kept = kept_features(site, NAME).read(fold)
    assert reply.patients == len(chosen) == kept.cases.size
    assert kept.cases.tolist() == [p.case for p in chosen]
    network = initial_network(recipe_for(RUN).network, 5)
    expected = [patient_features(network, p.images, CPU) for p in chosen]
    rows = [kept.columns[name] for name in (*IMAGE_FEATURES, IMAGE_SCORE)]
    assert np.array_equal(np.array(rows).T, [[*e.features, e.score] for e in expected])


def test_features_of_the_same_network_are_not_computed_again(site, data, weights):
    compute(site, data, weights, 1)
    poisoned = dataclasses.replace(data, patients=tuple(without_images(p) for p in data.patients))
    before = kept_features(site, NAME).read(1)
    assert compute(site, poisoned, weights, 1).patients == before.cases.size
    again = kept_features(site, NAME).read(1)
    assert np.array_equal(again.columns[IMAGE_SCORE], before.columns[IMAGE_SCORE])
    with pytest.raises(ConvergenceError, match="finite"):
        compute(site, poisoned, weights, 1, digest="0" * 64)


def test_columns_beyond_the_shared_list_are_refused(site, data):
    keep(site, data)
    with pytest.raises(DataError, match="cannot be used"):
        ask(dataclasses.replace(total(), columns=("patient_id",)), site)
