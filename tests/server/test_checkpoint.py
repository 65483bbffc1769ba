import dataclasses
import json

import numpy as np
import pytest

from server.checkpoint import CheckpointFolder, read_weights, write_weights
from server.run_state import RoundRecord, RunState, SiteRound
from shared.errors import CheckpointError
from shared.settings import RunSettings

SETTINGS = RunSettings(rounds=5)


def record(number, loss=0.4):
    sites = {"north": SiteRound(0.5, 20, 1.5, 12)}
    return RoundRecord(number, 1e-4, 0.5, loss, sites, 100, 90, 2.0, ("west",))


def state(rounds):
    weights = {"w": np.full(3, rounds, np.float32), "b": np.zeros((2, 2), np.float32)}
    history = tuple(record(n, None if n == rounds else 0.4) for n in range(1, rounds + 1))
    return RunState(rounds, weights, history, {"m_t/w": np.ones(3, np.float32)})


def test_nothing_is_loaded_from_a_fresh_folder(tmp_path):
    assert CheckpointFolder(tmp_path, SETTINGS).load() is None


def test_the_last_complete_round_comes_back_whole(tmp_path):
    folder = CheckpointFolder(tmp_path, SETTINGS)
    for number in (1, 2, 3):
        folder.save(state(number))
    loaded = folder.load()
    assert loaded is not None
    assert loaded.history == state(3).history
    assert np.array_equal(loaded.weights["w"], [3, 3, 3])
    assert np.array_equal(loaded.strategy_memory["m_t/w"], [1, 1, 1])


def test_only_the_last_two_rounds_are_kept(tmp_path):
    folder = CheckpointFolder(tmp_path, SETTINGS)
    for number in range(1, 6):
        folder.save(state(number))
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == [f"round_0000{n}.{kind}" for n in (4, 5) for kind in ("json", "safetensors")]


def test_weights_without_their_json_are_an_unfinished_round(tmp_path):
    folder = CheckpointFolder(tmp_path, SETTINGS)
    folder.save(state(1))
    write_weights(tmp_path / "checkpoints" / "round_00002.safetensors", state(2).weights)
    loaded = folder.load()
    assert loaded is not None
    assert loaded.round == 1


def test_a_run_with_other_settings_is_refused_with_every_difference(tmp_path):
    CheckpointFolder(tmp_path, SETTINGS).save(state(1))
    other = dataclasses.replace(SETTINGS, seed=7, strategy="FedAdam")
    with pytest.raises(CheckpointError) as caught:
        CheckpointFolder(tmp_path, other).load()
    assert {problem.where for problem in caught.value.problems} == {"seed", "strategy"}


def test_more_rounds_and_another_quorum_may_go_on(tmp_path):
    CheckpointFolder(tmp_path, SETTINGS).save(state(1))
    longer = dataclasses.replace(SETTINGS, rounds=50, min_sites=3, run_dir="/elsewhere")
    loaded = CheckpointFolder(tmp_path, longer).load()
    assert loaded is not None
    assert loaded.round == 1


def test_damaged_weights_are_refused(tmp_path):
    folder = CheckpointFolder(tmp_path, SETTINGS)
    folder.save(state(1))
    path = tmp_path / "checkpoints" / "round_00001.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"round_00001\.safetensors as it was written"):
        folder.load()


@pytest.mark.parametrize("damage", ["{", "[]", json.dumps({"round": 1})])
def test_a_damaged_description_is_refused_by_name(tmp_path, damage):
    folder = CheckpointFolder(tmp_path, SETTINGS)
    folder.save(state(1))
    (tmp_path / "checkpoints" / "round_00001.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"round_00001\.json"):
        folder.load()


def test_missing_weights_are_refused_by_name(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.safetensors, got FileNotFoundError"):
        read_weights(tmp_path / "gone.safetensors")
