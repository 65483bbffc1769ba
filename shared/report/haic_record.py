"""The record of a finished run on MRI and clinic: everything its report says, as one frozen value.

The server fills it at the end of a federation, a simulation adds baselines and pictures, and
``shared.report.haic_page`` only reads it. Every number is an aggregate: no row of it belongs to
one patient. ``None`` stands for a number that does not exist or that a site's disclosure policy
withholds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.messages.strict_json import decode, encode
from shared.report.haic_models import (
    CrossValidated,
    FusionMachine,
    HaicArm,
    ModelResult,
    PairedTest,
)
from shared.report.run_record import (
    SITE_ALONE_PREFIX,
    EndpointWords,
    Environment,
    SiteSummary,
)

HAIC_FORMAT = "hepafed-haic-record/1"
"""Written into every record; a reader refuses another."""


@dataclass(frozen=True)
class Exclusion:
    """Patients that a site left out for one reason.

    Attributes:
        site: Display name.
        reason: In words.
        patients: How many.
    """

    site: str
    reason: str
    patients: int | None


@dataclass(frozen=True)
class LossRound:
    """One round of one training.

    Attributes:
        round: From 1.
        learning_rate: Of the sites in this round.
        training_loss: Mean over the sites, per slice.
        validation_loss: Federated inner-validation loss of the weights that the round made.
    """

    round: int
    learning_rate: float
    training_loss: float | None
    validation_loss: float | None


@dataclass(frozen=True)
class FoldTraining:
    """One federated training of the network.

    Attributes:
        fold: k left fold k of the development patients out; 0 trained on all of them.
        rounds: In order.
        best_round: The round whose weights were kept; None if none was chosen.
        seconds: Wall time.
        bytes_sent: From the server to all sites.
        bytes_received: From all sites to the server.
    """

    fold: int
    rounds: tuple[LossRound, ...]
    best_round: int | None
    seconds: float | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None


@dataclass(frozen=True)
class Candidate:
    """A network that was compared with others under the same conditions (Quan 2024, Fig 2).

    Attributes:
        network: Its name.
        rounds: In order.
        best_round: The round with the lowest validation loss; None if none was scored.
    """

    network: str
    rounds: tuple[LossRound, ...]
    best_round: int | None = None


@dataclass(frozen=True)
class SequenceOverlay:
    """A heat map laid over one slice of one sequence; only of patients who may be shown.

    Attributes:
        sequence: MRI sequence, a value of ``shared.vocabulary.MriSequence``.
        caption: What the picture shows, in one sentence; also its alternative text.
        png_base64: The PNG, base64.
        patient: What is told of the patient, in words; pictures of one patient share it.
    """

    sequence: str
    caption: str
    png_base64: str
    patient: str = ""


@dataclass(frozen=True)
class BayesAucs:
    """Best areas that any model could reach on an invented cohort; None where unknown.

    Attributes:
        image: From the images alone.
        clinical: From the clinical variables alone.
        fusion: From both.
    """

    image: float | None = None
    clinical: float | None = None
    fusion: float | None = None


@dataclass(frozen=True)
class ArmAucs:
    """Areas of the three models of one arm; of several sites alone their means."""

    image: float | None = None
    clinical: float | None = None
    fusion: float | None = None


@dataclass(frozen=True)
class HaicSeedRow:
    """Areas of one repetition with another seed."""

    seed: int
    federated: ArmAucs
    pooled_central: ArmAucs = ArmAucs()
    site_alone_mean: ArmAucs = ArmAucs()
    bayes: BayesAucs = BayesAucs()


@dataclass(frozen=True)
class HaicRecord:
    """One finished run.

    Attributes:
        run: Its name.
        task: Key of the study, ``haic-mri``.
        source: The publication that the study follows.
        endpoint: The question asked.
        synthetic: Whether the patients are invented.
        seed: Of everything random in the run.
        settings: The run config, flat.
        departures: Where the run leaves the published setting, one sentence each.
        environment: What it was computed with.
        network: Shape of the network, in a sentence.
        started: ISO 8601 time with offset.
        finished: ISO 8601 time with offset.
        seconds: Wall time by step, in order; the step's name is printed.
        sites: What each site brought.
        exclusions: Patients left out, by site and reason.
        trainings: Of the network: fold 1 to the last, then fold 0.
        candidates: Networks compared, if several were.
        arms: Federated first, then the baselines that were run.
        cross_validated: Out-of-fold areas in the development patients.
        tests: Of pairs of models.
        fusion: How the machine was chosen; None if it could not be fitted.
        overlays: Pictures, of invented patients only.
        bayes: Best possible areas; known only for an invented cohort.
        seeds: Repetitions with other seeds, if any.
        code_digest: SHA-256 of the code that all sites and the server ran, hex; empty if unknown.
        notes: Further sentences for the reader.
        format: Version of this record.
    """

    run: str
    task: str
    source: str
    endpoint: EndpointWords
    synthetic: bool
    seed: int
    settings: Mapping[str, str | int | float | bool]
    departures: tuple[str, ...]
    environment: Environment
    network: str
    started: str
    finished: str
    seconds: Mapping[str, float]
    sites: tuple[SiteSummary, ...]
    exclusions: tuple[Exclusion, ...]
    trainings: tuple[FoldTraining, ...]
    arms: tuple[HaicArm, ...]
    cross_validated: tuple[CrossValidated, ...] = ()
    tests: tuple[PairedTest, ...] = ()
    fusion: FusionMachine | None = None
    candidates: tuple[Candidate, ...] = ()
    overlays: tuple[SequenceOverlay, ...] = ()
    bayes: BayesAucs = BayesAucs()
    seeds: tuple[HaicSeedRow, ...] = ()
    code_digest: str = ""
    notes: tuple[str, ...] = ()
    format: str = field(default=HAIC_FORMAT)

    def arm(self, name: str) -> HaicArm | None:
        """Give the arm of that name, or None if it was not run."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def result(self, arm: str, model: str) -> ModelResult | None:
        """Give one model of one arm, or None if there is none."""
        found = self.arm(arm)
        return found.model(model) if found is not None else None

    def arms_alone(self) -> tuple[HaicArm, ...]:
        """Give the arms of sites that trained alone."""
        return tuple(arm for arm in self.arms if arm.name.startswith(SITE_ALONE_PREFIX))


def haic_to_json(record: HaicRecord) -> dict[str, object]:
    """Give a record as what ``json.dumps(..., allow_nan=False)`` takes."""
    encoded = encode(record)
    return encoded if isinstance(encoded, dict) else {}


def haic_from_json(data: object) -> HaicRecord:
    """Build a record from parsed JSON.

    Raises:
        SettingsError: With every missing, unknown or wrongly typed field named.
    """
    return decode(HaicRecord, data, subject="run record", expected={"format": HAIC_FORMAT})
