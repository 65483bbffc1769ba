"""What a run on MRI and clinic finds: its trainings, then stage by stage its models."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.clinical_results import StageRecord
from server.federated_svm import FederatedSvm
from server.haic_models import FederatedLogistic
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.stats.delong import AucEstimate


@dataclass(frozen=True)
class FoldResult:
    """One finished training.

    Attributes:
        fold: k left fold k of the development patients out; 0 trained on all of them.
        rounds: Complete rounds.
        best_round: Whose weights were kept.
        validation_loss: Of those weights; NaN where nobody could tell.
        model_digest: Names those weights.
        seconds: Wall time of the rounds.
        bytes_sent: To all sites together.
        bytes_received: From all sites together.
    """

    fold: int
    rounds: int
    best_round: int
    validation_loss: float
    model_digest: str
    seconds: float
    bytes_sent: int
    bytes_received: int


@dataclass(frozen=True)
class ModelTest:
    """DeLong's paired test of two models on the same held-out patients.

    Attributes:
        first: Name of a model.
        second: Name of the model it is compared with.
        difference: Area of the first less that of the second.
        z: NaN where it is undefined.
        p: Two-sided; NaN likewise.
    """

    first: str
    second: str
    difference: float
    z: float
    p: float


@dataclass(frozen=True)
class HaicEvaluation:
    """The models, and readers who called everybody, on the held-out patients.

    Attributes:
        models: By name, in the order of a report.
        digests: Names the arrays of each model.
        tests: Each pair of models; none where one class is empty.
    """

    models: Mapping[str, FederatedEvaluation]
    digests: Mapping[str, str]
    tests: tuple[ModelTest, ...]


@dataclass(frozen=True)
class HaicResults:
    """A run so far; a stage that has not ended, or was withheld, is None.

    Attributes:
        run: Names the run's image features at the sites.
        folds: Finished trainings, in the order they were made.
        stages: How each stage went, in order.
        features: By fold and site, patients whose features the site keeps; None where withheld.
        image: Logistic regression on the image score.
        clinical: Logistic regression on clinical variables.
        fusion: Support vector machine on both.
        out_of_fold: Area of the image score over the development patients.
        readers: Names of the readers who called every patient of every site.
        evaluation: The models on held-out patients.
    """

    run: str
    folds: tuple[FoldResult, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    features: Mapping[str, Mapping[str, int | None]] | None = None
    image: FederatedLogistic | None = None
    clinical: FederatedLogistic | None = None
    fusion: FederatedSvm | None = None
    out_of_fold: AucEstimate | None = None
    readers: tuple[str, ...] | None = None
    evaluation: HaicEvaluation | None = None

    @property
    def trained(self) -> frozenset[int]:
        """Number the folds whose training has ended."""
        return frozenset(result.fold for result in self.folds)

    @property
    def finished(self) -> frozenset[str]:
        """Name the stages that have ended, with or without a result."""
        return frozenset(record.name for record in self.stages)
