"""The arms that federation is compared with, trained once and kept in the run's folder."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from server.checkpoint import write_json
from server.results import from_plain, to_plain
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.report.run_record import POOLED_CENTRAL, SITE_ALONE_PREFIX
from shared.settings import RunSettings
from shared.tasks.recipe import Recipe
from shared.training.device import choose_device
from simulations.arm import ArmResult, RoundReport, SitePatients
from simulations.local_only import train_site_alone
from simulations.pooled import train_pooled
from simulations.report_arm import evaluate_result

Say = Callable[[str], None]

_NOT_PART_OF_TRAINING = ("run_dir", "sites_dir", "min_sites", "wait_seconds")


def baseline_evaluations(
    sites: SitePatients,
    recipe: Recipe,
    settings: RunSettings,
    run_dir: Path,
    say: Say,
) -> dict[str, FederatedEvaluation]:
    """Train the pooled-central arm and every site alone, or read what an earlier start finished.

    Each arm is evaluated on the held-out patients of all sites. An arm is written as soon as it is
    done, so that an interrupted run repeats at most one.

    Args:
        sites: Every prepared patient, by site.
        recipe: Of the study.
        settings: Of the federation they are compared with.
        run_dir: Of the run; results go to its folder ``baselines``.
        say: Takes one line for a person who waits.

    Returns:
        The evaluations by the arm's name in the report, pooled-central first.
    """
    device, report = choose_device(), _reporter(say)
    arms: dict[str, Callable[[], ArmResult]] = {
        POOLED_CENTRAL: partial(train_pooled, sites, recipe, settings, device, report)
    }
    for name in sites:
        arms[f"{SITE_ALONE_PREFIX}{name}"] = partial(
            train_site_alone, sites, name, recipe, settings, device, report
        )
    folder = run_dir / "baselines"
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, FederatedEvaluation] = {}
    for name, train in arms.items():
        key = _key(name, settings)
        kept = folder / f"{key}.json"
        if kept.is_file():
            found[name] = from_plain(FederatedEvaluation, json.loads(kept.read_text("utf-8")))
            continue
        result = train()
        found[name] = evaluate_result(result, recipe.endpoint)
        write_json(kept, to_plain(found[name]))
        say(_result_line(name, result, found[name]))
    return found


def _key(name: str, settings: RunSettings) -> str:
    facts = {
        field: value
        for field, value in dataclasses.asdict(settings).items()
        if field not in _NOT_PART_OF_TRAINING
    }
    text = json.dumps([name, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _reporter(say: Say) -> Callable[[RoundReport], None]:
    def report(step: RoundReport) -> None:
        say(
            f"{step.arm}: round {step.round} of {step.rounds}, training loss "
            f"{step.training_loss:.3f}, inner-validation loss {step.validation_loss:.3f}"
        )

    return report


def _result_line(name: str, result: ArmResult, evaluation: FederatedEvaluation) -> str:
    area = f"AUC {evaluation.auc.auc:.3f}" if evaluation.auc else "no AUC (one class only)"
    return f"{name}: {area}, best round {result.best_round}, {result.seconds:.0f} s"
