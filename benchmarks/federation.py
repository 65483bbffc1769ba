"""What a federation costs above the bare loop of the same work, and what dominates it.

Run from the repository's root; each engine runs in a process tree of its own, which is watched
from outside (CPU seconds of every process in it, largest sum of their memory)::

    python benchmarks/federation.py                 # 5 sites, 3 rounds, the published network
    python benchmarks/federation.py --engines bare in-process ray
    python benchmarks/federation.py --json

The bare loop does the same steps, the same scoring of inner-validation and held-out patients and
nothing else: one network, no messages, no aggregation, no files.
"""

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch

from client.dataset import open_site
from client.site_settings import read_site_settings
from shared.settings import RunSettings, parse_run_settings
from shared.tasks.recipe import recipe_for
from shared.training.inference import slice_probabilities, validation_loss
from shared.training.initial import initial_network
from shared.training.loop import train_locally
from shared.training.seeding import training_generator
from shared.vocabulary import Split
from simulations.federation import run_federation
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, even_sites

_MEBIBYTE = 2**20
_SAMPLE_SECONDS = 0.1

_PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "training steps and scoring": (
        ("loop.py", "train_locally"),
        ("inference.py", "validation_loss"),
        ("inference.py", "slice_probabilities"),
    ),
    "serialisation (codec)": (("codec.py", "encode"), ("codec.py", "decode")),
    "weights in and out of torch": (("weights.py", "load_arrays"), ("weights.py", "to_arrays")),
    "release gate (finite, digest, audit)": (("release_gate.py", "release"),),
    "reply checks at the server": (("reply_checks.py", "check_reply"),),
    "aggregation (Flower's strategy)": (
        ("strategies.py", "begin"),
        ("strategies.py", "combine"),
    ),
    "checkpoints and best weights": (
        ("checkpoint.py", "save"),
        ("run_folder.py", "write_best"),
        ("run_folder.py", "read_best"),
    ),
    "naming weights (SHA-256)": (("fingerprint.py", "weights_digest"),),
    "opening the sites' data": (("dataset.py", "open_site"),),
    "building networks": (("visit.py", "_network"), ("initial.py", "initial_network")),
}
"""Functions whose cumulative time makes up a part; no function of one part calls another's."""


@dataclass(frozen=True)
class Size:
    """How large the benchmark is.

    Attributes:
        sites: Hospitals.
        rounds: Federated rounds.
        patients: Per site.
        image_size: Side of a slice, pixels.
        slices: Per patient.
    """

    sites: int = 5
    rounds: int = 3
    patients: int = 20
    image_size: int = 64
    slices: int = 4

    def settings(self) -> RunSettings:
        """Give the run's settings."""
        return parse_run_settings(
            {
                "image-size": self.image_size,
                "slices-per-patient": self.slices,
                "rounds": self.rounds,
                "inner-validation-fraction": 0.4,
                "held-out-fraction": 0.3,
                "min-sites": self.sites,
                "wait-seconds": 120,
            }
        )


@dataclass(frozen=True)
class Cost:
    """What one engine took.

    Attributes:
        engine: ``bare``, ``in-process`` or ``ray``.
        cpu_seconds: Of all processes together, imports and opening the data included.
        wall_seconds: From start to end.
        peak_memory_mb: Largest sum of the processes' resident memory.
    """

    engine: str
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float


def _site_files(cohort: Path) -> list[Path]:
    return sorted(cohort.glob("*/site.toml"))


def _prepare(cohort: Path, size: Size) -> None:
    """Write the sites and fill their caches, so that no engine pays for DICOM."""
    spec = CohortSpec(sites=even_sites(size.sites, size.patients), seed=7, matrix=64, slices=10)
    write_cohort(spec, cohort, workers=1, progress=None)
    recipe = recipe_for(size.settings())
    for file in _site_files(cohort):
        open_site(read_site_settings(file), size.settings(), recipe.preparation, recipe.endpoint)


def _bare(cohort: Path, size: Size, _run_dir: Path) -> None:
    settings = size.settings()
    recipe = recipe_for(settings)
    cpu = torch.device("cpu")
    network = initial_network(recipe.network, settings.seed)
    sites = {
        site.name: open_site(site, settings, recipe.preparation, recipe.endpoint).patients
        for site in map(read_site_settings, _site_files(cohort))
    }
    for number in range(1, settings.rounds + 1):
        for name, patients in sites.items():
            validation_loss(
                network, [p for p in patients if p.split is Split.INNER_VALIDATION], cpu
            )
            train_locally(
                network,
                [p for p in patients if p.split is Split.TRAINING],
                recipe.training,
                epochs=settings.local_epochs,
                learning_rate=settings.learning_rate,
                rng=training_generator(settings.seed, number, name),
                device=cpu,
            )
    for patients in sites.values():
        validation_loss(network, [p for p in patients if p.split is Split.INNER_VALIDATION], cpu)
        for patient in patients:
            if patient.split is Split.HELD_OUT:
                slice_probabilities(network, patient.images, cpu)


