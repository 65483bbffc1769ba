"""What the road from DICOM files to model input costs, beside a bare decoder and a plain script.

Run from the repository's root; each line of the table is measured in a process of its own, because
peak memory never falls within one::

    python benchmarks/ingest.py                      # three phases of 60 slices of 512 x 512
    python benchmarks/ingest.py --syntax jpeg-2000 rle --json
    python benchmarks/ingest.py --study FOLDER       # one real study, as it is; nothing is copied

CPU seconds are the least of the repetitions, imports and the first reading from disk left out.
"""

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
import SimpleITK as sitk  # noqa: N813  # the name that its own documents use
from ingest_studies import compress, write_site, write_study
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from client.cache import load, store
from client.site_preparation import prepare_site
from client.site_settings import read_site_settings
from shared.dicom.geometry import VolumeGeometry, order_volume
from shared.dicom.roles import decide_phases
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from shared.tasks.phase_selection import select_volumes
from shared.tasks.preparation import prepare_study
from shared.tasks.preparation_settings import CtPreparation
from shared.tasks.prepared_study import PreparedStudy
from shared.vocabulary import CtPhase

_PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
_SIZE = 224
_FEW_SLICES = 4
_KIBIBYTE = 1024  # getrusage counts in KiB on Linux
_COMPRESSED = {"jpeg-2000": JPEG2000Lossless, "jpeg-ls": JPEGLSLossless, "rle": RLELossless}
_REFERENCE = "decoder + resampling"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Cost:
    """What one road took.

    Attributes:
        study: How the study's pixels are stored.
        road: Which road.
        cpu_seconds: Least of the repetitions.
        wall_seconds: Least of the repetitions.
        peak_memory_mb: Peak resident memory of the process, imports included.
    """

    study: str
    road: str
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float


def _prepared(study: Path, slices: int = 0) -> PreparedStudy:
    return prepare_study(study, CtPreparation(phases=_PHASES, slices_per_patient=slices))


def _volumes(study: Path) -> list[VolumeGeometry]:
    """Find the three phases' files, in table order, so that the rivals need not search."""
    scan = scan_folder(study)
    kept = [series for series in group_series(scan.instances) if len(series.instances) > 2]  # noqa: PLR2004  # no scout
    volumes, _ = select_volumes(decide_phases(kept), _PHASES)
    return [order_volume(volumes[phase].decision.series) for phase in _PHASES]


def _decode(volumes: Sequence[VolumeGeometry]) -> list[np.ndarray]:
    return [
        np.stack([dcmread(instance.path).pixel_array for instance in volume.instances])
        for volume in volumes
    ]


def _target(portal: sitk.Image) -> sitk.Image:
    """Lay the model's pixels over the portal phase's field of view."""
    width, height, slices = portal.GetSize()
    across, down, step = portal.GetSpacing()
    spacing = (across * width / _SIZE, down * height / _SIZE, step)
    first = [(new - old) / 2 for new, old in zip(spacing, (across, down, step), strict=True)]
    target = sitk.Image(_SIZE, _SIZE, slices, sitk.sitkUInt8)
    target.SetOrigin([o + f for o, f in zip(portal.GetOrigin(), first, strict=True)])
    target.SetSpacing(spacing)
    return target


def _resample(image: sitk.Image, target: sitk.Image) -> np.ndarray:
    moved = sitk.Resample(
        image, target, sitk.Transform(), sitk.sitkLinear, -1024.0, sitk.sitkFloat32
    )
    return np.asarray(sitk.GetArrayFromImage(moved))


def _decoder(study: Path) -> Callable[[], object]:
    volumes = _volumes(study)
    return lambda: _decode(volumes)


def _decoder_and_resampling(study: Path) -> Callable[[], object]:
    volumes = _volumes(study)

    def act() -> object:
        images = []
        for volume, pixels in zip(volumes, _decode(volumes), strict=True):
            image = sitk.GetImageFromArray(pixels)
            image.SetOrigin(volume.origins_mm[0].tolist())
            image.SetSpacing([*reversed(volume.pixel_spacing_mm), volume.step_mm])
            images.append(image)
        target = _target(images[-1])
        return [_resample(image, target) for image in images]

    return act


def _plain_script(study: Path) -> Callable[[], object]:
    """Do what a plain script does: trust the reader with order and spacing, resample, window."""
    heads = [volume.instances[0] for volume in _volumes(study)]

    def act() -> object:
        images = []
        for head in heads:
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(
                reader.GetGDCMSeriesFileNames(str(head.path.parent), head.series_uid)
            )
            images.append(reader.Execute())
        target = _target(images[-1])
        planes = [np.clip((_resample(i, target) + 200) / 400, 0, 1) for i in images]
        return np.stack(planes, axis=1)

    return act


def _all_slices(study: Path) -> Callable[[], object]:
    return lambda: _prepared(study)


def _four_slices(study: Path) -> Callable[[], object]:
    return lambda: _prepared(study, _FEW_SLICES)


