"""The stages after the trainings: features, three models, their evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from server.federated_image_features import keep_features
from server.haic_evaluation import evaluate_models
from server.haic_models import (
    complete_readers,
    fit_clinical,
    fit_fusion,
    fit_image,
    reader_machines,
)
from server.haic_results import HaicResults
from server.haic_study import HaicStudy
from server.haic_training import folds_in_order
from server.out_of_fold import image_score_area
from server.run_folder import fold_folder, read_best
from shared.errors import DataError
from shared.fusion.svm import FittedSvm
from shared.messages.exchange import Ask
from shared.messages.image_features import ImageFeaturesRequest
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY


@runtime_checkable
class StageWork(Protocol):
    """Gives the result of a stage."""

    def __call__(self, ask: Ask, *, study: HaicStudy, found: HaicResults, run_dir: Path) -> object:
        """Give the result, from the sites and from what earlier stages found."""
        ...


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        title: What it is called in a line to read.
        work: Gives its result.
    """

    title: str
    work: StageWork


def _features(ask: Ask, *, study: HaicStudy, found: HaicResults, run_dir: Path) -> object:
    settings = study.settings
    kept: dict[str, Mapping[str, int | None]] = {}
    for fold in folds_in_order(settings.folds):
        best, weights = read_best(fold_folder(run_dir, fold))
        request = ImageFeaturesRequest(
            run=found.run,
            fold=fold,
            folds=settings.folds,
            seed=settings.seed,
            model_digest=best.model_digest,
            weights=weights,
        )
        kept[str(fold)] = keep_features(ask, request)
    return kept


def machines_of(found: HaicResults) -> dict[str, FittedSvm]:
    """Give the models that a run has, as they travel, by name, in the order of a report."""
    models = {
        IMAGE_ONLY: found.image,
        CLINICAL_ONLY: found.clinical,
        FUSION: found.fusion,
    }
    return {name: fitted.model for name, fitted in models.items() if fitted is not None}


def _clinical(ask: Ask, *, study: HaicStudy, **_: object) -> object:
    return fit_clinical(ask, study.settings)


def _fusion(ask: Ask, *, study: HaicStudy, **_: object) -> object:
    return fit_fusion(ask, study.settings, study.word())


def _evaluation(ask: Ask, *, study: HaicStudy, found: HaicResults, **_: object) -> object:
    models = machines_of(found)
    if not models:
        raise DataError(
            "Expected a model to evaluate, got none. See why the stages before have none."
        )
    models |= reader_machines(found.readers or ())
    return evaluate_models(ask, models, study.endpoint, study.digest_of)


STAGES: Final[Mapping[str, Stage]] = {
    "features": Stage("image features", _features),
    "image": Stage("image-only model", lambda ask, **_: fit_image(ask)),
    "clinical": Stage("clinical-only model", _clinical),
    "fusion": Stage("fusion model", _fusion),
    "out_of_fold": Stage("out-of-fold image score", lambda ask, **_: image_score_area(ask)),
    "readers": Stage("readers' calls", lambda ask, **_: complete_readers(ask)),
    "evaluation": Stage("evaluation", _evaluation),
}
"""In order; named as the field of ``HaicResults`` that holds the result."""
