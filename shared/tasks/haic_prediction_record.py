"""What a release says about one patient: as a record, as JSON, and in lines a person reads."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.cohort.clinical import BY_NAME, Kind
from shared.messages.strict_json import encode
from shared.report.haic_words import model_title
from shared.tasks.haic_overlays import NO_PROOF

HAIC_PREDICTION_FORMAT = "hepafed-haic-prediction/1"


@dataclass(frozen=True)
class ModelCall:
    """What one model says.

    Attributes:
        model: ``image-only``, ``clinical-only`` or ``fusion``.
        probability: Of the event, in [0, 1].
        called_from: Probability from which the model calls the event.
        label: The event or its absence, in words, by that threshold.
    """

    model: str
    probability: float
    called_from: float
    label: str


@dataclass(frozen=True)
class SequenceEvidence:
    """Which series a sequence was taken from, why, and what it says.

    Attributes:
        sequence: In words.
        series: Its number and image count, in words.
        evidence: What speaks for it.
        confidence: In [0, 1].
    """

    sequence: str
    series: str
    evidence: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class ClinicalUse:
    """A clinical variable and what the models took for it.

    Attributes:
        name: Of the variable.
        label: In words, with the unit.
        value: The number; where it was missing, the training patients' median.
        source: ``given``, ``derived`` from others, or ``imputed``.
    """

    name: str
    label: str
    value: float
    source: str


@dataclass(frozen=True)
class HaicPrediction:
    """What a release says about one patient.

    Attributes:
        event: The event, in words.
        no_event: Its absence, in words.
        label: What the fusion machine calls.
        models: Every model's probability and call.
        image_features: The network's features by name; logits of the event unless one network
            reads all sequences together.
        sequences: Which series were used.
        excluded: Series left out: name and reason.
        clinical: Variables that the models use, and where their values came from.
        notices: What was assumed, lost, imputed or not used, as sentences.
        overlays: Heat-map pictures written, by file name.
        slices: Slices of each sequence that the network saw.
        seconds: Wall time.
        model_run: Name of the run that trained the models.
        model_digest: SHA-256 that names exactly the release used.
        model_on_synthetic_patients: Whether the models were trained on invented patients.
        format: Version of this record.
    """

    event: str
    no_event: str
    label: str
    models: tuple[ModelCall, ...]
    image_features: Mapping[str, float]
    sequences: tuple[SequenceEvidence, ...]
    excluded: tuple[tuple[str, ...], ...]
    clinical: tuple[ClinicalUse, ...]
    notices: tuple[str, ...]
    overlays: tuple[str, ...]
    slices: int
    seconds: float
    model_run: str
    model_digest: str
    model_on_synthetic_patients: bool
    format: str = HAIC_PREDICTION_FORMAT

    def probability(self, model: str) -> float:
        """Give one model's probability of the event.

        Raises:
            KeyError: If the release has no such model.
        """
        return {call.model: call.probability for call in self.models}[model]


def haic_prediction_json(prediction: HaicPrediction) -> dict[str, object]:
    """Give a prediction as what ``json.dumps`` takes."""
    encoded = encode(prediction)
    record = encoded if isinstance(encoded, dict) else {}
    return {**record, "research_use_only": True}


def haic_prediction_text(prediction: HaicPrediction) -> str:
    """Say a prediction in lines a person reads."""
    lines = [
        f"Predicted by image and clinic together: {prediction.label}",
        f"Probability of {prediction.event}:",
        *(
            f"  {model_title(call.model):<13} {call.probability:.3f}  (calls it from "
            f"{call.called_from:.3f}: {call.label})"
            for call in prediction.models
        ),
        "",
        f"Series used, {prediction.slices} slices each:",
        *(
            f"  {item.sequence:<12} {item.series}; {'; '.join(item.evidence)} "
            f"(confidence {item.confidence:.2f})"
            for item in prediction.sequences
        ),
    ]
    if prediction.excluded:
        lines += ["Series left out:", *(f"  {': '.join(item)}" for item in prediction.excluded)]
    lines += [
        "Clinical values used:",
        *(f"  {use.label}: {_value_words(use)}" for use in prediction.clinical),
    ]
    if prediction.notices:
        lines += ["Notices:", *(f"  - {notice}" for notice in prediction.notices)]
    if prediction.overlays:
        lines += [f"Heat maps: {', '.join(prediction.overlays)}. {NO_PROOF}"]
    lines += [
        "",
        (
            f"Models of run '{prediction.model_run}', {prediction.model_digest[:16]}; "
            f"{prediction.seconds:.1f} s."
        ),
    ]
    if prediction.model_on_synthetic_patients:
        lines.append("The models were trained on invented patients and know nothing of real ones.")
    lines.append("Research use only. Not a medical device.")
    return "\n".join(lines)


def _value_words(use: ClinicalUse) -> str:
    variable = BY_NAME.get(use.name)
    words = f"{use.value:.4g}"
    if variable is not None and variable.kind is Kind.BINARY and use.value in {0.0, 1.0}:
        words = variable.one if use.value else variable.zero
    return words if use.source == "given" else f"{words} ({use.source})"
