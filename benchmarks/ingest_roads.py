"""The roads from DICOM files to model input that ``ingest.py`` compares, and their measurement."""
# mypy: allow-untyped-calls
# SimpleITK has no annotations; its values are typed where they leave it.

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  # the name that its own documents use
from ingest_cost import REFERENCE, Cost
from pydicom import dcmread
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


ROADS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "decoder": _decoder,
    REFERENCE: _decoder_and_resampling,
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
        act = ROADS[road](study)
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
