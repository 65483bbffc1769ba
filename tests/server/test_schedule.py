import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from server.checkpoint import read_weights
from server.events import EventKind, read_events, verify_events
from server.run_folder import read_best, read_census, read_evaluation, read_history
from shared.errors import CheckpointError, QuorumError

ROOT = Path(__file__).parents[2]


def script(toy, *arguments):
    command = [sys.executable, "-W", "ignore", toy.__file__, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, check=False
    )


def last_weights(run_dir):
    return read_weights(max((run_dir / "checkpoints").glob("*.safetensors")))


def test_a_study_leaves_its_results(toy, tmp_path):
    lines: list[str] = []
    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=4), progress=lines.append)
    history = read_history(tmp_path)
    assert [record.round for record in history] == [1, 2, 3, 4]
    assert all(record.validation_loss is not None for record in history)
    assert set(history[0].sites) == {"east", "north", "west"}
    best, weights = read_best(tmp_path)
    losses = [record.validation_loss for record in history]
    assert best.validation_loss == min(losses)
    assert best.round == losses.index(min(losses)) + 1
    assert set(weights) == {"w", "b"}
    assert read_census(tmp_path).totals["training_patients"] == 60
    evaluation = read_evaluation(tmp_path)
    assert evaluation.patients == 120
    assert evaluation.auc is not None
    assert evaluation.sites == ("east", "north", "west")
    assert verify_events(tmp_path / "events.sqlite").broken_at is None
    assert any("Round 4/4" in line for line in lines)


def test_every_file_is_strict_json(toy, tmp_path):
    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=1))

    def refuse(word):
        raise AssertionError(word)

    for name in ("history", "census", "best", "evaluation"):
        json.loads((tmp_path / f"{name}.json").read_text(), parse_constant=refuse)


def test_the_validation_loss_is_of_the_weights_the_round_made(toy, tmp_path):
    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=1))
    weights = last_weights(tmp_path)
    total = 0.0
    for site in toy.PATIENTS:
        target = len(site) + len(site) % 3
        total += 5 * sum(np.square(weights[f"weights/{n}"] - target).sum() for n in ("w", "b"))
    assert read_history(tmp_path)[0].validation_loss == pytest.approx(total / 15, rel=1e-6)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(toy, tmp_path):
    killed = script(toy, tmp_path / "killed", 4, 3)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "evaluation.json").exists()
    assert script(toy, tmp_path / "killed", 4).returncode == 0
    assert script(toy, tmp_path / "steady", 4).returncode == 0
    first, second = (last_weights(tmp_path / name) for name in ("killed", "steady"))
    assert all(np.array_equal(first[name], second[name]) for name in second)
    losses = [
        [r.validation_loss for r in read_history(tmp_path / name)] for name in ("killed", "steady")
    ]
    assert losses[0] == losses[1]
    assert read_best(tmp_path / "killed")[0] == read_best(tmp_path / "steady")[0]
    runs = [
        e for e in read_events(tmp_path / "killed" / "events.sqlite") if e.kind is EventKind.RUN
    ]
    assert [e.detail["resumed_after_round"] for e in runs] == [None, 2]


def test_a_finished_run_started_again_changes_nothing(toy, tmp_path):
    settings = toy.toy_settings(rounds=2)
    toy.run_toy_study(tmp_path, settings)
    before = read_best(tmp_path)[0], read_history(tmp_path)[:-1]
    toy.run_toy_study(tmp_path, settings)
    assert (read_best(tmp_path)[0], read_history(tmp_path)[:-1]) == before


def test_a_run_with_other_settings_in_the_same_folder_is_refused(toy, tmp_path):
    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=1))
    with pytest.raises(CheckpointError, match="other settings"):
        toy.run_toy_study(tmp_path, toy.toy_settings(rounds=1, seed=9))


def test_training_stops_when_the_validation_loss_no_longer_falls(toy, tmp_path):
    # At learning rate 1 every site jumps to its own target, so round 1 is already the best.
    settings = toy.toy_settings(rounds=20, patience=2, **{"learning-rate": 1.0})
    toy.run_toy_study(tmp_path, settings)
    assert len(read_history(tmp_path)) == 3
    assert read_best(tmp_path)[0].round == 1


def test_the_learning_rate_halves(toy, tmp_path):
    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=3, **{"halve-every": 1}))
    assert [r.learning_rate for r in read_history(tmp_path)] == [0.5, 0.25, 0.125]


def test_without_inner_validation_patients_the_last_round_is_the_best(toy, tmp_path):
    def unvalidated(reply, _message):
        return dataclasses.replace(reply, validation_loss_sum=0.0, validation_patients=0)

    alter = dict.fromkeys(toy.PATIENTS, unvalidated)
    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=3, patience=1), alter)
    best = read_best(tmp_path)[0]
    assert (best.round, best.validation_loss) == (3, None)


def test_a_site_that_fails_in_one_round_is_named_and_back_in_the_next(toy, tmp_path):
    def failing_once(reply, message):
        if toy.decode(message.content, toy.TrainingRequest).round == 2:
            raise RuntimeError("out of memory")
        return reply

    toy.run_toy_study(tmp_path, toy.toy_settings(rounds=3), {"west": failing_once})
    assert [record.failed for record in read_history(tmp_path)] == [(), ("west",), ()]


def test_a_round_below_the_quorum_ends_the_run_and_keeps_its_checkpoint(toy, tmp_path):
    def failing(reply, message):
        if toy.decode(message.content, toy.TrainingRequest).round == 2:
            raise RuntimeError("out of memory")
        return reply

    settings = toy.toy_settings(rounds=3, **{"min-sites": 3})
    with pytest.raises(QuorumError, match="west"):
        toy.run_toy_study(tmp_path, settings, {"west": failing})
    assert [record.round for record in read_history(tmp_path)] == [1]
