"""Pooled-central and each site alone: the federation's algorithm with everything in one place.

For every fold a network is trained on the patients whom the fold trains on, features of the
patients it leaves out become columns, and the same three models are fitted on the development
patients. All arms are scored on the held-out patients of all sites.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64

from client.fusion_site import FusionSite
from client.split_table import SplitTable
from server.haic_evaluation import evaluate_models
from server.haic_models import fit_models
from server.haic_results import HaicEvaluation
from server.haic_training import folds_in_order
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE, READERS
from shared.cohort.patient import PreparedPatient
from shared.errors import SettingsError
from shared.fusion.cross_fitting import development_folds, patients_of_fold
from shared.messages.weights_digest import weights_digest
from shared.models.mri_scores import MriScores
from shared.models.weights import load_arrays
from shared.settings import RunSettings
from shared.tasks.recipe import Recipe
from shared.training.mri_features import patient_features
from shared.training.schedule import best_round
from simulations.arm import start_network, train_rounds
from simulations.haic.tables_in_memory import TablesInMemory

FusionSites = Mapping[str, FusionSite]
"""Every site's patients with images and clinic, by the site's name."""


@dataclass(frozen=True)
class ArmOutcome:
    """What an arm reached.

    Attributes:
        name: As ``shared.report.run_record`` spells it.
        evaluation: Of its models on the held-out patients of all sites; None if a model could
            not be fitted.
        failure: Why there is no evaluation; empty if there is one.
        best_rounds: Of every training, by fold.
        seconds: Wall time.
    """

    name: str
    evaluation: HaicEvaluation | None
    failure: str
    best_rounds: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class FoldDone:
    """One training of an arm that has ended.

    Attributes:
        arm: Name of the arm.
        fold: Which training.
        best_round: Whose weights give the features.
        validation_loss: Of these weights.
    """

    arm: str
    fold: int
    best_round: int
    validation_loss: float


def run_arm(  # noqa: PLR0913  # the arm's inputs, named one by one
    name: str,
    members: Iterable[str],
    sites: FusionSites,
    recipe: Recipe,
    settings: RunSettings,
    *,
    device: torch.device,
    progress: Callable[[FoldDone], None] | None = None,
) -> ArmOutcome:
    """Train and evaluate one arm.

    Args:
        name: Of the arm.
        members: The sites whose development patients it has.
        sites: All sites; their held-out patients are scored.
        recipe: Of the study.
        settings: Of the run that the arm is compared with.
        device: From ``choose_device``.
        progress: Called after every training.

    Returns:
        What was reached.

    Raises:
        HepafedError: What a training, a fit or the evaluation raises.
    """
    started = time.perf_counter()
    own = {member: sites[member] for member in members}
    features: dict[str, np.ndarray] = {
        site: np.full((len(data.patients), len(IMAGE_FEATURES) + 1), np.nan)
        for site, data in sites.items()
    }
    best_rounds: dict[str, int] = {}
    for fold in folds_in_order(settings.folds):
        parts = {site: _parts(data, fold, settings, site) for site, data in own.items()}
        network = _network(recipe, settings, device)
        everyone = [patient for patients in parts.values() for patient in patients]
        rounds, weights = train_rounds(network, everyone, recipe, settings, device, arm=name)
        load_arrays(network, weights)
        losses = [report.validation_loss for report in rounds]
        chosen = best_round(losses)
        best_rounds[str(fold)] = chosen
        # The last network meets the held-out patients of everybody, the others their own fold's.
        for site, data in (own if fold else sites).items():
            left_out = _left_out(data, fold, settings, site)
            for place in np.flatnonzero(left_out):
                features[site][place] = _features(network, data.patients[place], device)
        if progress is not None:
            progress(FoldDone(name, fold, chosen, losses[chosen - 1]))
    tables = {
        site: _split(data, features[site], _left_out(data, 0, settings, site))
        for site, data in sites.items()
    }
    fitted = fit_models(
        TablesInMemory({site: tables[site] for site in own}), settings, name, minimum_sites=1
    )
    evaluation = evaluate_models(
        TablesInMemory(tables),
        fitted.machines(),
        recipe.endpoint,
        weights_digest,
        minimum_sites=1,
    )
    return ArmOutcome(name, evaluation, "", best_rounds, time.perf_counter() - started)


def _network(recipe: Recipe, settings: RunSettings, device: torch.device) -> MriScores:
    network = start_network(recipe, settings, device)
    if not isinstance(network, MriScores):
        raise SettingsError(
            f"Expected a study on MRI, got '{recipe.name}'. Choose the task 'haic-mri'."
        )
    return network


def _parts(
    data: FusionSite, fold: int, settings: RunSettings, site: str
) -> tuple[PreparedPatient, ...]:
    return patients_of_fold(
        data.patients, fold=fold, folds=settings.folds, seed=settings.seed, site=site
    )


def _left_out(
    data: FusionSite, fold: int, settings: RunSettings, site: str
) -> Bool[np.ndarray, " patient"]:
    # Fold 0 of the numbering is the patients whom the split holds out.
    numbers = development_folds(data.patients, settings.folds, settings.seed, site)
    left_out: Bool[np.ndarray, " patient"] = numbers == fold
    return left_out


def _features(
    network: MriScores, patient: PreparedPatient, device: torch.device
) -> Float64[np.ndarray, " feature"]:
    found = patient_features(network, patient.images, device)
    return np.append(found.features, found.score)


def _split(
    data: FusionSite,
    features: Float64[np.ndarray, "patient feature"],
    held_out: Bool[np.ndarray, " patient"],
) -> SplitTable:
    nobody = np.full(len(data.patients), np.nan)
    columns = {
        **{name: data.columns.get(name, nobody) for name in READERS},
        **data.columns,
        **dict(zip((*IMAGE_FEATURES, IMAGE_SCORE), features.T, strict=True)),
    }
    return SplitTable(
        {name: values[~held_out] for name, values in columns.items()},
        {name: values[held_out] for name, values in columns.items()},
    )
