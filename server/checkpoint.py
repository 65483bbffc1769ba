"""What a run leaves on disk, so that it can be killed at any moment and go on.

A round is complete when its JSON exists: the weights are written first, each file under another
name and then renamed. The JSON carries the weights' SHA-256 and the settings of the run.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from server.results import from_plain, to_plain
from server.run_state import RoundRecord, RunState
from shared.errors import CheckpointError, Problem
from shared.messages.training import Weights
from shared.settings import RunSettings, key_of

FORMAT = 1
_KEPT_ROUNDS = 2
"""Complete rounds kept; the one before the last serves when a disk damages the last."""
_WEIGHTS = "weights/"
_MEMORY = "strategy/"
_MAY_CHANGE = (
    "rounds",
    "patience",
    "min_sites",
    "wait_seconds",
    "round_timeout_seconds",
    "run_dir",
    "sites_dir",
)
"""Settings that a resumed run may change: they decide how long and where, not what is learned."""


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)


def write_json(path: Path, value: object) -> None:
    """Write plain values as indented JSON, atomically."""
    write_file(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_weights(path: Path, weights: Mapping[str, np.ndarray]) -> str:
    """Write named arrays as safetensors, atomically.

    Returns:
        SHA-256 of the file, hex.
    """
    content = save({name: np.ascontiguousarray(array) for name, array in weights.items()})
    write_file(path, content)
    return hashlib.sha256(content).hexdigest()


def read_weights(path: Path, digest: str | None = None) -> Weights:
    """Read named arrays.

    Args:
        path: A safetensors file.
        digest: SHA-256 that the file must have; not checked when None.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
        if digest is not None and hashlib.sha256(content).hexdigest() != digest:
            raise CheckpointError(
                f"Expected {path.name} as it was written, got other bytes. "
                "Delete the checkpoints folder to start again."
            )
        weights: Weights = load(content)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"Expected readable weights in {path.name}, got {type(error).__name__}. "
            "Delete the checkpoints folder to start again."
        ) from error
    return weights


class CheckpointFolder:
    """The ``checkpoints`` folder of one run."""

    def __init__(self, run_dir: Path, settings: RunSettings) -> None:
        """Prepare; nothing is read or written.

        Args:
            run_dir: The run's folder.
            settings: Of the run; a checkpoint of other settings is refused.
        """
        self._folder = run_dir / "checkpoints"
        self._settings = settings_record(settings)

    def save(self, state: RunState) -> None:
        """Write a complete round and drop the rounds before the last two."""
        arrays = {_WEIGHTS + name: array for name, array in state.weights.items()}
        arrays |= {_MEMORY + name: array for name, array in state.strategy_memory.items()}
        digest = write_weights(self._weights_file(state.round), arrays)
        document = {
            "format": FORMAT,
            "round": state.round,
            "weights_sha256": digest,
            "settings": self._settings,
            "history": to_plain(state.history),
        }
        write_json(self._json_file(state.round), document)
        for number in self._complete_rounds()[:-_KEPT_ROUNDS]:
            self._json_file(number).unlink()
            self._weights_file(number).unlink(missing_ok=True)

    def load(self) -> RunState | None:
        """Give the state after the last complete round; None when there is none.

        Raises:
            CheckpointError: If the checkpoint is damaged or belongs to other settings.
        """
        rounds = self._complete_rounds()
        if not rounds:
            return None
        number = rounds[-1]
        try:
            document = json.loads(self._json_file(number).read_text(encoding="utf-8"))
            refuse_other_settings(document["settings"], self._settings)
            arrays = read_weights(self._weights_file(number), document["weights_sha256"])
            history = tuple(from_plain(RoundRecord, row) for row in document["history"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"Expected a checkpoint of round {number}, got a damaged file. Delete "
                f"{self._json_file(number).name} to go on from the round before."
            ) from error
        return RunState(
            round=number,
            weights=_under(_WEIGHTS, arrays),
            history=history,
            strategy_memory=_under(_MEMORY, arrays),
        )

    def _complete_rounds(self) -> list[int]:
        return sorted(
            int(file.stem.removeprefix("round_")) for file in self._folder.glob("round_*.json")
        )

    def _json_file(self, number: int) -> Path:
        return self._folder / f"round_{number:05d}.json"

    def _weights_file(self, number: int) -> Path:
        return self._folder / f"round_{number:05d}.safetensors"


def refuse_other_settings(saved: Mapping[str, object], now: Mapping[str, object]) -> None:
    """Refuse to go on in a folder whose run was another.

    Args:
        saved: What ``settings_record`` gave when the run began.
        now: What it gives now.

    Raises:
        CheckpointError: If a setting that counts has another value; every one is named.
    """
    problems = [
        Problem(key, str(value), str(saved.get(key)), "Use another run folder or this value.")
        for key, value in now.items()
        if saved.get(key) != value
    ]
    if problems:
        raise CheckpointError("The run folder holds a run with other settings.", problems)


def settings_record(settings: RunSettings) -> dict[str, object]:
    """Give the settings that a resumed run must share, as JSON values by key."""
    plain = dataclasses.asdict(settings)
    plain["phases"] = ",".join(settings.phases)
    plain["network_blocks"] = ",".join(map(str, settings.network_blocks))
    return {key_of(name): value for name, value in plain.items() if name not in _MAY_CHANGE}


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> Weights:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
