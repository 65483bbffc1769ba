"""The run record: everything a report says about one finished run, as one frozen value.

The command that ran the federation fills it; ``shared.report.page`` and ``shared.report.tables``
only read it. Every number is an aggregate: no row of it belongs to one patient. ``None`` stands
for a number that does not exist or that a site's disclosure policy withholds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.messages.strict_json import decode, encode

FORMAT = "hepafed-run-record/1"
"""Written into every record; a reader refuses another."""

FEDERATED = "federated"
POOLED_CENTRAL = "pooled-central"
SITE_ALONE_PREFIX = "site alone: "


@dataclass(frozen=True)
class Measure:
    """An estimate with its confidence limits; None where undefined or withheld."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None


def measure(value: float, lower: float = math.nan, upper: float = math.nan) -> Measure:
    """Build a measure from numbers of ``shared.stats``, where NaN says "undefined"."""
    numbers = (None if math.isnan(number) else number for number in (value, lower, upper))
    return Measure(*numbers)


@dataclass(frozen=True)
class EndpointWords:
    """The question asked of each patient: a stable key, the event in words, and its absence."""

    name: str
    event: str
    no_event: str


@dataclass(frozen=True)
class Environment:
    """What the run was computed with: versions, the machine in words, and the cores it could use.

    ``device`` is ``cpu`` or the accelerator's name.
    """

    hepafed: str
    python: str
    torch: str
    flwr: str
    platform: str
    cpu: str
    cores: int
    device: str


@dataclass(frozen=True)
class StepSeconds:
    """Wall time of each step, seconds; None for a step that was not part of the run."""

    cohort: float | None = None
    preparation: float | None = None
    training: float | None = None
    evaluation: float | None = None
    baselines: float | None = None
    report: float | None = None


@dataclass(frozen=True)
class SiteSummary:
    """What one site brought; counts that its policy withholds are None.

    Attributes:
        site: Display name.
        patients: Patients usable in the run.
        events: Those with the endpoint's event.
        training_patients: Patients trained on.
        inner_validation_patients: Patients that chose the best round.
        held_out_patients: Patients never trained on.
        excluded_patients: Patients left out for a stated reason.
        slices: Prepared slices per phase of all usable patients.
    """

    site: str
    patients: int | None
    events: int | None
    training_patients: int | None
    inner_validation_patients: int | None
    held_out_patients: int | None
    excluded_patients: int | None
    slices: int | None


@dataclass(frozen=True)
class RoundRecord:
    """One federated round.

    Attributes:
        round: From 1.
        learning_rate: Of the sites in this round.
        training_loss: Mean cross-entropy per slice over the sites; None if unknown.
        validation_loss: Federated inner-validation cross-entropy of the weights that this round
            made; None if nobody validated.
        site_training_losses: Training loss by site name.
        bytes_sent: Bytes from the server to all sites.
        bytes_received: Bytes from all sites to the server.
        seconds: Wall time.
        failed_sites: Sites that did not contribute.
    """

    round: int
    learning_rate: float
    training_loss: float | None
    validation_loss: float | None
    site_training_losses: Mapping[str, float]
    bytes_sent: int
    bytes_received: int
    seconds: float
    failed_sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class RocPoint:
    """One operating point; ``false_alarm_rate`` is 1 - specificity; both in [0, 1]."""

    false_alarm_rate: float
    sensitivity: float


@dataclass(frozen=True)
class SiteResult:
    """The federated model on one site's held-out patients; None where withheld."""

    site: str
    patients: int | None = None
    events: int | None = None
    auc: Measure = Measure()
    accuracy: Measure = Measure()
    sensitivity: Measure = Measure()
    specificity: Measure = Measure()
    f1: Measure = Measure()


