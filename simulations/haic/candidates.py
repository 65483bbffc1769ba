"""The candidate networks of Quan 2024 trained under the same conditions (Fig 2).

Each is trained by the same federation on all development patients; the losses by round say which
network the study should take. The published choice is the one with the lowest validation loss.
"""

import dataclasses
import math
from pathlib import Path

from server.run_folder import fold_folder, read_history
from shared.errors import CheckpointError
from shared.report.console import say
from shared.report.haic_record import Candidate, LossRound
from shared.report.haic_words import network_words
from shared.report.run_record import measure
from shared.settings import RunSettings
from shared.training.schedule import best_round
from simulations.federation import run_apps

CANDIDATES = ("alexnet", "resnet18", "inception_v4")
"""In the order of Quan 2024, Fig 2; the depth of its ResNet is not given."""

FOLDER = "candidates"


def compare_networks(folders: tuple[Path, ...], settings: RunSettings, run_dir: Path) -> None:
    """Train every candidate, or go on where an earlier start stopped.

    Args:
        folders: Settings files of the sites.
        settings: Of the run; only its network is changed.
        run_dir: Of the run; each candidate has a folder in ``candidates``.

    Raises:
        HepafedError: What a training raises.
    """
    for network in CANDIDATES:
        say(f"Comparing networks: {network_words(network)}.")
        run_apps(
            folders,
            dataclasses.replace(settings, network=network),
            run_dir / FOLDER / network,
            progress=say,
            training_only=True,
        )


def read_candidates(run_dir: Path) -> tuple[Candidate, ...]:
    """Read the losses of the networks that were compared in a run's folder.

    Args:
        run_dir: Of the run.

    Returns:
        One entry per network whose training has begun.
    """
    found: list[Candidate] = []
    for network in CANDIDATES:
        try:
            rounds = read_history(fold_folder(run_dir / FOLDER / network, 0))
        except CheckpointError:
            continue
        losses = [math.nan if (loss := item.validation_loss) is None else loss for item in rounds]
        found.append(
            Candidate(
                network=network,
                rounds=tuple(
                    LossRound(
                        item.round,
                        item.learning_rate,
                        measure(item.training_loss).value,
                        item.validation_loss,
                    )
                    for item in rounds
                ),
                best_round=best_round(losses) or None,
            )
        )
    return tuple(found)
