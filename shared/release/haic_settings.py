"""What a released model of MRI and clinic says about itself.

Written as ``settings.json``. Every fact is explicit, so that a release still predicts the same when
the defaults of this software have changed.
"""

from dataclasses import dataclass

from shared.errors import Problem, ReleaseError, SettingsError
from shared.messages.strict_json import decode, encode
from shared.release.release_settings import EndpointFacts, EstimateFacts, ProvenanceFacts
from shared.vocabulary import MriSequence

HAIC_RELEASE_FORMAT = "hepafed-haic-release/1"
"""Written into ``settings.json``; a reader refuses another."""

_FIX = "Use the release as it was written, or the version of HepaFed that wrote it."


@dataclass(frozen=True)
class MriPreparationFacts:
    """How an MRI study becomes model input.

    Attributes:
        version: Of the road from DICOM to model input; another version gives other pixels.
        sequences: MRI sequences, in the order of the network's sequence axis.
        height: Of a slice, pixels.
        width: Of a slice, pixels.
        slices_per_patient: Evenly spaced slices; 0 takes every slice that all sequences cover.
        bias_field: Whether the coil's shading is removed.
    """

    version: str
    sequences: tuple[str, ...]
    height: int
    width: int
    slices_per_patient: int
    bias_field: bool


@dataclass(frozen=True)
class ScoresFacts:
    """Shape of the network, as ``shared.models.mri_scores`` takes it."""

    network: str
    reading: str
    norm: str
    dropout: float
    width: float
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class ModelEvaluation:
    """How one model did on the held-out patients of all sites; None where withheld.

    Attributes:
        model: Its name.
        patients: Evaluated.
        events: Those with the event.
        auc: Area under the ROC curve.
        sensitivity: Share of patients with the event for whom it was called.
        specificity: Share of patients without the event for whom it was not called.
        ppv: Share of called patients who had the event.
        npv: Share of patients not called who did not have the event.
        brier: Mean squared error of the probability.
    """

    model: str
    patients: int | None
    events: int | None
    auc: EstimateFacts
    sensitivity: EstimateFacts
    specificity: EstimateFacts
    ppv: EstimateFacts
    npv: EstimateFacts
    brier: float | None


@dataclass(frozen=True)
class HaicReleaseSettings:
    """All facts of a release but the numbers of its network and models.

    Attributes:
        task: Which study.
        source: The publication whose recipe was followed.
        endpoint: The question.
        preparation: From a study to model input.
        network: Its shape.
        departures: Where the training left the published setting, one sentence each.
        provenance: Where the weights came from.
        evaluation: How each model did.
        format: Version of this file.
    """

    task: str
    source: str
    endpoint: EndpointFacts
    preparation: MriPreparationFacts
    network: ScoresFacts
    departures: tuple[str, ...]
    provenance: ProvenanceFacts
    evaluation: tuple[ModelEvaluation, ...]
    format: str = HAIC_RELEASE_FORMAT


def haic_settings_to_json(settings: HaicReleaseSettings) -> object:
    """Give settings as what ``json.dumps(..., allow_nan=False)`` takes.

    Raises:
        ReleaseError: With one problem per number that is not finite or fact that is impossible.
    """
    problems = _impossible(settings)
    try:
        encoded = encode(settings)
    except SettingsError as error:
        problems.extend(error.problems)
        encoded = {}
    if problems:
        raise ReleaseError("The settings of the release cannot be written.", problems)
    return encoded


def haic_settings_from_json(data: object) -> HaicReleaseSettings:
    """Build settings from parsed JSON.

    Raises:
        ReleaseError: With one problem per missing, unknown, wrongly typed or impossible fact.
    """
    try:
        settings = decode(
            HaicReleaseSettings, data, "release settings", {"format": HAIC_RELEASE_FORMAT}
        )
    except SettingsError as error:
        raise ReleaseError("The settings of the release cannot be used.", error.problems) from error
    problems = _impossible(settings)
    if problems:
        raise ReleaseError("The settings of the release cannot be used.", problems)
    return settings


def _impossible(settings: HaicReleaseSettings) -> list[Problem]:
    preparation, network = settings.preparation, settings.network
    known = tuple(sequence.value for sequence in MriSequence)
    expected = (
        (
            bool(preparation.sequences)
            and len(set(preparation.sequences)) == len(preparation.sequences)
            and set(preparation.sequences) <= set(known),
            "preparation.sequences",
            preparation.sequences,
            f"different words of {', '.join(known)}",
        ),
        (preparation.height > 0, "preparation.height", preparation.height, "1 or more pixels"),
        (preparation.width > 0, "preparation.width", preparation.width, "1 or more pixels"),
        (
            preparation.slices_per_patient >= 0,
            "preparation.slices_per_patient",
            preparation.slices_per_patient,
            "0 or more",
        ),
        (len(network.blocks) == 3, "network.blocks", network.blocks, "three numbers"),  # noqa: PLR2004  # A, B and C blocks
        (network.width > 0, "network.width", network.width, "more than 0"),
        (0 <= network.dropout < 1, "network.dropout", network.dropout, "a share below 1"),
    )
    return [
        Problem(where, str(got), str(wanted), _FIX) for ok, where, got, wanted in expected if not ok
    ]