def _federated(engine: str) -> Callable[[Path, Size, Path], None]:
    def run(cohort: Path, size: Size, run_dir: Path) -> None:
        run_federation(
            _site_files(cohort),
            size.settings(),
            run_dir,
            engine="ray" if engine == "ray" else "in-process",
        )

    return run


_ENGINES: Mapping[str, Callable[[Path, Size, Path], None]] = {
    "bare": _bare,
    "in-process": _federated("in-process"),
    "ray": _federated("ray"),
}


def _watched(engine: str, cohort: Path, size: Size, run_dir: Path) -> Cost:
    """Run one engine in a process tree of its own and watch it."""
    job = json.dumps({"cohort": str(cohort), "run_dir": str(run_dir), "size": asdict(size)})
    threads = str(torch.get_num_threads())
    started = time.perf_counter()
    child = psutil.Popen(
        [sys.executable, __file__, "--one", engine, "--job", job, "--threads", threads]
    )
    cpu: dict[int, float] = {}
    peak = 0
    while child.poll() is None:
        peak = max(peak, _sample(child, cpu))
        time.sleep(_SAMPLE_SECONDS)
    if child.returncode:
        raise SystemExit(f"The engine '{engine}' failed; its output says why.")
    wall = time.perf_counter() - started
    return Cost(engine, sum(cpu.values()), wall, peak / _MEBIBYTE)


def _sample(root: psutil.Process, cpu: dict[int, float]) -> int:
    """Note the CPU seconds of every process in a tree; give the sum of their memory."""
    memory = 0
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            times = process.cpu_times()
            memory += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        cpu[process.pid] = times.user + times.system
    return memory


def _profile(cohort: Path, size: Size, run_dir: Path) -> dict[str, float]:
    """Say how many seconds of an in-process federation each part takes."""
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    _federated("in-process")(cohort, size, run_dir)
    profiler.disable()
    # In a pstats table the fourth figure is the cumulative time.
    rows = {
        (Path(file).name, name): figures[3]
        for (file, _, name), figures in pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
    }
    total = max(rows.values())
    parts = {part: sum(rows.get(key, 0.0) for key in keys) for part, keys in _PARTS.items()}
    return parts | {"everything else": total - sum(parts.values())}


def _print_table(costs: list[Cost], parts: Mapping[str, float]) -> None:
    bare = costs[0]
    print(
        f"{'engine':12} {'CPU s':>8} {'overhead':>9} {'wall s':>8} {'peak MB':>8} {'overhead':>9}"
    )
    for cost in costs:
        cpu = f"{cost.cpu_seconds / bare.cpu_seconds - 1:+.0%}"
        memory = f"{cost.peak_memory_mb / bare.peak_memory_mb - 1:+.0%}"
        print(
            f"{cost.engine:12} {cost.cpu_seconds:8.1f} {cpu:>9} {cost.wall_seconds:8.1f} "
            f"{cost.peak_memory_mb:8.0f} {memory:>9}"
        )
    print("\nCPU seconds of the in-process federation by part:")
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {part:38} {seconds:7.2f}")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sites", type=int, default=Size.sites)
    parser.add_argument("--rounds", type=int, default=Size.rounds)
    parser.add_argument("--patients", type=int, default=Size.patients, help="per site")
    parser.add_argument("--image-size", type=int, default=Size.image_size)
    parser.add_argument("--slices", type=int, default=Size.slices, help="per patient")
    parser.add_argument("--engines", nargs="+", choices=_ENGINES, default=["bare", "in-process"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=_ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.one:
        _one(given.one, json.loads(given.job))
        return
    size = Size(given.sites, given.rounds, given.patients, given.image_size, given.slices)
    with tempfile.TemporaryDirectory(prefix="hepafed-benchmark-") as name:
        folder = Path(name)
        cohort = folder / "cohort"
        _prepare(cohort, size)
        engines = ["bare", *(engine for engine in given.engines if engine != "bare")]
        costs = [_watched(engine, cohort, size, folder / engine) for engine in engines]
        parts = _profile(cohort, size, folder / "profiled")
    if given.json:
        print(
            json.dumps({"size": asdict(size), "costs": [asdict(c) for c in costs], "parts": parts})
        )
    else:
        _print_table(costs, parts)


def _one(engine: str, job: Mapping[str, object]) -> None:
    size = Size(**job["size"])  # type: ignore[arg-type]  # written by _watched
    _ENGINES[engine](Path(str(job["cohort"])), size, Path(str(job["run_dir"])))


if __name__ == "__main__":
    main()