@dataclass(frozen=True)
class Arm:
    """One way to train, evaluated on the held-out patients of all sites.

    Attributes:
        name: ``federated``, ``pooled-central`` or ``site alone: NAME``.
        patients: Held-out patients evaluated.
        events: Those with the event.
        auc: Area under the ROC curve of the patient's mean probability, with DeLong interval.
        auc_standard_error: DeLong standard error of the area.
        accuracy: Of the voted label; likewise sensitivity, specificity and F1.
        roc: The curve, from (0, 0) to (1, 1).
        sites: Per-site rows (the federated arm's).
    """

    name: str
    patients: int | None
    events: int | None
    auc: Measure
    auc_standard_error: float | None = None
    accuracy: Measure = Measure()
    sensitivity: Measure = Measure()
    specificity: Measure = Measure()
    f1: Measure = Measure()
    roc: tuple[RocPoint, ...] = ()
    sites: tuple[SiteResult, ...] = ()


@dataclass(frozen=True)
class OverlayImage:
    """A heat map laid over one slice, as a picture; only of patients who may be shown.

    Attributes:
        phase: CT phase, in words.
        slice: Number of the slice within the prepared slices, from 1.
        caption: What the picture shows, in one sentence; also its alternative text.
        png_base64: The PNG, base64.
    """

    phase: str
    slice: int
    caption: str
    png_base64: str


@dataclass(frozen=True)
class SeedRow:
    """Areas under the curve of one repetition with another seed.

    Attributes:
        seed: Of the repetition.
        federated: AUC.
        pooled_central: AUC.
        site_alone_mean: Mean AUC over the sites trained alone.
        bayes_auc: Best AUC any model could reach on that cohort.
    """

    seed: int
    federated: float | None
    pooled_central: float | None
    site_alone_mean: float | None
    bayes_auc: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """One finished run.

    Attributes:
        run: Its name.
        task: Which study, such as ``clici-ct``.
        endpoint: The question asked.
        synthetic: Whether the patients are invented.
        seed: Of everything random in the run.
        settings: The run config, flat.
        environment: What it was computed with.
        started: ISO 8601 time with offset.
        finished: ISO 8601 time with offset.
        steps: Wall time by step.
        sites: What each site brought.
        rounds: The rounds, in order.
        best_round: The round whose weights were kept; None if none was chosen.
        arms: Federated first, then the baselines that were run.
        bayes_auc: Best AUC any model could reach; known only for a synthetic cohort.
        overlays: Pictures.
        seeds: Repetitions with other seeds, if any.
        code_digest: SHA-256 of the code that all sites and the server ran, hex; empty if unknown.
        notes: Further sentences for the reader (a site that failed, a departure from the plan).
        format: Version of this record.
    """

    run: str
    task: str
    endpoint: EndpointWords
    synthetic: bool
    seed: int
    settings: Mapping[str, str | int | float | bool]
    environment: Environment
    started: str
    finished: str
    steps: StepSeconds
    sites: tuple[SiteSummary, ...]
    rounds: tuple[RoundRecord, ...]
    best_round: int | None
    arms: tuple[Arm, ...]
    bayes_auc: float | None = None
    overlays: tuple[OverlayImage, ...] = ()
    seeds: tuple[SeedRow, ...] = ()
    code_digest: str = ""
    notes: tuple[str, ...] = ()
    format: str = field(default=FORMAT)

    def arm(self, name: str) -> Arm | None:
        """Give the arm of that name, or None if it was not run."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def arms_alone(self) -> tuple[Arm, ...]:
        """Give the arms of sites that trained alone."""
        return tuple(arm for arm in self.arms if arm.name.startswith(SITE_ALONE_PREFIX))


def to_json(record: RunRecord) -> dict[str, object]:
    """Give a record as what ``json.dumps(..., allow_nan=False)`` takes."""
    encoded = encode(record)
    return encoded if isinstance(encoded, dict) else {}


def from_json(data: object) -> RunRecord:
    """Build a record from parsed JSON.

    Raises:
        SettingsError: With every missing, unknown or wrongly typed field named.
    """
    return decode(RunRecord, data, subject="run record", expected={"format": FORMAT})
