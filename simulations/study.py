"""One simulated study from a cohort's folder to its report: prepare, federate, compare, release.

Every step leaves its result in the run's folder, so that the same command goes on where an
interrupted one stopped.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from client.dataset import open_site
from client.site_settings import read_site_settings
from server.checkpoint import write_json
from server.run_folder import read_best, read_census, read_evaluation, read_history
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.aggregation.sum_channel import MINIMUM_SITES
from shared.errors import DataError
from shared.models.multiphase_ct import MultiphaseCt
from shared.models.study_network import build_network
from shared.models.weights import load_arrays
from shared.report.console import progress_printer, say
from shared.report.report_files import write_report
from shared.report.run_files import write_run_record
from shared.report.run_record import OverlayImage
from shared.settings import RunSettings
from shared.tasks.recipe import Recipe, recipe_for
from shared.training.device import choose_device
from shared.vocabulary import Split
from simulations.arm import SitePatients, patients_in
from simulations.baselines import BaselineJob, arm_names, run_baseline
from simulations.federation import Engine, run_federation
from simulations.overlays import report_overlays
from simulations.side_processes import work_beside
from simulations.study_record import StudyFacts, study_record
from simulations.study_release import release_study

SITE_FILE = "site.toml"
STEPS_FILE = "steps.json"
COHORT_FILE = "cohort.json"


@dataclass(frozen=True)
class StudyPlan:
    """What to run.

    Attributes:
        cohort: Folder of sites, each a folder with a ``site.toml``.
        run_dir: Where everything goes; the same folder goes on.
        settings: Of the run.
        engine: ``in-process`` or ``ray``.
        baselines: Whether pooled-central and each site alone are trained as well.
        workers: Processes that prepare studies and train baselines.
    """

    cohort: Path
    run_dir: Path
    settings: RunSettings
    engine: Engine = "in-process"
    baselines: bool = True
    workers: int = 2


@dataclass(frozen=True)
class StudyResult:
    """What a study left.

    Attributes:
        report: The page.
        release: The release folder.
        auc: Area under the curve by arm; None where it does not exist.
        bayes_auc: Best possible on an invented cohort.
        seconds: Wall time by step.
    """

    report: Path
    release: Path
    auc: dict[str, float | None]
    bayes_auc: float | None
    seconds: dict[str, float]

    def json(self) -> dict[str, object]:
        """Give the result for machines."""
        plain = asdict(self)
        return plain | {"report": str(self.report), "release": str(self.release)}

    def text(self) -> str:
        """Give the result for people."""
        width = max(len(name) for name in self.auc)
        areas = [
            f"  {name:<{width}}  {'-' if area is None else f'{area:.3f}'}"
            for name, area in self.auc.items()
        ]
        best = (
            []
            if self.bayes_auc is None
            else [f"  Bayes AUC (no model does better): {self.bayes_auc:.3f}"]
        )
        times = ", ".join(f"{step} {spent:.0f} s" for step, spent in self.seconds.items())
        return "\n".join(
            [
                "AUC on held-out patients of all sites:",
                *areas,
                *best,
                f"Time: {times}.",
                f"Report:  {self.report}",
                f"Release: {self.release}",
            ]
        )


def run_study(plan: StudyPlan) -> StudyResult:
    """Run a study, or go on with one.

    Args:
        plan: What to run.

    Returns:
        Where the results are, and the areas under the curve.

    Raises:
        HepafedError: What any step refuses; the run's folder keeps what was finished.
    """
    started = datetime.now(UTC)
    folders = find_sites(plan.cohort)
    plan.run_dir.mkdir(parents=True, exist_ok=True)
    clock = StepClock(plan.run_dir)
    recipe = recipe_for(plan.settings)
    with clock.step("preparation"):
        sites = _prepare(folders, plan, recipe)
    others = _train_all_arms(folders, tuple(sites), plan, clock)
    best, weights = read_best(plan.run_dir)
    with clock.step("report"):
        invented = _cohort_facts(plan.cohort)
        facts = StudyFacts(
            run=plan.run_dir.name,
            recipe=recipe,
            settings=plan.settings,
            started=started,
            seconds=clock.seconds,
            census=read_census(plan.run_dir),
            rounds=read_history(plan.run_dir),
            best=best,
            evaluation=read_evaluation(plan.run_dir),
            others=others,
            bayes_auc=invented.get("bayes_auc"),
            synthetic=bool(invented),
            overlays=_overlays(sites, recipe, weights) if invented else (),
        )
        record = study_record(facts)
        write_run_record(plan.run_dir, record)
        release = release_study(plan.run_dir / "release", record, recipe, weights)
        page = write_report(plan.run_dir, record)
    return StudyResult(
        report=page,
        release=release,
        auc={arm.name: arm.auc.value for arm in record.arms},
        bayes_auc=record.bayes_auc,
        seconds=dict(clock.seconds),
    )


def _train_all_arms(
    folders: tuple[Path, ...], sites: tuple[str, ...], plan: StudyPlan, clock: "StepClock"
) -> dict[str, FederatedEvaluation]:
    on_gpu = choose_device().type == "cuda"
    processes = 1 if on_gpu else plan.workers  # one GPU is not shared between arms
    threads = max(1, torch.get_num_threads() // processes)
    names = arm_names(sites) if plan.baselines else ()
    jobs = {
        name: BaselineJob(name, folders, plan.settings, plan.run_dir.resolve(), threads)
        for name in names
    }
    before = torch.get_num_threads()
    torch.set_num_threads(threads if jobs else before)
    try:
        with work_beside(run_baseline, jobs, processes) as collect:
            with clock.step("training"):
                run_federation(
                    folders, plan.settings, plan.run_dir, engine=plan.engine, progress=say
                )
            with clock.step("baselines"):
                return collect()
    finally:
        torch.set_num_threads(before)


def _overlays(
    sites: SitePatients, recipe: Recipe, weights: Mapping[str, np.ndarray]
) -> tuple[OverlayImage, ...]:
    network = build_network(recipe.network)
    if not isinstance(network, MultiphaseCt):
        return ()  # networks on MRI have maps of their own (simulations.haic)
    load_arrays(network, weights)
    held_out = patients_in(sites, Split.HELD_OUT)
    return report_overlays(network, held_out, recipe.endpoint, choose_device())


def find_sites(cohort: Path) -> tuple[Path, ...]:
    """Find the sites of a cohort: its folders with a settings file, by name.

    Raises:
        DataError: When there are too few.
    """
    found = sorted(path for path in cohort.glob(f"*/{SITE_FILE}")) if cohort.is_dir() else []
    if not found:
        raise DataError(
            f"Expected folders with a {SITE_FILE} in {cohort}, found none. Write a cohort with "
            "'hepafed cohort synth', or give the folder above the sites' folders."
        )
    if len(found) < MINIMUM_SITES:
        raise DataError(
            f"Expected at least {MINIMUM_SITES} sites, got {len(found)}: a sum over fewer shows "
            "one site's share to the other, so two sites are not evaluated together. Add a site."
        )
    return tuple(found)


def _prepare(folders: tuple[Path, ...], plan: StudyPlan, recipe: Recipe) -> SitePatients:
    prepared = {}
    for path in folders:
        site = read_site_settings(path)
        data = open_site(
            site,
            plan.settings,
            recipe.preparation,
            recipe.endpoint,
            workers=plan.workers,
            progress=progress_printer(f"{site.name}: preparing studies"),
        )
        if data.excluded:
            say(f"{site.name}: {data.excluded} patients excluded; see 'hepafed site check {path}'.")
        prepared[site.name] = data.patients
    return prepared


def _cohort_facts(cohort: Path) -> dict[str, float]:
    path = cohort / COHORT_FILE
    if not path.is_file():
        return {}
    facts = json.loads(path.read_text(encoding="utf-8"))
    return {"bayes_auc": float(facts["bayes_auc"])}


class StepClock:
    """Wall time by step, added up over the starts of one run."""

    def __init__(self, run_dir: Path) -> None:
        """Go on with the times an earlier start left."""
        self._path = run_dir / STEPS_FILE
        self.seconds: dict[str, float] = {}
        if self._path.is_file():
            self.seconds = json.loads(self._path.read_text(encoding="utf-8"))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; also when it fails, so that a resumed run tells the whole time."""
        before = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - before
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 1)
            write_json(self._path, self.seconds)
