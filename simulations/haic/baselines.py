"""The arms of a study on MRI and clinic as jobs for processes of their own, results kept."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from client.fusion_site import open_fusion_site
from client.site_settings import read_site_settings
from server.checkpoint import write_json
from server.results import from_plain, to_plain
from shared.errors import HepafedError
from shared.report.console import say
from shared.report.run_record import POOLED_CENTRAL, SITE_ALONE_PREFIX
from shared.settings import RunSettings
from shared.tasks.recipe import recipe_for
from shared.training.device import choose_device
from simulations.haic.arms import ArmOutcome, FoldDone, run_arm
from simulations.side_processes import result_file


@dataclass(frozen=True)
class HaicBaseline:
    """One arm to train.

    Attributes:
        name: ``pooled-central`` or ``site alone: NAME``.
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


def run_haic_baseline(job: HaicBaseline) -> ArmOutcome:
    """Train and evaluate an arm, or read what an earlier start kept.

    An arm that cannot be fitted, such as a site alone with hardly an event, is a result as well:
    the others stand without it.

    Args:
        job: Which arm.

    Returns:
        The outcome, also kept in the run's folder.
    """
    kept = result_file(job.run_dir, job.name, job.settings)
    if kept.is_file():
        return from_plain(ArmOutcome, json.loads(kept.read_text(encoding="utf-8")))
    torch.set_num_threads(job.threads)
    try:
        outcome = _trained(job)
    except HepafedError as error:
        outcome = ArmOutcome(job.name, None, error.message, {}, 0.0)
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(kept, to_plain(outcome))
    say(f"{job.name}: {_said(outcome)}.")
    return outcome


def _trained(job: HaicBaseline) -> ArmOutcome:
    recipe = recipe_for(job.settings)
    sites = {
        site.name: open_fusion_site(site, job.settings, recipe.preparation, recipe.endpoint)
        for site in map(read_site_settings, job.folders)
    }
    pooled = job.name == POOLED_CENTRAL
    members = sites if pooled else (job.name.removeprefix(SITE_ALONE_PREFIX),)

    def report(done: FoldDone) -> None:
        which = f"fold {done.fold}" if done.fold else "all development patients"
        say(f"{done.arm}: {which}, best round {done.best_round}.")

    return run_arm(
        job.name, members, sites, recipe, job.settings, device=choose_device(), progress=report
    )


def _said(outcome: ArmOutcome) -> str:
    if outcome.evaluation is None:
        return f"no result ({outcome.failure})"
    areas = {
        name: found.auc.auc
        for name, found in outcome.evaluation.models.items()
        if found.auc is not None
    }
    said = ", ".join(f"{name} {area:.3f}" for name, area in areas.items())
    return f"AUC {said or 'undefined'}; {outcome.seconds:.0f} s"
