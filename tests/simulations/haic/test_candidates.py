"""Losses of compared networks are found again in the run's folder."""

import numpy as np
import pytest

from server.run_folder import fold_folder, write_history
from server.run_state import RoundRecord, RunState
from shared.errors import SettingsError
from shared.settings import RunSettings
from simulations.any_study import run_any_study
from simulations.haic.candidates import FOLDER, read_candidates
from simulations.study import StudyPlan


def trained(run_dir, network, losses):
    folder = fold_folder(run_dir / FOLDER / network, 0)
    folder.mkdir(parents=True)
    rounds = tuple(
        RoundRecord(number, 0.01, 0.6, loss, {}, 10, 10, 1.0, ())
        for number, loss in enumerate(losses, start=1)
    )
    write_history(folder, RunState(len(losses), {"w": np.zeros(1, np.float32)}, rounds, {}))


def test_networks_come_in_the_order_of_the_publication_with_their_best_round(tmp_path):
    trained(tmp_path, "inception_v4", [0.7, 0.5, 0.6])
    trained(tmp_path, "alexnet", [0.8, 0.9, None])
    found = read_candidates(tmp_path)
    assert [one.network for one in found] == ["alexnet", "inception_v4"]
    assert [one.best_round for one in found] == [1, 2]
    assert [step.validation_loss for step in found[0].rounds] == [0.8, 0.9, None]


def test_a_run_that_compared_nothing_has_no_candidates(tmp_path):
    assert read_candidates(tmp_path) == ()


def test_networks_of_ct_are_not_compared(tmp_path):
    plan = StudyPlan(tmp_path, tmp_path / "run", RunSettings())
    with pytest.raises(SettingsError, match="MRI"):
        run_any_study(plan, compare_networks=True)


def test_clinical_statistics_are_sent_to_their_own_command(tmp_path):
    plan = StudyPlan(tmp_path, tmp_path / "run", RunSettings(task="clinical-statistics"))
    with pytest.raises(SettingsError, match="hepafed stats"):
        run_any_study(plan)
