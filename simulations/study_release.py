"""A finished study as a release folder."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from shared.release.bundle import write_release
from shared.release.model_card import model_card
from shared.release.release_settings import EstimateFacts, EvaluationFacts, ProvenanceFacts
from shared.report.run_record import FEDERATED, Arm, Measure, RunRecord
from shared.tasks.recipe import Recipe
from shared.tasks.released_model import release_settings


def release_study(
    folder: Path, record: RunRecord, recipe: Recipe, weights: Mapping[str, np.ndarray]
) -> Path:
    """Write the release folder of a study.

    Args:
        folder: To be made, or an earlier release to replace.
        record: Of the run.
        recipe: Of the study.
        weights: The best round's.

    Returns:
        The folder.

    Raises:
        ReleaseError: If the folder holds something else.
    """
    settings = release_settings(recipe, _provenance(record), _evaluation(record.arm(FEDERATED)))
    write_release(folder, weights, settings, model_card(settings))
    return folder


def _provenance(record: RunRecord) -> ProvenanceFacts:
    counts = [site.training_patients for site in record.sites]
    known = [count for count in counts if count is not None]
    return ProvenanceFacts(
        run=record.run,
        seed=record.seed,
        hepafed=version("hepafed"),
        code_digest=record.code_digest,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        strategy=str(record.settings["strategy"]),
        rounds=len(record.rounds),
        best_round=record.best_round,
        sites=len(record.sites),
        training_patients=sum(known) if len(known) == len(counts) else None,
        synthetic=record.synthetic,
    )


def _evaluation(arm: Arm | None) -> EvaluationFacts:
    if arm is None:
        return EvaluationFacts(patients=None, events=None)
    return EvaluationFacts(
        patients=arm.patients,
        events=arm.events,
        auc=_estimate(arm.auc),
        accuracy=_estimate(arm.accuracy),
        sensitivity=_estimate(arm.sensitivity),
        specificity=_estimate(arm.specificity),
        f1=_estimate(arm.f1),
    )


def _estimate(measured: Measure) -> EstimateFacts:
    return EstimateFacts(measured.value, measured.lower, measured.upper)
