"""The schedule of a run on MRI and clinic: it waits, refuses, goes on and withholds."""

import dataclasses

import numpy as np
import pytest
from haic_sites import ToySites, fusion_site, haic_settings, run_haic, toy_three

from client.kept_features import kept_features
from server.events import EventKind, read_events, verify_events
from server.run_folder import events_file, fold_folder, read_best, read_haic, read_history
from shared.cohort.fusion_columns import IMAGE_SCORE, READERS
from shared.errors import CheckpointError, MessageError, QuorumError, SettingsError
from shared.messages.image_features import ImageFeaturesRequest
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import LogisticRequest
from shared.messages.svm import SvmRequest
from shared.messages.training import TrainingRequest

RUN = haic_settings()


class Killed(BaseException):
    """Stands for the end of the server's process."""


def kill_at(wanted):
    def before(request):
        if wanted(request):
            raise Killed

    return before


def run_until(kind, sites, run_dir, settings=RUN, **changes):
    """Run until the server's process ends at the first request of a kind; give what is on disk."""
    before = kill_at(lambda request: isinstance(request, kind))
    with pytest.raises(Killed):
        run_haic(sites, run_dir, settings, before=before, **changes)
    return read_haic(run_dir)


def seen(requests, kind):
    return [request for name, request in requests if isinstance(request, kind) and name == "east"]


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("steady")
    return run_haic(toy_three(folder / "sites"), folder / "run", RUN), folder / "run"


@pytest.mark.parametrize("at", [(2, 2), (0, 1)], ids=["fold 2, round 2", "fold 0, round 1"])
def test_a_killed_training_ends_as_one_that_was_not(steady, tmp_path, at):
    sites, run_dir = toy_three(tmp_path / "sites"), tmp_path / "run"
    kill = kill_at(lambda r: isinstance(r, TrainingRequest) and (r.fold, r.round) == at)
    with pytest.raises(Killed):
        run_haic(sites, run_dir, RUN, before=kill)
    before, first = read_haic(run_dir), len(seen(sites.requests, TrainingRequest))
    found = run_until(ImageFeaturesRequest, sites, run_dir)
    expected, steady_dir = steady
    again = seen(sites.requests, TrainingRequest)[first:]
    assert before.trained.isdisjoint(r.fold for r in again)
    assert found.run == before.run
    assert [f.model_digest for f in found.folds] == [f.model_digest for f in expected.folds]
    assert [f.best_round for f in found.folds] == [f.best_round for f in expected.folds]
    for fold in range(RUN.folds + 1):
        one, other = (read_best(fold_folder(d, fold))[1] for d in (run_dir, steady_dir))
        assert all(np.array_equal(one[name], other[name]) for name in other)
        curves = [
            [(r.learning_rate, r.validation_loss) for r in read_history(fold_folder(d, fold))]
            for d in (run_dir, steady_dir)
        ]
        assert curves[0] == curves[1]


@pytest.mark.slow
def test_a_killed_fit_ends_as_one_that_was_not(steady, tmp_path):
    sites, run_dir = toy_three(tmp_path / "sites"), tmp_path / "run"
    before = run_until(SvmRequest, sites, run_dir)
    first = len(sites.requests)
    found = run_haic(sites, run_dir, RUN)
    expected, _ = steady
    asked = sites.requests[first:]
    assert seen(asked, TrainingRequest) == seen(asked, LogisticRequest) == []
    assert len(seen(asked, ImageFeaturesRequest)) == RUN.folds + 1
    assert found.image.fit.intercept == before.image.fit.intercept
    assert np.array_equal(found.image.model.weights, expected.image.model.weights)
    assert np.array_equal(found.clinical.model.weights, expected.clinical.model.weights)
    # Another attempt works in other secret bases, so it is equal to rounding only.
    assert np.allclose(found.fusion.model.weights, expected.fusion.model.weights, atol=1e-5)
    for name, evaluation in expected.evaluation.models.items():
        assert found.evaluation.models[name].auc.auc == pytest.approx(evaluation.auc.auc, abs=0.02)
    assert [stage.name for stage in found.stages] == [stage.name for stage in expected.stages]
    assert verify_events(events_file(run_dir)).broken_at is None


def test_a_finished_run_started_again_asks_for_the_census_and_the_secret_only(steady, tmp_path):
    expected, run_dir = steady
    sites = toy_three(tmp_path / "sites")
    found = run_haic(sites, run_dir, RUN)
    assert {type(r).__name__ for _, r in sites.requests} == {"CensusRequest", "SvmModelRequest"}
    assert found.folds == expected.folds
    assert found.stages == expected.stages


def test_what_was_found_comes_back_from_the_disk(steady):
    expected, run_dir = steady
    found = read_haic(run_dir, RUN)
    assert found.folds == expected.folds
    assert found.features == expected.features
    assert np.array_equal(found.fusion.model.weights, expected.fusion.model.weights)
    assert found.evaluation.digests == expected.evaluation.digests
    assert found.evaluation.models["fusion"].calibration == (
        expected.evaluation.models["fusion"].calibration
    )


def test_other_rounds_or_folds_in_the_same_folder_are_refused(steady, tmp_path):
    for changes in ({"rounds": 3}, {"folds": 4}, {"seed": 1}):
        with pytest.raises(CheckpointError, match="other settings"):
            run_haic(toy_three(tmp_path / "sites"), steady[1], haic_settings(**changes))


