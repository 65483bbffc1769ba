"""The files a run leaves for people and reports.

====================  ============================================================================
file                  content
====================  ============================================================================
``events.sqlite``     everything that happened (``server.events``)
``census.json``       who takes part, with how many patients (``server.federated_census.Census``)
``history.json``      a list with one ``server.run_state.RoundRecord`` per round
``best.safetensors``  the weights with the lowest inner-validation loss
``best.json``         which they are (``BestWeights``)
``evaluation.json``   the pooled evaluation of these weights (``FederatedEvaluation``)
``checkpoints/``      the last complete rounds (``server.checkpoint``)
``statistics.json``   a run of clinical statistics (``server.clinical_results``)
``statistics.csv``    the same as one tidy table
``haic_results.json`` a run on MRI and clinic (``server.haic_results``)
``folds/fold-K/``     each of its trainings: history, best weights, checkpoints; 0 is the last one
====================  ============================================================================
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from server.checkpoint import (
    read_weights,
    refuse_other_settings,
    settings_record,
    write_json,
    write_weights,
)
from server.clinical_results import ClinicalStatistics
from server.federated_census import Census
from server.haic_results import HaicResults
from server.results import from_plain, to_plain
from server.run_state import RoundRecord, RunState
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.errors import CheckpointError
from shared.messages.training import Weights
from shared.settings import RunSettings

Kind = TypeVar("Kind")

STATISTICS = "statistics.json"
HAIC = "haic_results.json"


@dataclass(frozen=True)
class BestWeights:
    """Which weights a run chose.

    Attributes:
        round: The round that made them.
        validation_loss: Mean cross-entropy per inner-validation patient; None without such
            patients.
        model_digest: SHA-256 over names, types, shapes and values, hex.
        file_sha256: SHA-256 of ``best.safetensors``, hex.
    """

    round: int
    validation_loss: float | None
    model_digest: str
    file_sha256: str


def events_file(run_dir: Path) -> Path:
    """Give the path of a run's event store."""
    return run_dir / "events.sqlite"


def write_best(run_dir: Path, state: RunState, model_digest: str) -> None:
    """Write the weights of a state as the run's best, the description last."""
    file_sha256 = write_weights(run_dir / "best.safetensors", state.weights)
    loss = state.history[-1].validation_loss
    best = BestWeights(state.round, loss, model_digest, file_sha256)
    write_json(run_dir / "best.json", to_plain(best))


def write_history(run_dir: Path, state: RunState) -> None:
    """Write the rounds of a state."""
    write_json(run_dir / "history.json", to_plain(state.history))


def write_census(run_dir: Path, census: Census) -> None:
    """Write who takes part."""
    write_json(run_dir / "census.json", to_plain(census))


def write_evaluation(run_dir: Path, evaluation: FederatedEvaluation) -> None:
    """Write the evaluation of the best weights."""
    write_json(run_dir / "evaluation.json", to_plain(evaluation))


def write_statistics(run_dir: Path, settings: RunSettings, found: ClinicalStatistics) -> None:
    """Write the stages of clinical statistics that have ended."""
    document = {"settings": settings_record(settings), "found": to_plain(found)}
    write_json(run_dir / STATISTICS, document)


def fold_folder(run_dir: Path, fold: int) -> Path:
    """Give the folder of one training of a cross-validation."""
    return run_dir / "folds" / f"fold-{fold}"


def write_haic(run_dir: Path, settings: RunSettings, found: HaicResults) -> None:
    """Write what a run on MRI and clinic has reached."""
    document = {"settings": _haic_settings(settings), "found": to_plain(found)}
    write_json(run_dir / HAIC, document)


def read_haic(run_dir: Path, settings: RunSettings | None = None) -> HaicResults | None:
    """Read what a run on MRI and clinic has reached; None in a new folder.

    Args:
        run_dir: The run folder.
        settings: Those of the run that goes on in it; None only reads.

    Raises:
        CheckpointError: If the file is damaged, or the folder holds a run with other settings.
    """
    now = None if settings is None else _haic_settings(settings)
    found = _continued(run_dir / HAIC, now)
    return None if found is None else _rebuilt(run_dir / HAIC, HaicResults, found)


def read_statistics(run_dir: Path, settings: RunSettings | None = None) -> ClinicalStatistics:
    """Read the stages of clinical statistics that have ended; none in a new folder.

    Args:
        run_dir: The run folder.
        settings: Those of the run that goes on in it; None only reads.

    Raises:
        CheckpointError: If the file is damaged, or the folder holds a run with other settings.
    """
    now = None if settings is None else settings_record(settings)
    found = _continued(run_dir / STATISTICS, now)
    if found is None:
        return ClinicalStatistics()
    return _rebuilt(run_dir / STATISTICS, ClinicalStatistics, found)


def read_best(run_dir: Path) -> tuple[BestWeights, Weights]:
    """Read the weights a run chose.

    Raises:
        CheckpointError: If they are missing or damaged.
    """
    best = _read(run_dir / "best.json", BestWeights)
    return best, read_weights(run_dir / "best.safetensors", best.file_sha256)


def read_history(run_dir: Path) -> tuple[RoundRecord, ...]:
    """Read the rounds of a run, oldest first.

    Raises:
        CheckpointError: If there are none, or the file is damaged.
    """
    path = run_dir / "history.json"
    rows = _parsed(path)
    if not isinstance(rows, list):
        raise _damaged(path)
    return tuple(_rebuilt(path, RoundRecord, row) for row in rows)


def read_census(run_dir: Path) -> Census:
    """Read who took part.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    return _read(run_dir / "census.json", Census)


def read_evaluation(run_dir: Path) -> FederatedEvaluation:
    """Read the evaluation of a finished run.

    Raises:
        CheckpointError: If the run has none, or the file is damaged.
    """
    return _read(run_dir / "evaluation.json", FederatedEvaluation)


def _haic_settings(settings: RunSettings) -> dict[str, object]:
    # Trainings of one run stand beside each other, so they share also what decides how long.
    return settings_record(settings) | {"rounds": settings.rounds, "patience": settings.patience}


def _continued(path: Path, settings: Mapping[str, object] | None) -> object:
    """Read what a run with these settings found so far; None where there is no file."""
    if not path.exists():
        return None
    document = _parsed(path)
    if not isinstance(document, dict) or not isinstance(document.get("settings"), dict):
        raise _damaged(path)
    if settings is not None:
        refuse_other_settings(document["settings"], settings)
    return document.get("found", {})


def _read(path: Path, kind: type[Kind]) -> Kind:
    return _rebuilt(path, kind, _parsed(path))


def _parsed(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"Expected {path.name} of a finished run, got no such file. Finish the run first."
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(path) from error


def _rebuilt(path: Path, kind: type[Kind], value: object) -> Kind:
    try:
        return from_plain(kind, value)
    except (TypeError, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"Expected {path.name} as the run wrote it, got a damaged file. Run again in a new folder."
    )
