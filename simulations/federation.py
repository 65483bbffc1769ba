"""One federation on this machine, by either of two engines that run the same apps."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from client.app import app as client_app
from client.visit import SETTINGS_KEY, SETTINGS_NAME
from server.app import serve
from server.federated_census import Census
from server.run_folder import BestWeights, read_best, read_census, read_history
from server.run_state import RoundRecord
from shared.errors import SettingsError
from shared.messages.training import Weights
from shared.settings import RunSettings
from simulations.in_process import InProcessGrid
from simulations.run_config import config_of

Engine = Literal["in-process", "ray"]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class FederationResult:
    """What a federation left in its run folder.

    Attributes:
        run_dir: The run folder; ``server.run_folder`` reads the rest of it.
        best: Which weights were chosen.
        weights: These weights.
        history: The rounds.
        census: Who took part.
    """

    run_dir: Path
    best: BestWeights
    weights: Weights
    history: tuple[RoundRecord, ...]
    census: Census


def run_federation(
    sites: Sequence[Path],
    settings: RunSettings,
    run_dir: Path,
    *,
    engine: Engine = "in-process",
    progress: Progress = lambda _: None,
) -> FederationResult:
    """Train and evaluate over sites on this machine.

    Args:
        sites: Site settings files, or folders that hold a ``site.toml``.
        settings: Of the run; its ``run_dir`` and ``sites_dir`` are set here.
        run_dir: Where results go; an interrupted run in it goes on.
        engine: ``in-process`` works through the sites one after the other in this process;
            ``ray`` is Flower's own simulation, in processes of its own.
        progress: Takes one line for a person who waits.

    Returns:
        The result.

    Raises:
        HepafedError: If the run fails; the run folder keeps what was reached.
    """
    run_apps(sites, settings, run_dir, engine=engine, progress=progress)
    run_dir = run_dir.resolve()
    best, weights = read_best(run_dir)
    return FederationResult(run_dir, best, weights, read_history(run_dir), read_census(run_dir))


def run_apps(  # noqa: PLR0913  # independent choices, given by name
    sites: Sequence[Path],
    settings: RunSettings,
    run_dir: Path,
    *,
    engine: Engine = "in-process",
    progress: Progress = lambda _: None,
    training_only: bool = False,
    synthetic: bool = False,
) -> None:
    """Run the study that the settings name over sites on this machine.

    Args:
        sites: Site settings files, or folders that hold a ``site.toml``.
        settings: Of the run; its ``run_dir`` and ``sites_dir`` are set here.
        run_dir: Where results go; an interrupted run in it goes on.
        engine: ``in-process`` works through the sites one after the other in this process;
            ``ray`` is Flower's own simulation, in processes of its own.
        progress: Takes one line for a person who waits.
        training_only: Of a study on MRI and clinic, only train on all development patients; in
            this process only.
        synthetic: Of a study on MRI and clinic, whether its report says that the patients are
            invented.

    Raises:
        SettingsError: If a site has no settings file, or Ray is asked for training alone.
        HepafedError: If the run fails; the run folder keeps what was reached.
    """
    files = [_settings_file(site) for site in sites]
    run_dir = run_dir.resolve()
    settings = dataclasses.replace(settings, run_dir=str(run_dir), sites_dir="")
    if engine == "ray" and training_only:
        raise SettingsError(
            "Expected the engine 'in-process' to compare networks, got 'ray'. "
            "Leave out --engine ray."
        )
    if engine == "ray":
        from simulations.flower_runtime import run_with_ray  # noqa: PLC0415  # Ray is optional

        run_with_ray(files, settings, progress)
    else:
        config = config_of(settings)
        nodes = [{SETTINGS_KEY: str(file)} for file in files]
        grid = InProcessGrid(client_app, nodes, config)
        serve(grid, config, progress, training_only=training_only, synthetic=synthetic)


def _settings_file(site: Path) -> Path:
    file = (site / SETTINGS_NAME if site.is_dir() else site).resolve()
    if not file.is_file():
        raise SettingsError(
            f"Expected a site settings file or a folder with {SETTINGS_NAME}, got '{site}'. "
            "Give the folder of a site."
        )
    return file
