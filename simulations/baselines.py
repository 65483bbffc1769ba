"""The arms that federation is compared with, trained beside it and kept in the run's folder.

``simulations.side_processes`` trains them in processes of their own.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from client.dataset import open_site
from client.site_settings import read_site_settings
from server.checkpoint import write_json
from server.results import from_plain, to_plain
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.report.console import say
from shared.report.run_record import POOLED_CENTRAL, SITE_ALONE_PREFIX
from shared.settings import RunSettings
from shared.tasks.recipe import recipe_for
from shared.training.device import choose_device
from simulations.arm import ArmResult, RoundReport, SitePatients
from simulations.local_only import train_site_alone
from simulations.pooled import train_pooled
from simulations.report_arm import evaluate_result
from simulations.side_processes import result_file


@dataclass(frozen=True)
class BaselineJob:
    """One arm to train.

    Attributes:
        name: Of the arm in the report.
        folders: Settings files of all sites, whose prepared patients are in their caches.
        settings: Of the federation that the arm is compared with.
        run_dir: Of the run; results go to its folder ``baselines``.
        threads: Threads of this training.
    """

    name: str
    folders: tuple[Path, ...]
    settings: RunSettings
    run_dir: Path
    threads: int


def run_baseline(job: BaselineJob) -> FederatedEvaluation:
    """Train one arm and evaluate it on the held-out patients of all sites.

    Args:
        job: Which arm.

    Returns:
        The evaluation, also kept in the run's folder.

    Raises:
        HepafedError: What training refuses.
    """
    kept = result_file(job.run_dir, job.name, job.settings)
    if kept.is_file():
        return from_plain(FederatedEvaluation, json.loads(kept.read_text(encoding="utf-8")))
    torch.set_num_threads(job.threads)
    recipe = recipe_for(job.settings)
    result = _train(job)
    evaluation = evaluate_result(result, recipe.endpoint)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, to_plain(evaluation))
    area = f"AUC {evaluation.auc.auc:.3f}" if evaluation.auc else "no AUC (one class only)"
    say(f"{job.name}: {area}, best round {result.best_round}, {result.seconds:.0f} s")
    return evaluation


def arm_names(sites: tuple[str, ...]) -> tuple[str, ...]:
    """Name the arms of a comparison, pooled-central first."""
    return (POOLED_CENTRAL, *(f"{SITE_ALONE_PREFIX}{name}" for name in sites))


def _train(job: BaselineJob) -> ArmResult:
    recipe, device = recipe_for(job.settings), choose_device()
    sites: SitePatients = {
        site.name: open_site(site, job.settings, recipe.preparation, recipe.endpoint).patients
        for site in map(read_site_settings, job.folders)
    }

    def report(step: RoundReport) -> None:
        say(
            f"{job.name}: round {step.round} of {step.rounds}, training loss "
            f"{step.training_loss:.3f}, inner-validation loss {step.validation_loss:.3f}"
        )

    if job.name == POOLED_CENTRAL:
        return train_pooled(sites, recipe, job.settings, device, report)
    name = job.name.removeprefix(SITE_ALONE_PREFIX)
    return train_site_alone(sites, name, recipe, job.settings, device, report)