def test_two_runs_at_the_same_sites_keep_their_own_features(tmp_path):
    sites = toy_three(tmp_path / "sites")
    runs = [
        run_until(MomentsRequest, sites, tmp_path / str(n), haic_settings(seed=n), words=n)
        for n in (0, 1)
    ]
    assert runs[0].run != runs[1].run
    first, second = (kept_features(sites.site("east"), found.run).read(0) for found in runs)
    assert first.model_digest == runs[0].folds[-1].model_digest
    assert second.model_digest == runs[1].folds[-1].model_digest
    assert not np.array_equal(first.columns[IMAGE_SCORE], second.columns[IMAGE_SCORE])


@pytest.mark.parametrize("least", [3, 2])
def test_a_site_without_the_secret_ends_the_run_before_training(tmp_path, least):
    sites = toy_three(tmp_path / "sites", secrets={"north": b""})
    kind = QuorumError if least == 3 else MessageError
    with pytest.raises(kind, match=r"before training.*north.*rotation_secret_file"):
        run_haic(sites, tmp_path / "run", haic_settings(**{"min-sites": least}))
    assert seen(sites.requests, TrainingRequest) == []


def test_a_site_with_another_secret_ends_the_run_before_training(tmp_path):
    sites = toy_three(tmp_path / "sites", secrets={"north": b"another thirty-two bytes or more"})
    with pytest.raises(MessageError, match="one rotation secret at all sites"):
        run_haic(sites, tmp_path / "run", RUN)
    assert seen(sites.requests, TrainingRequest) == []


def test_two_sites_train_but_their_models_are_withheld(tmp_path):
    sites = toy_three(tmp_path / "sites", sizes=(40, 44))
    found = run_haic(sites, tmp_path / "run", haic_settings(**{"min-sites": 2}))
    assert len(found.folds) == RUN.folds + 1
    assert found.features is not None
    assert (found.image, found.clinical, found.fusion, found.evaluation) == (None,) * 4
    reasons = {stage.name: stage.reason for stage in found.stages}
    assert "at least 3 sites" in reasons["fusion"]
    assert "Expected a model to evaluate" in reasons["evaluation"]


def test_a_site_with_folds_of_a_few_is_left_out_and_the_others_go_on(tmp_path):
    sites = toy_three(tmp_path / "sites")
    sites.data["small"] = fusion_site(16, 1)
    lines: list[str] = []
    found = run_until(SvmRequest, sites, tmp_path / "run", progress=lines.append)
    assert any("small: the site refuses to answer: too few patients" in line for line in lines)
    assert found.clinical.sites == ("east", "north", "west")
    assert {stage.name: stage.left_out for stage in found.stages}["features"] == {
        "small": "few-patients"
    }
    assert "small" not in read_history(fold_folder(tmp_path / "run", 1))[0].sites


def test_a_site_that_misses_the_features_is_asked_again_when_the_run_goes_on(tmp_path):
    sites, run_dir = toy_three(tmp_path / "sites"), tmp_path / "run"
    sites.lose_features = {"west"}
    with pytest.raises(QuorumError, match="west"):
        run_haic(sites, run_dir, RUN)
    sites.lose_features = set()
    found = run_until(SvmRequest, sites, run_dir)
    assert found.image.sites == found.clinical.sites == ("east", "north", "west")


def test_readers_who_called_everybody_are_evaluated_and_others_are_not(tmp_path):
    sites = toy_three(tmp_path / "sites")
    rng = np.random.default_rng(0)
    for name, data in sites.data.items():
        size = len(data.patients)
        calls = {reader: (rng.random(size) < 0.4).astype(np.float64) for reader in READERS}
        if name == "west":
            calls[READERS[1]][0] = np.nan
        sites.data[name] = dataclasses.replace(data, columns={**data.columns, **calls})
    found = run_haic(sites, tmp_path / "run", RUN)
    assert found.readers == ("reader 1",)
    reader = found.evaluation.models["reader 1"]
    rates = reader.measures
    area = (rates.sensitivity.value + rates.specificity.value) / 2
    assert reader.auc.auc == pytest.approx(area)
    assert len(found.evaluation.tests) == 6


def test_two_folds_are_refused_at_once(tmp_path):
    sites = toy_three(tmp_path / "sites")
    with pytest.raises(SettingsError, match="at least 3"):
        run_haic(sites, tmp_path / "run", haic_settings(folds=2))
    assert sites.requests == []


def test_the_rate_falls_on_a_plateau_of_the_federated_loss(tmp_path):
    sites: ToySites = toy_three(tmp_path / "sites")
    sites.flat = True
    settings = haic_settings(rounds=4, **{"plateau-rounds": 1})
    run_haic(sites, tmp_path / "run", settings, training_only=True)
    rates = [r.learning_rate for r in read_history(fold_folder(tmp_path / "run", 0))]
    # The loss of a round is known one exchange later: round 3 is the first that can know of two.
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001])


def test_training_only_stops_after_the_training_on_all(tmp_path):
    sites = toy_three(tmp_path / "sites")
    run_haic(sites, tmp_path / "run", RUN, training_only=True)
    assert {r.fold for r in seen(sites.requests, TrainingRequest)} == {0}
    assert read_haic(tmp_path / "run").trained == {0}
    stops = [e for e in read_events(events_file(tmp_path / "run")) if e.kind is EventKind.STOP]
    assert [e.detail["reason"] for e in stops] == ["trained"]
