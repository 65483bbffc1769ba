"""What a released model says about itself: all that a prediction needs, and where it came from.

Written as ``settings.json``. Every fact is explicit, so that a release still predicts the same when
the defaults of this software have changed.
"""

from dataclasses import dataclass

from shared.errors import Problem, ReleaseError, SettingsError
from shared.messages.strict_json import decode, encode
from shared.vocabulary import CtPhase

FORMAT = "hepafed-release/1"
"""Written into every release; a reader refuses another."""

VOTE_THRESHOLD = 0.5
"""A slice votes for the event at this probability or more (Liao 2024, section 2.4)."""


@dataclass(frozen=True)
class EndpointFacts:
    """The question the model answers.

    Attributes:
        name: Stable key.
        event: What happened when the event happened, in words.
        no_event: The other class, in words.
        event_responses: The RECIST categories that are the event.
    """

    name: str
    event: str
    no_event: str
    event_responses: tuple[str, ...]


@dataclass(frozen=True)
class PreparationFacts:
    """How a study becomes model input.

    Attributes:
        version: Of the road from DICOM to model input; another version gives other pixels.
        phases: CT phases, in the order of the model's phase axis.
        image_size: Height and width of a slice, pixels.
        slices_per_patient: Evenly spaced slices of the liver range; 0 takes every slice.
        window_level_hu: Centre of the window.
        window_width_hu: Width of the window.
    """

    version: str
    phases: tuple[str, ...]
    image_size: int
    slices_per_patient: int
    window_level_hu: float
    window_width_hu: float


@dataclass(frozen=True)
class NetworkFacts:
    """Shape of the network, as ``shared.models.multiphase_ct`` takes it."""

    backbone: str
    norm: str
    attention: bool
    heads: int
    hidden: int
    dropout: float


@dataclass(frozen=True)
class ProvenanceFacts:
    """Where the weights came from; counts that a site withholds are None.

    Attributes:
        run: Name of the run.
        seed: Of everything random in it.
        hepafed: Version of this software.
        code_digest: SHA-256 of the code that trained, hex; empty if unknown.
        created: ISO 8601 time with offset.
        strategy: How the sites' updates were joined.
        rounds: Rounds that were trained.
        best_round: The round whose weights these are; None if it was the last.
        sites: How many sites took part.
        training_patients: Patients trained on, at all sites together.
        synthetic: Whether the patients were invented.
    """

    run: str
    seed: int
    hepafed: str
    code_digest: str
    created: str
    strategy: str
    rounds: int
    best_round: int | None
    sites: int
    training_patients: int | None
    synthetic: bool


@dataclass(frozen=True)
class EstimateFacts:
    """An estimate with its 95% interval; None where it is undefined or withheld."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class EvaluationFacts:
    """How the model did on the held-out patients of all sites."""

    patients: int | None
    events: int | None
    auc: EstimateFacts = EstimateFacts()
    accuracy: EstimateFacts = EstimateFacts()
    sensitivity: EstimateFacts = EstimateFacts()
    specificity: EstimateFacts = EstimateFacts()
    f1: EstimateFacts = EstimateFacts()


@dataclass(frozen=True)
class ReleaseSettings:
    """Everything about a released model but its weights.

    Attributes:
        task: Which study, such as ``clici-ct``.
        source: The publication whose recipe it follows.
        endpoint: The question.
        class_order: What the network's outputs stand for, in words, in their order.
        threshold: A slice votes for the event at this probability or more.
        preparation: From a study to model input.
        network: Its shape.
        provenance: Where the weights came from.
        evaluation: How they did.
        format: Version of this file.
    """

    task: str
    source: str
    endpoint: EndpointFacts
    class_order: tuple[str, ...]
    threshold: float
    preparation: PreparationFacts
    network: NetworkFacts
    provenance: ProvenanceFacts
    evaluation: EvaluationFacts
    format: str = FORMAT


def settings_to_json(settings: ReleaseSettings) -> object:
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


def settings_from_json(data: object) -> ReleaseSettings:
    """Build settings from parsed JSON.

    Raises:
        ReleaseError: With one problem per missing, unknown, wrongly typed or impossible fact.
    """
    try:
        settings = decode(ReleaseSettings, data, "release settings", {"format": FORMAT})
    except SettingsError as error:
        raise ReleaseError("The settings of the release cannot be used.", error.problems) from error
    problems = _impossible(settings)
    if problems:
        raise ReleaseError("The settings of the release cannot be used.", problems)
    return settings


def _impossible(settings: ReleaseSettings) -> list[Problem]:
    endpoint, preparation, network = settings.endpoint, settings.preparation, settings.network
    classes = (endpoint.no_event, endpoint.event)
    fix = "Use the release as it was written, or the version of HepaFed that wrote it."
    known = tuple(phase.value for phase in CtPhase)
    expected = (
        (settings.class_order == classes, "class_order", settings.class_order, classes),
        (settings.threshold == VOTE_THRESHOLD, "threshold", settings.threshold, VOTE_THRESHOLD),
        (
            bool(preparation.phases)
            and len(set(preparation.phases)) == len(preparation.phases)
            and set(preparation.phases) <= set(known),
            "preparation.phases",
            preparation.phases,
            f"different words of {', '.join(known)}",
        ),
        (
            preparation.image_size > 0,
            "preparation.image_size",
            preparation.image_size,
            "1 or more pixels",
        ),
        (
            preparation.slices_per_patient >= 0,
            "preparation.slices_per_patient",
            preparation.slices_per_patient,
            "0 or more",
        ),
        (
            preparation.window_width_hu > 0,
            "preparation.window_width_hu",
            preparation.window_width_hu,
            "more than 0 HU",
        ),
        (network.heads > 0, "network.heads", network.heads, "1 or more"),
        (network.hidden > 0, "network.hidden", network.hidden, "1 or more"),
        (0 <= network.dropout < 1, "network.dropout", network.dropout, "a share below 1"),
    )
    return [
        Problem(where, str(got), str(wanted), fix) for ok, where, got, wanted in expected if not ok
    ]
