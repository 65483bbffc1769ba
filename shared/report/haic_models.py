"""What the models of a run on MRI and clinic reached, as the run's record holds it.

Image alone, clinic alone, both together, and readers; each on the same held-out patients.
"""

from dataclasses import dataclass

from shared.report.run_record import Measure, RocPoint

IMAGE_ONLY = "image-only"
CLINICAL_ONLY = "clinical-only"
FUSION = "fusion"
READERS = ("reader 1", "reader 2")
MODELS = (IMAGE_ONLY, CLINICAL_ONLY, FUSION, *READERS)
"""The methods of Quan 2024, Table 3, in the order of a report."""

UNKNOWN = Measure()
"""Undefined or withheld."""


@dataclass(frozen=True)
class CalibrationBin:
    """Patients whose predicted probabilities are near each other.

    Attributes:
        mean_predicted: Mean probability of the event, in [0, 1].
        observed_share: Share of the patients who had the event, in [0, 1].
        patients: How many.
    """

    mean_predicted: float
    observed_share: float
    patients: int


@dataclass(frozen=True)
class ModelSiteResult:
    """One model on one site's held-out patients; None where withheld."""

    site: str
    patients: int | None = None
    events: int | None = None
    auc: Measure = UNKNOWN
    accuracy: Measure = UNKNOWN
    sensitivity: Measure = UNKNOWN
    specificity: Measure = UNKNOWN


@dataclass(frozen=True)
class ModelResult:
    """One method on the held-out patients of all sites.

    Attributes:
        model: One of ``MODELS``.
        patients: Evaluated.
        events: Those with the event.
        auc: With DeLong's interval; of a reader the area of the hard call.
        auc_standard_error: DeLong's.
        sensitivity: Share of patients with the event for whom it was called.
        specificity: Share of patients without the event for whom it was not called.
        ppv: Share of called patients who had the event.
        npv: Share of patients not called who did not have the event.
        accuracy: Share of patients called rightly.
        brier: Mean squared error of the probability, in [0, 1]; None for a reader.
        threshold: The event is called at this probability and above; None for a reader.
        roc: The curve, from (0, 0) to (1, 1).
        calibration: Bins, by rising probability.
        sites: Rows of single sites (of the federated arm).
    """

    model: str
    patients: int | None
    events: int | None
    auc: Measure
    auc_standard_error: float | None = None
    sensitivity: Measure = UNKNOWN
    specificity: Measure = UNKNOWN
    ppv: Measure = UNKNOWN
    npv: Measure = UNKNOWN
    accuracy: Measure = UNKNOWN
    brier: float | None = None
    threshold: float | None = None
    roc: tuple[RocPoint, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    sites: tuple[ModelSiteResult, ...] = ()


@dataclass(frozen=True)
class HaicArm:
    """One way to train: ``federated``, ``pooled-central`` or ``site alone: NAME``.

    Attributes:
        name: As ``shared.report.run_record`` spells it.
        models: In the order of ``MODELS``; readers are part of the federated arm only.
    """

    name: str
    models: tuple[ModelResult, ...]

    def model(self, name: str) -> ModelResult | None:
        """Give the result of that model, or None if there is none."""
        return next((result for result in self.models if result.model == name), None)


@dataclass(frozen=True)
class CrossValidated:
    """One model's out-of-fold scores in the development patients.

    Attributes:
        arm: Name of the arm.
        model: One of ``MODELS``.
        patients: Scored.
        events: Those with the event.
        auc: Area of all out-of-fold scores together.
    """

    arm: str
    model: str
    patients: int | None
    events: int | None
    auc: Measure


@dataclass(frozen=True)
class PairedTest:
    """DeLong's paired test of two models on the same held-out patients.

    Attributes:
        arm: Name of the arm.
        first: One of ``MODELS``.
        second: One of ``MODELS``.
        difference: AUC of the first less that of the second.
        z: None where the variance is zero.
        p: Two-sided.
    """

    arm: str
    first: str
    second: str
    difference: float
    z: float | None
    p: float | None


@dataclass(frozen=True)
class FeatureWeight:
    """The weight of one standardised feature in a linear machine; above 0 speaks for the event."""

    feature: str
    weight: float


@dataclass(frozen=True)
class FusionMachine:
    """How the support vector machine that joins image and clinic was chosen.

    Attributes:
        kernel: In words: ``linear`` or ``second order``.
        penalties: C that were tried, rising.
        mean_fold_aucs: Mean area over the folds, per C tried.
        penalty: The chosen C.
        fold_aucs: Area per fold at that C; None for a fold with one class.
        out_of_fold_auc: Area of all out-of-fold scores at that C.
        features: How many, with indicators of missing values.
        patients: Fitted on.
        events: Those with the event.
        weights: By feature, the bias left out; empty for another kernel than the linear one.
    """

    kernel: str
    penalties: tuple[float, ...]
    mean_fold_aucs: tuple[float | None, ...]
    penalty: float
    fold_aucs: tuple[float | None, ...]
    out_of_fold_auc: Measure
    features: int
    patients: int
    events: int
    weights: tuple[FeatureWeight, ...] = ()
