"""What a run is computed with, for the record."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from shared.report.run_record import Environment


def describe_environment(device: torch.device) -> Environment:
    """Describe this machine and the versions that matter to a result.

    Args:
        device: Where the networks are trained.

    Returns:
        The description; no host or user name is in it.
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return Environment(
        hepafed=_version("hepafed"),
        python=platform.python_version(),
        torch=torch.__version__,
        flwr=_version("flwr"),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        device=name,
    )


def _version(package: str) -> str:
    # A coordinator may run the app bundle without having installed the package it is made of.
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _cores() -> int:
    return os.cpu_count() or 1


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
