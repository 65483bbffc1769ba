"""What a run of clinical statistics finds, stage by stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.federated_statistics import FederatedSurvival
from server.federated_svm import FederatedSvm
from shared.aggregation.pooled_evaluation import FederatedEvaluation

Pair = tuple[float, float]
"""Of patients without the event, and with it."""
Three = tuple[float, float, float]
"""Lower quartile, median, upper quartile."""


class StageState(StrEnum):
    """How a stage ended."""

    DONE = "done"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class StageRecord:
    """How one stage went.

    Attributes:
        name: Of the stage.
        state: Whether it has a result.
        reason: Why it has none; empty otherwise.
        sites: Whose patients are in it.
        left_out: Sites that did not answer one of its questions, and why.
        exchanges: Questions to the sites.
        bytes_sent: Payload sent to all sites together.
        bytes_received: Payload received from all sites together.
        seconds: Wall time.
    """

    name: str
    state: StageState
    reason: str
    sites: tuple[str, ...]
    left_out: Mapping[str, str]
    exchanges: int
    bytes_sent: int
    bytes_received: int
    seconds: float


@dataclass(frozen=True)
class MeasurementRow:
    """One measurement by outcome; NaN where a group has too few values.

    Attributes:
        name: Column.
        label: In words, with the unit.
        present: Patients with a value, per group.
        means: Per group.
        deviations: Sample standard deviation, per group.
        quartiles: Per group.
        t: Of Welch's test.
        p: Two-sided.
    """

    name: str
    label: str
    present: tuple[int, int]
    means: Pair
    deviations: Pair
    quartiles: tuple[Three, Three]
    t: float
    p: float


@dataclass(frozen=True)
class CategoryRow:
    """One yes/no variable by outcome.

    Attributes:
        name: Column.
        label: In words.
        present: Patients with a value, per group.
        ones: Those of them with 1, per group; None where a count is too small to be shown.
        test: Which test the table calls for, by Cochran's rule.
        p: Its P; NaN when all patients are alike.
    """

    name: str
    label: str
    present: tuple[int, int]
    ones: tuple[int | None, int | None]
    test: str
    p: float


@dataclass(frozen=True)
class Baseline:
    """Table 1.

    Attributes:
        patients: Without the event, and with it.
        measurements: In the order of the 27 variables.
        categories: In the same order.
    """

    patients: tuple[int, int]
    measurements: tuple[MeasurementRow, ...]
    categories: tuple[CategoryRow, ...]


@dataclass(frozen=True)
class OddsRow:
    """One covariate of one model.

    Attributes:
        name: Column.
        label: The variable in words.
        contrast: What its odds ratio compares.
        odds_ratio: Per unit of the column, or per doubling where it is logged.
        lower: Lower 95% limit; NaN under Firth's likelihood.
        upper: Upper 95% limit; NaN likewise.
        p: Two-sided: Wald's, or of Firth's likelihood ratio.
        coefficient: Per unit of the column or of its natural logarithm.
        standard_error: Of the coefficient.
    """

    name: str
    label: str
    contrast: str
    odds_ratio: float
    lower: float
    upper: float
    p: float
    coefficient: float
    standard_error: float


@dataclass(frozen=True)
class LogisticModel:
    """One logistic model.

    Attributes:
        rows: Its covariates.
        method: Which likelihood was maximised.
        patients: Patients with a value of every covariate.
        events: Those of them with the event.
        intercept: Log odds at covariates of 0.
        log_likelihood: At the maximum.
    """

    rows: tuple[OddsRow, ...]
    method: str
    patients: int
    events: int
    intercept: float
    log_likelihood: float


@dataclass(frozen=True)
class Regression:
    """Table 2.

    Attributes:
        univariable: By column; columns that could not be fitted are missing.
        multivariable: Of the columns with a univariable P below 0.05; None without any.
        refusals: Why a column, or ``multivariable``, has no result.
    """

    univariable: Mapping[str, LogisticModel]
    multivariable: LogisticModel | None
    refusals: Mapping[str, str]


@dataclass(frozen=True)
class ClinicalStatistics:
    """All stages; one that has not ended, or was withheld, is None.

    Attributes:
        stages: How each went, in order.
        baseline: Table 1.
        regression: Table 2.
        survival: Comparisons by name, such as ``os/ast_u_l_above_40``.
        model: The support vector machine, fitted on training patients.
        evaluation: That machine on held-out patients.
    """

    stages: tuple[StageRecord, ...] = ()
    baseline: Baseline | None = None
    regression: Regression | None = None
    survival: Mapping[str, FederatedSurvival] | None = None
    model: FederatedSvm | None = None
    evaluation: FederatedEvaluation | None = None

    @property
    def finished(self) -> frozenset[str]:
        """Name the stages that have ended, with or without a result."""
        return frozenset(record.name for record in self.stages)
