"""From a recipe on MRI and clinic to a release folder, and from that back to network and input."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shared.errors import MessageError, Problem, ReleaseError, SettingsError
from shared.fusion.svm import FittedSvm
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.models.weights import load_arrays
from shared.release.haic_bundle import HaicRelease, write_haic_bundle
from shared.release.haic_card import haic_card
from shared.release.haic_settings import (
    HaicReleaseSettings,
    ModelEvaluation,
    MriPreparationFacts,
    ScoresFacts,
)
from shared.release.release_settings import EstimateFacts, ProvenanceFacts
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY, HaicArm, ModelResult
from shared.report.haic_record import HaicRecord
from shared.report.run_record import FEDERATED, Measure
from shared.tasks.preparation_settings import MRI_PREPARATION_VERSION, MriPreparation
from shared.tasks.recipe import Recipe
from shared.tasks.released_model import endpoint_facts
from shared.vocabulary import MriSequence

RELEASED_MODELS = (IMAGE_ONLY, CLINICAL_ONLY, FUSION)
"""Models that a release must carry."""


def write_haic_release(
    folder: Path,
    recipe: Recipe,
    weights: Mapping[str, np.ndarray],
    models: Mapping[str, FittedSvm],
    record: HaicRecord,
) -> HaicRelease:
    """Write one folder with network, preparation, fitted models, label, provenance, evaluation.

    Args:
        folder: To be made, or an earlier release to replace.
        recipe: Of the study.
        weights: Of the network of all development patients: name to float32 array.
        models: Fitted models by name, at least ``RELEASED_MODELS``; others are left out.
        record: Of the run that made them.

    Returns:
        What was written.

    Raises:
        ReleaseError: If a model is missing, an array or number is not finite, the study is not on
            MRI, or the folder holds something else.
    """
    chosen = _complete(models)
    settings = haic_release_settings(recipe, record)
    return write_haic_bundle(folder, weights, chosen, settings, haic_card(settings, chosen))


def haic_release_settings(recipe: Recipe, record: HaicRecord) -> HaicReleaseSettings:
    """Write down a recipe and its run as the facts of a release.

    Args:
        recipe: What was trained.
        record: Of the run.

    Returns:
        The facts.

    Raises:
        ReleaseError: If the study is not on MRI.
    """
    preparation, network = recipe.preparation, recipe.network
    if not isinstance(preparation, MriPreparation) or not isinstance(network, MriScoresSettings):
        raise ReleaseError(
            f"Expected a study on MRI, got '{recipe.name}'. "
            "Write its release with its own function (shared.tasks.released_model)."
        )
    return HaicReleaseSettings(
        task=recipe.name,
        source=recipe.source,
        endpoint=endpoint_facts(recipe.endpoint),
        preparation=MriPreparationFacts(
            version=preparation.version,
            sequences=tuple(sequence.value for sequence in preparation.sequences),
            height=preparation.height,
            width=preparation.width,
            slices_per_patient=preparation.slices_per_patient,
            bias_field=preparation.bias_field,
        ),
        network=ScoresFacts(
            network=network.network,
            reading=network.reading.value,
            norm=network.norm,
            dropout=network.dropout,
            width=network.width,
            blocks=network.blocks,
        ),
        departures=record.departures,
        provenance=_provenance(record),
        evaluation=_evaluation(record.arm(FEDERATED)),
    )


def released_mri_preparation(settings: HaicReleaseSettings) -> MriPreparation:
    """Give the preparation that a released network expects.

    Raises:
        ReleaseError: If this software prepares images in another way than the network was trained
            on.
    """
    facts = settings.preparation
    if facts.version != MRI_PREPARATION_VERSION:
        raise ReleaseError(
            f"Expected a model trained on images of preparation '{MRI_PREPARATION_VERSION}', got "
            f"'{facts.version}'. Install HepaFed {settings.provenance.hepafed}, which wrote the "
            "release, or train the model again."
        )
    return MriPreparation(
        sequences=_sequences(settings),
        height=facts.height,
        width=facts.width,
        slices_per_patient=facts.slices_per_patient,
        bias_field=facts.bias_field,
        version=facts.version,
    )


def released_scores(release: HaicRelease) -> MriScores:
    """Build the network of a release, with its weights, on the CPU.

    Raises:
        ReleaseError: If the settings name an unknown network or the weights do not fit it.
    """
    facts = release.settings.network
    try:
        first, second, third = facts.blocks
        network = MriScores(
            MriScoresSettings(
                sequences=_sequences(release.settings),
                network=facts.network,
                reading=_reading(facts.reading),
                norm=facts.norm,
                dropout=facts.dropout,
                width=facts.width,
                blocks=(first, second, third),
            )
        )
        load_arrays(network, release.weights)
    except (SettingsError, MessageError) as error:
        problems = error.problems or (
            Problem("network", error.message, "a network this software knows", "Check its version"),
        )
        raise ReleaseError(
            "The weights and the settings of the release do not fit together.", problems
        ) from error
    return network


def released_models(release: HaicRelease) -> dict[str, FittedSvm]:
    """Give the fitted models of a release, in the order of ``RELEASED_MODELS``.

    Raises:
        ReleaseError: If one of them is missing.
    """
    return _complete(release.models)


def _complete(models: Mapping[str, FittedSvm]) -> dict[str, FittedSvm]:
    missing = [name for name in RELEASED_MODELS if name not in models]
    if missing:
        raise ReleaseError(
            f"Expected the models {', '.join(RELEASED_MODELS)}, got none named "
            f"{', '.join(missing)}. Release the network with all models fitted on its features."
        )
    return {name: models[name] for name in RELEASED_MODELS}


def _reading(word: str) -> Reading:
    known = tuple(reading.value for reading in Reading)
    if word not in known:
        raise SettingsError(
            f"Expected a reading of {', '.join(known)}, got {word!r}. "
            "Install the version that wrote the release."
        )
    return Reading(word)


def _sequences(settings: HaicReleaseSettings) -> tuple[MriSequence, ...]:
    return tuple(MriSequence(word) for word in settings.preparation.sequences)


def _provenance(record: HaicRecord) -> ProvenanceFacts:
    last = next((training for training in record.trainings if training.fold == 0), None)
    counts = [site.training_patients for site in record.sites]
    known = [count for count in counts if count is not None]
    return ProvenanceFacts(
        run=record.run,
        seed=record.seed,
        hepafed=record.environment.hepafed,
        code_digest=record.code_digest,
        created=record.finished,
        strategy=str(record.settings.get("strategy", "FedAvg")),
        rounds=0 if last is None else len(last.rounds),
        best_round=None if last is None else last.best_round,
        sites=len(record.sites),
        training_patients=sum(known) if known and len(known) == len(counts) else None,
        synthetic=record.synthetic,
    )


def _evaluation(arm: HaicArm | None) -> tuple[ModelEvaluation, ...]:
    if arm is None:
        return ()
    return tuple(_evaluated(row) for row in arm.models if row.model in RELEASED_MODELS)


def _evaluated(result: ModelResult) -> ModelEvaluation:
    return ModelEvaluation(
        model=result.model,
        patients=result.patients,
        events=result.events,
        auc=_estimate(result.auc),
        sensitivity=_estimate(result.sensitivity),
        specificity=_estimate(result.specificity),
        ppv=_estimate(result.ppv),
        npv=_estimate(result.npv),
        brier=result.brier,
    )


def _estimate(measured: Measure) -> EstimateFacts:
    return EstimateFacts(measured.value, measured.lower, measured.upper)
