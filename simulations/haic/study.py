"""One study on MRI and clinic from a cohort's folder to report and release, resumable.

The federation runs in this process, pooled-central and each site alone in processes beside it.
Every step leaves its result in the run's folder.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from client.fusion_site import FusionSite, open_fusion_site
from client.site_settings import SMALLEST_MINIMUM_COUNT, read_site_settings
from server.haic_report import RELEASE_FOLDER, haic_record
from server.haic_results import HaicResults
from server.haic_stages import machines_of
from server.run_folder import fold_folder, read_best, read_haic
from shared.errors import CheckpointError, DataError, SettingsError
from shared.models.mri_scores import MriScores
from shared.models.study_network import build_network
from shared.models.weights import load_arrays
from shared.report.console import progress_printer, say
from shared.report.haic_files import write_haic_record
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY, MODELS
from shared.report.haic_record import BayesAucs, HaicRecord, SequenceOverlay
from shared.report.haic_report import write_haic_report
from shared.settings import HAIC_MRI
from shared.tasks.haic_overlays import report_sequence_overlays
from shared.tasks.haic_release import RELEASED_MODELS, write_haic_release
from shared.tasks.recipe import Recipe, recipe_for
from shared.training.device import choose_device
from shared.vocabulary import Split
from simulations.baselines import arm_names
from simulations.federation import run_apps
from simulations.haic.arms import ArmOutcome
from simulations.haic.baselines import HaicBaseline, run_haic_baseline
from simulations.haic.candidates import read_candidates
from simulations.haic.complete_record import SimulationFacts, complete_record
from simulations.haic.exclusions import exclusions_of
from simulations.haic.invention import invented_cohort
from simulations.side_processes import work_beside
from simulations.study import StepClock, StudyPlan, find_sites


@dataclass(frozen=True)
class HaicStudyResult:
    """What a study left.

    Attributes:
        report: The page.
        release: The release folder; None where a model could not be fitted.
        auc: Area under the curve by arm and model; None where it does not exist.
        bayes: Best possible on an invented cohort.
        seconds: Wall time by step.
    """

    report: Path
    release: Path | None
    auc: Mapping[str, Mapping[str, float | None]]
    bayes: BayesAucs
    seconds: Mapping[str, float]

    def json(self) -> dict[str, object]:
        """Give the result for machines."""
        plain = asdict(self)
        release = None if self.release is None else str(self.release)
        return plain | {"report": str(self.report), "release": release}

    def text(self) -> str:
        """Give the result for people."""
        shown = [m for m in MODELS if any(m in row for row in self.auc.values())]
        width = max(len(name) for name in (*self.auc, "best possible"))
        best = {name: getattr(self.bayes, key) for name, key in _BAYES.items()}
        rows = dict(self.auc)
        if any(value is not None for value in best.values()):
            rows["best possible"] = best
        lines = [f"  {'':<{width}}  " + "  ".join(f"{m:>13}" for m in shown)]
        for name, row in rows.items():
            cells = "  ".join(f"{_number(row.get(m)):>13}" for m in shown)
            lines.append(f"  {name:<{width}}  {cells}")
        times = ", ".join(f"{step} {spent:.0f} s" for step, spent in self.seconds.items())
        return "\n".join(
            [
                "AUC on the held-out patients of all sites (event: progressive disease):",
                *lines,
                f"Time: {times}.",
                f"Report:  {self.report}",
                f"Release: {self.release or 'none: a model could not be fitted'}",
            ]
        )


_BAYES = {IMAGE_ONLY: "image", CLINICAL_ONLY: "clinical", FUSION: "fusion"}


def _number(area: float | None) -> str:
    return "-" if area is None else f"{area:.3f}"


def run_haic_study(plan: StudyPlan) -> HaicStudyResult:
    """Run a study, or go on with one.

    Args:
        plan: What to run; its task is ``haic-mri``.

    Returns:
        Where the results are, and the areas under the curve.

    Raises:
        SettingsError: If the task is another one.
        HepafedError: What any step refuses; the run's folder keeps what was finished.
    """
    if plan.settings.task != HAIC_MRI:
        raise SettingsError(
            f"Expected the task '{HAIC_MRI}', got '{plan.settings.task}'. Set task={HAIC_MRI}."
        )
    folders = find_sites(plan.cohort)
    plan.run_dir.mkdir(parents=True, exist_ok=True)
    clock = StepClock(plan.run_dir)
    recipe = recipe_for(plan.settings)
    with clock.step("preparation"):
        sites = prepare_sites(folders, plan, recipe)
    baselines = _train_all_arms(folders, tuple(sites), plan, clock)
    with clock.step("report"):
        found = finished_run(plan.run_dir)
        record = _record(plan, recipe, sites, found, baselines, clock)
        write_haic_record(plan.run_dir, record)
        page = write_haic_report(plan.run_dir, record)
        release = _release(plan.run_dir, recipe, found, record)
    return HaicStudyResult(
        report=page,
        release=release,
        auc={arm.name: {row.model: row.auc.value for row in arm.models} for arm in record.arms},
        bayes=record.bayes,
        seconds=dict(clock.seconds),
    )


def prepare_sites(
    folders: tuple[Path, ...], plan: StudyPlan, recipe: Recipe
) -> dict[str, FusionSite]:
    """Prepare every site's images and join its clinical table.

    Args:
        folders: Settings files of the sites.
        plan: What to run.
        recipe: Of the study.

    Returns:
        The sites' patients, by name.

    Raises:
        HepafedError: If a site's data cannot serve the run.
    """
    prepared: dict[str, FusionSite] = {}
    for path in folders:
        site = read_site_settings(path)
        prepared[site.name] = open_fusion_site(
            site,
            plan.settings,
            recipe.preparation,
            recipe.endpoint,
            workers=plan.workers,
            progress=progress_printer(f"{site.name}: preparing studies"),
        )
        excluded = prepared[site.name].excluded
        if excluded:
            say(f"{site.name}: {excluded} patients excluded; see 'hepafed site check {path}'.")
    return prepared


def finished_run(run_dir: Path) -> HaicResults:
    """Read what the federation found.

    Raises:
        CheckpointError: If there is nothing.
    """
    found = read_haic(run_dir)
    if found is None:
        raise CheckpointError(
            f"Expected a finished run in {run_dir}, got none. Run the study first."
        )
    return found


def _train_all_arms(
    folders: tuple[Path, ...], sites: tuple[str, ...], plan: StudyPlan, clock: StepClock
) -> dict[str, ArmOutcome]:
    on_gpu = choose_device().type == "cuda"
    processes = 1 if on_gpu else plan.workers  # one GPU is not shared between arms
    threads = max(1, torch.get_num_threads() // processes)
    jobs = {
        name: HaicBaseline(name, folders, plan.settings, plan.run_dir.resolve(), threads)
        for name in (arm_names(sites) if plan.baselines else ())
    }
    before = torch.get_num_threads()
    torch.set_num_threads(threads if jobs else before)
    invented = invented_cohort(plan.cohort)
    try:
        with work_beside(run_haic_baseline, jobs, processes) as collect:
            with clock.step("training"):
                run_apps(
                    folders,
                    plan.settings,
                    plan.run_dir,
                    engine=plan.engine,
                    progress=say,
                    synthetic=invented is not None,
                )
            with clock.step("baselines"):
                return collect()
    finally:
        torch.set_num_threads(before)


def _record(  # everything the record is made of
    plan: StudyPlan,
    recipe: Recipe,
    sites: Mapping[str, FusionSite],
    found: HaicResults,
    baselines: Mapping[str, ArmOutcome],
    clock: StepClock,
) -> HaicRecord:
    invented = invented_cohort(plan.cohort)
    facts = SimulationFacts(
        seconds=clock.seconds,
        baselines=baselines,
        candidates=read_candidates(plan.run_dir),
        exclusions=exclusions_of(sites, 1 if invented else SMALLEST_MINIMUM_COUNT),
        overlays=_overlays(plan.run_dir, recipe, sites) if invented else (),
        bayes=invented.bayes if invented else BayesAucs(),
        departures=invented.departures if invented else (),
    )
    record = haic_record(plan.run_dir, plan.settings, recipe, found, synthetic=invented is not None)
    return complete_record(record, facts)


def _overlays(
    run_dir: Path, recipe: Recipe, sites: Mapping[str, FusionSite]
) -> tuple[SequenceOverlay, ...]:
    network = build_network(recipe.network)
    if not isinstance(network, MriScores):
        raise DataError(f"Expected a network on MRI, got that of '{recipe.name}'.")
    load_arrays(network, read_best(fold_folder(run_dir, 0))[1])
    held_out = [p for data in sites.values() for p in data.patients if p.split is Split.HELD_OUT]
    return report_sequence_overlays(network, held_out, recipe.endpoint, choose_device())


def _release(run_dir: Path, recipe: Recipe, found: HaicResults, record: HaicRecord) -> Path | None:
    """Write the release again, now with the complete record behind it."""
    machines = machines_of(found)
    if not set(RELEASED_MODELS) <= set(machines):
        return None
    folder = run_dir / RELEASE_FOLDER
    _, weights = read_best(fold_folder(run_dir, 0))
    write_haic_release(folder, recipe, weights, machines, record)
    return folder
