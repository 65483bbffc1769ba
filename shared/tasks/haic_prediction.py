"""One patient's MRI and clinical values and one release: probabilities, with their evidence.

Goes the same road as training and evaluation, so that the numbers are the same.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from scipy import special

from shared.cohort.clinical import BY_NAME
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE
from shared.fusion.svm import FittedSvm, calls, probabilities
from shared.messages.moments import SiteColumns
from shared.models.mri_scores import Reading
from shared.release.haic_bundle import HaicRelease
from shared.report.haic_models import FUSION
from shared.report.haic_words import feature_words, sequence_words
from shared.tasks.clinical_values import ClinicalValues, clinical_values
from shared.tasks.haic_overlays import write_scores_sheets
from shared.tasks.haic_prediction_record import (
    ClinicalUse,
    HaicPrediction,
    ModelCall,
    SequenceEvidence,
)
from shared.tasks.haic_release import (
    released_models,
    released_mri_preparation,
    released_scores,
)
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.prepared_study import PreparedStudy, SeriesRole
from shared.tasks.sequence_selection import ROLE_SHOWN
from shared.training.mri_features import PatientFeatures, patient_features
from shared.vocabulary import MriRole, MriSequence


def predict_haic_study(  # noqa: PLR0913  # every choice is given by name
    release: HaicRelease,
    study_dir: Path,
    clinical: Mapping[str, str],
    *,
    device: torch.device,
    overlays_dir: Path | None = None,
    roles: Mapping[str, MriRole] | None = None,
    liver_range_mm: tuple[float, float] | None = None,
) -> HaicPrediction:
    """Predict one patient's response from a folder of DICOM files and clinical values.

    Research use only.

    Args:
        release: From ``shared.release.haic_bundle.read_haic_release``.
        study_dir: Folder with one study.
        clinical: Text by column name, as in a site's clinical table.
        device: From ``shared.training.device.choose_device``.
        overlays_dir: Where heat maps go, one PNG per sequence; made if missing. None draws none.
        roles: What series are, as a person confirmed, by volume id.
        liver_range_mm: Heights in the patient between which the liver lies; None takes every
            slice that all sequences cover. Evaluation takes it from the manifest.

    Returns:
        The prediction.

    Raises:
        ReleaseError: If the release does not fit this software.
        ManifestError: If a clinical value cannot be right.
        DicomError: If the study cannot be read.
        PreparationError: If the study cannot become model input.
    """
    started = time.perf_counter()
    preparation = released_mri_preparation(release.settings)
    network, fitted = released_scores(release), released_models(release)
    values = clinical_values(clinical)
    study = prepare_mri_study(study_dir, preparation, liver_range_mm=liver_range_mm, roles=roles)
    features = patient_features(network, study.images, device)
    table = model_columns(values.columns, features)
    endpoint, made = release.settings.endpoint, release.settings.provenance
    words = (endpoint.event, endpoint.no_event)
    models = tuple(_call(name, model, table, words) for name, model in fitted.items())
    uses = _uses(values, fitted)
    written: tuple[Path, ...] = ()
    if overlays_dir is not None:
        written = write_scores_sheets(overlays_dir, network, study, endpoint.event, device)
    by_sequence = network.settings.reading is not Reading.FIVE_CHANNEL
    return HaicPrediction(
        event=endpoint.event,
        no_event=endpoint.no_event,
        label=next(call.label for call in models if call.model == FUSION),
        models=models,
        image_features={
            feature_words(name, by_sequence=by_sequence): float(value)
            for name, value in zip(IMAGE_FEATURES, features.features, strict=True)
        },
        sequences=_evidence(study),
        excluded=study.excluded,
        clinical=uses,
        notices=(*study.notices, *values.notices, *_imputed(values, uses)),
        overlays=tuple(path.name for path in written),
        slices=len(study.images),
        seconds=time.perf_counter() - started,
        model_run=made.run,
        model_digest=release.digest,
        model_on_synthetic_patients=made.synthetic,
    )


def model_columns(clinical: SiteColumns, features: PatientFeatures) -> SiteColumns:
    """Put one patient's clinical columns and image features side by side, as a site does.

    Args:
        clinical: One row.
        features: Of the same patient.

    Returns:
        Every column that a released model may use.
    """
    named = dict(zip(IMAGE_FEATURES, features.features, strict=True))
    image = {**named, IMAGE_SCORE: features.score}
    return {
        **clinical,
        **{name: np.array([value], dtype=np.float64) for name, value in image.items()},
    }


def _call(name: str, model: FittedSvm, table: SiteColumns, words: tuple[str, str]) -> ModelCall:
    event, no_event = words
    return ModelCall(
        model=name,
        probability=float(probabilities(model, table)[0]),
        called_from=float(special.expit(model.slope * model.threshold + model.intercept)),
        label=event if bool(calls(model, table)[0]) else no_event,
    )


def _evidence(study: PreparedStudy) -> tuple[SequenceEvidence, ...]:
    found: list[SequenceEvidence] = []
    for sequence in study.channels:
        if isinstance(sequence, MriSequence):
            found += [
                SequenceEvidence(
                    sequence_words(sequence.value), role.series, role.evidence, role.confidence
                )
                for role in _claimed(study, ROLE_SHOWN[sequence])
            ]
    return tuple(found)


def _claimed(study: PreparedStudy, wanted: MriRole) -> list[SeriesRole]:
    claimed = [role for role in study.roles if role.role is wanted]
    return [role for role in claimed if role.confidence >= 1] or claimed


def _uses(values: ClinicalValues, models: Mapping[str, FittedSvm]) -> tuple[ClinicalUse, ...]:
    medians = _medians(models)
    uses: list[ClinicalUse] = []
    for name, median in medians.items():
        column = values.columns.get(name)
        if column is None:
            continue
        missing = bool(np.isnan(column[0]))
        source = "derived" if name in values.derived or name not in BY_NAME else "given"
        uses.append(
            ClinicalUse(
                name=name,
                label=_label(name),
                value=median if missing else float(column[0]),
                source="imputed" if missing else source,
            )
        )
    return tuple(uses)


def _medians(models: Mapping[str, FittedSvm]) -> dict[str, float]:
    """Give what replaces a missing value, on the variable's own scale, by column."""
    found: dict[str, float] = {}
    for model in models.values():
        prepared = model.preparation
        for name, median in zip(prepared.columns, prepared.medians[0], strict=True):
            found[name] = float(np.exp(median) if name in prepared.logged else median)
    return found


def _label(name: str) -> str:
    return BY_NAME[name].label if name in BY_NAME else feature_words(name)


def _imputed(values: ClinicalValues, uses: tuple[ClinicalUse, ...]) -> tuple[str, ...]:
    if not values.given:
        return (
            (
                "No clinical value was given: what the models say of the clinic, and fusion with "
                "it, rests on the training patients' medians. Only the image speaks of this "
                "patient."
            ),
        )
    names = [use.label for use in uses if use.source == "imputed"]
    if not names:
        return ()
    counted = "value is" if len(names) == 1 else "values are"
    return (
        (
            f"{len(names)} clinical {counted} missing; of the training patients the median was "
            f"taken: {'; '.join(names)}."
        ),
    )
