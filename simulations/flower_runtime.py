"""The same apps in Flower's own simulation engine: Ray actors below a SuperLink of its own.

The SuperLink starts in an empty folder and ends with the run: Flower's own, which it would leave
running, lets later runs execute the client code of whatever checkout it was started in.
"""

import dataclasses
import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from shared.errors import SettingsError
from shared.settings import RunSettings
from simulations.flower_processes import (
    FlowerHome,
    free_port,
    running,
    submit,
    wait_for_superlink,
    write_app,
)
from simulations.run_config import config_of


def run_with_ray(
    site_files: Sequence[Path], settings: RunSettings, progress: Callable[[str], None]
) -> None:
    """Run a federation in Flower's simulation engine.

    Args:
        site_files: Site settings files.
        settings: Of the run.
        progress: Takes the lines of the ServerApp's log.

    Raises:
        SettingsError: If Ray is not installed.
        HepafedError: If the run did not complete.
    """
    if importlib.util.find_spec("ray") is None:
        raise SettingsError(
            "Expected Ray for --engine ray, got none installed. "
            "Install it with: pip install 'hepafed[ray]', or use --engine in-process."
        )
    with tempfile.TemporaryDirectory(prefix="hepafed-ray-") as name:
        folder = Path(name)
        settings = dataclasses.replace(settings, sites_dir=str(_sites_dir(folder, site_files)))
        write_app(folder / "app", config_of(settings))
        home = FlowerHome(folder / "home", f"127.0.0.1:{free_port()}")
        home.folder.mkdir()
        home.write_connection()
        host, port = home.address.split(":")
        command = ["flower-superlink", "--insecure", "--simulation", "--host", host, "--port", port]
        with running(home, "superlink", command) as superlink:
            wait_for_superlink(home, superlink)
            submit(home, folder / "app", progress, _resources(len(site_files)))


def _sites_dir(folder: Path, site_files: Sequence[Path]) -> Path:
    """Number the sites as the engine numbers its nodes; the links lead to the real folders."""
    sites = folder / "sites"
    for number, file in enumerate(site_files):
        (sites / f"{number:05d}").mkdir(parents=True)
        (sites / f"{number:05d}" / "site.toml").symlink_to(file.resolve())
    return sites


def _resources(sites: int) -> str:
    side_by_side = min(sites, os.cpu_count() or 1)
    gpus = min(1.0, torch.cuda.device_count() / side_by_side)
    return (
        f"num-supernodes={sites} client-resources-num-cpus=1 client-resources-num-gpus={gpus:.3f}"
    )
