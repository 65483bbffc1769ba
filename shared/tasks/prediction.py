"""One patient's study and one released model: the probability of the event, with its evidence.

Goes the same road as training and evaluation, so that the number is the same.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from shared.fusion.voting import PatientVote, vote
from shared.messages.strict_json import encode
from shared.release.bundle import Release
from shared.tasks.overlay_sheet import write_overlay_sheets
from shared.tasks.preparation import prepare_study
from shared.tasks.prepared_study import PreparedStudy
from shared.tasks.released_model import released_network, released_preparation
from shared.training.inference import slice_probabilities
from shared.vocabulary import CtPhase

FORMAT = "hepafed-prediction/1"


@dataclass(frozen=True)
class PhaseEvidence:
    """Which series a phase was taken from, and why.

    Attributes:
        phase: In words.
        series: Its number and image count, in words.
        evidence: What speaks for it.
        confidence: In [0, 1].
    """

    phase: str
    series: str
    evidence: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class Prediction:
    """What a released model says about one study.

    Attributes:
        event: The event, in words.
        no_event: Its absence, in words.
        probability: Of the event: the mean over the slices, in [0, 1].
        votes_for_event: Slices that vote for the event.
        slices: Slices in all.
        label: ``event`` or ``no_event``, by vote.
        phases: Which series were used.
        excluded: Series left out: name and reason.
        notices: What was assumed, lost or close, as sentences.
        overlays: Heat-map pictures written, by file name.
        seconds: Wall time.
        model_run: Name of the run that trained the model.
        model_digest: SHA-256 that names exactly the release used.
        model_on_synthetic_patients: Whether the model was trained on invented patients.
        format: Version of this record.
    """

    event: str
    no_event: str
    probability: float
    votes_for_event: int
    slices: int
    label: str
    phases: tuple[PhaseEvidence, ...]
    excluded: tuple[tuple[str, ...], ...]
    notices: tuple[str, ...]
    overlays: tuple[str, ...]
    seconds: float
    model_run: str
    model_digest: str
    model_on_synthetic_patients: bool
    format: str = FORMAT


def predict_study(
    release: Release,
    study_dir: Path,
    *,
    device: torch.device,
    overlays_dir: Path | None = None,
    liver_range_mm: tuple[float, float] | None = None,
    roles: Mapping[str, CtPhase] | None = None,
) -> Prediction:
    """Predict one patient's response from a folder of DICOM files. Research use only.

    Args:
        release: From ``shared.release.bundle.read_release``.
        study_dir: Folder with one study.
        device: From ``shared.training.device.choose_device``.
        overlays_dir: Where heat maps go, one PNG per phase; made if missing. None draws none.
        liver_range_mm: Heights in the patient between which the liver lies; None takes every
            slice, with a notice. Evaluation takes it from the manifest.
        roles: Phases that a person confirmed, by SeriesInstanceUID.

    Returns:
        The prediction.

    Raises:
        ReleaseError: If the release does not fit this software.
        DicomError: If the study cannot be read.
        PreparationError: If the study cannot become model input.
    """
    started = time.perf_counter()
    preparation = released_preparation(release.settings)
    network = released_network(release)
    study = prepare_study(study_dir, preparation, liver_range_mm=liver_range_mm, roles=roles)
    probabilities = slice_probabilities(network, study.images, device)
    ballot = vote(probabilities)
    endpoint, made = release.settings.endpoint, release.settings.provenance
    written: tuple[Path, ...] = ()
    if overlays_dir is not None:
        written = write_overlay_sheets(
            overlays_dir, network, study, probabilities, endpoint.event, device
        )
    return Prediction(
        event=endpoint.event,
        no_event=endpoint.no_event,
        probability=ballot.mean_probability,
        votes_for_event=ballot.event_slices,
        slices=ballot.slices,
        label=endpoint.event if ballot.event else endpoint.no_event,
        phases=_evidence(study),
        excluded=study.excluded,
        notices=(*study.notices, *_vote_notices(ballot)),
        overlays=tuple(path.name for path in written),
        seconds=time.perf_counter() - started,
        model_run=made.run,
        model_digest=release.digest,
        model_on_synthetic_patients=made.synthetic,
    )


def prediction_json(prediction: Prediction) -> dict[str, object]:
    """Give a prediction as what ``json.dumps`` takes."""
    encoded = encode(prediction)
    record = encoded if isinstance(encoded, dict) else {}
    return {**record, "research_use_only": True}


def prediction_text(prediction: Prediction) -> str:
    """Say a prediction in lines a person reads."""
    width = max((len(item.phase) for item in prediction.phases), default=0)
    lines = [
        f"Predicted: {prediction.label}",
        f"  probability of {prediction.event}: {prediction.probability:.3f}",
        f"  {prediction.votes_for_event} of {prediction.slices} slices vote for it",
        "",
        "Series used:",
        *(
            f"  {item.phase:<{width}}  {item.series}; {'; '.join(item.evidence)} "
            f"(confidence {item.confidence:.2f})"
            for item in prediction.phases
        ),
    ]
    if prediction.excluded:
        lines += ["Series left out:", *(f"  {': '.join(item)}" for item in prediction.excluded)]
    if prediction.notices:
        lines += ["Notices:", *(f"  - {notice}" for notice in prediction.notices)]
    if prediction.overlays:
        lines += [f"Heat maps: {', '.join(prediction.overlays)}"]
    lines += [
        "",
        (
            f"Model of run '{prediction.model_run}', {prediction.model_digest[:16]}; "
            f"{prediction.seconds:.1f} s."
        ),
    ]
    if prediction.model_on_synthetic_patients:
        lines.append("The model was trained on invented patients and knows nothing of real ones.")
    lines.append("Research use only. Not a medical device.")
    return "\n".join(lines)


def _evidence(study: PreparedStudy) -> tuple[PhaseEvidence, ...]:
    found: list[PhaseEvidence] = []
    for phase in study.channels:
        found += [
            PhaseEvidence(phase.value, role.series, role.evidence, role.confidence)
            for role in study.roles
            if role.role is phase
        ]
    return tuple(found)


def _vote_notices(ballot: PatientVote) -> tuple[str, ...]:
    if ballot.tied:
        return ("The slices vote evenly; the mean probability decided.",)
    if ballot.event != (ballot.mean_probability >= 0.5):  # noqa: PLR2004  # an even chance
        return (
            (
                "The vote and the mean probability point to different sides: a few slices speak "
                "strongly against the majority."
            ),
        )
    return ()