def _cache(study: Path) -> Callable[[], object]:
    """Read the whole tensor from the encrypted cache; the folder goes with this process."""
    secret = os.urandom(32)
    folder = tempfile.TemporaryDirectory(prefix="hepafed-cache-")
    store(Path(folder.name), "study", _prepared(study), secret)

    def act() -> object:
        found = load(Path(folder.name), "study", secret)
        if found is None:
            raise SystemExit(f"The cache in {folder.name} lost its entry. Is the disk full?")
        return found.images.max()

    return act


_ROADS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "decoder": _decoder,
    _REFERENCE: _decoder_and_resampling,
    "plain SimpleITK script": _plain_script,
    "ours, every slice": _all_slices,
    f"ours, {_FEW_SLICES} slices": _four_slices,
    "ours, from the cache": _cache,
}


def measure(study: Path, stored: str, road: str, repeats: int) -> Cost:
    """Measure one road in this process, on one thread."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    cpu, wall = [], []
    with threadpool_limits(limits=1):
        act = _ROADS[road](study)
        for _ in range(repeats):
            started = time.process_time(), time.perf_counter()
            act()
            cpu.append(time.process_time() - started[0])
            wall.append(time.perf_counter() - started[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTE
    return Cost(stored, road, min(cpu), min(wall), peak)


def measure_site(site: Path, stored: str, workers: int) -> Cost:
    """Prepare a site whose caches are empty, and count the CPU seconds of all its workers."""
    settings = read_site_settings(site / "site.toml")
    shutil.rmtree(settings.work, ignore_errors=True)
    before = _cpu_of_all()
    started = time.perf_counter()
    prepared = prepare_site(settings, CtPreparation(phases=_PHASES), workers=workers)
    wall = time.perf_counter() - started
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    name = f"site of {len(prepared.usable)}, {workers} worker{'s' * (workers > 1)}"
    return Cost(stored, name, _cpu_of_all() - before, wall, peak / _KIBIBYTE)


def _cpu_of_all() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _alone(work: Callable[..., _Answer], *arguments: object) -> _Answer:
    """Work in a fresh process; even writing, since a child's peak starts at its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _costs(options: argparse.Namespace, folder: Path) -> Iterator[Cost]:
    studies = {"as it is": options.study}
    if options.study is None:
        plain = _alone(write_study, folder / "none", options.matrix, options.slices)
        studies = {"none": plain}
        for syntax in options.syntax:
            if syntax != "none":
                studies[syntax] = _alone(compress, plain, folder / syntax, _COMPRESSED[syntax])
    for stored, study in studies.items():
        for road in _ROADS:
            yield _alone(measure, study, stored, road, options.repeats)
    if options.study is None and options.patients:
        stored = list(studies)[-1]
        site = _alone(write_site, studies[stored], folder / "site", options.patients)
        for workers in (1, 2):
            yield _alone(measure_site, site, stored, workers)


def _print_table(costs: Sequence[Cost]) -> None:
    reference = {cost.study: cost.cpu_seconds for cost in costs if cost.road == _REFERENCE}
    first_site = next((cost for cost in costs if cost.road.endswith(" 1 worker")), None)
    print(f"{'compression':<12} {'road':<26} {'CPU s':>7} {'ratio':>6} {'wall s':>7} {'MB':>6}")
    for cost in costs:
        of = reference[cost.study]
        if cost.road.startswith("site") and first_site is not None:
            of = first_site.cpu_seconds
        print(
            f"{cost.study:<12} {cost.road:<26} {cost.cpu_seconds:>7.3f} "
            f"{cost.cpu_seconds / of:>6.2f} {cost.wall_seconds:>7.2f} {cost.peak_memory_mb:>6.0f}"
        )
    by_road = {(cost.study, cost.road): cost.cpu_seconds for cost in costs}
    for study in reference:
        gain = by_road[study, "ours, every slice"] / by_road[study, "ours, from the cache"]
        print(f"{study}: the cache is {gain:.0f} times faster than DICOM")
    last = costs[-1]
    if first_site is not None:
        gain = first_site.wall_seconds / last.wall_seconds
        print(f"two workers: {gain:.2f} times faster by the clock; load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--study", type=Path, help="folder of one three-phase study")
    parser.add_argument("--matrix", type=int, default=512, help="rows and columns")
    parser.add_argument("--slices", type=int, default=60, help="per phase")
    known = ["none", *_COMPRESSED]
    parser.add_argument("--syntax", nargs="+", choices=known, default=["none", "jpeg-2000"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--patients", type=int, default=6, help="of the site; 0 leaves it out")
    parser.add_argument("--json", action="store_true", help="one JSON record per line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hepafed-ingest-") as folder:
        costs = []
        for cost in _costs(options, Path(folder)):
            costs.append(cost)
            if options.json:
                print(json.dumps(asdict(cost)), flush=True)
    if not options.json:
        _print_table(costs)


if __name__ == "__main__":
    main()
