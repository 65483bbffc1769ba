"""Evaluation: score held-out patients at the sites; only sums over patients come back.

Order of exchanges: ``ScoreRequest`` (carries the weights, once per model), ``CellsRequest`` as
often as cells still mix patients with and without the event, ``PlacementRequest`` when models are
compared on the same patients, ``SiteResultRequest`` for what a site releases about itself alone.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from shared.messages.sums import SumField, SumKind
from shared.messages.training import Weights

FIRST_CELLS = 256
"""Score cells of the first exchange, equally wide on [0, 1]."""


@dataclass(frozen=True)
class PatientScores:
    """Held-out patients of one site under one model; never leaves the site.

    Attributes:
        scores: The patient's probability of the event, in [0, 1].
        votes: Whether the event was called for the patient.
        events: Whether the event happened.
    """

    scores: Float64[np.ndarray, " patient"]
    votes: Bool[np.ndarray, " patient"]
    events: Bool[np.ndarray, " patient"]


@dataclass(frozen=True)
class ScoreRequest:
    """Ask a site to score its held-out patients with a model and to sum what came of it.

    Attributes:
        model_digest: Names the model; a site keeps the scores of a digest for later requests.
        endpoint: Key of the endpoint whose event is meant.
        weights: The model; empty when the site has scored this digest before.
        image_run: Names the run whose image features join the table at the site; empty for none.
    """

    model_digest: str
    endpoint: str
    weights: Weights
    image_run: str = ""

    @property
    def sums(self) -> tuple[SumField, ...]:
        """Calls by class (called, not called), squared error, log loss, cells by class."""
        return (
            SumField("calls_of_events", (2,), SumKind.COUNT),
            SumField("calls_of_others", (2,), SumKind.COUNT),
            SumField("squared_error", (), SumKind.WIDE),
            SumField("log_loss", (), SumKind.WIDE),
            SumField("cells", (2, FIRST_CELLS), SumKind.COUNT),
        )


@dataclass(frozen=True)
class CellsRequest:
    """Ask for the number of patients per score cell and class.

    Attributes:
        model_digest: Names a model that was scored before.
        endpoint: Key of the endpoint.
        edges: Rising; a score s lies in cell i when edges[i] <= s < edges[i + 1]. Scores outside
            all cells are not counted.
    """

    model_digest: str
    endpoint: str
    edges: Float64[np.ndarray, " edge"]

    @property
    def sums(self) -> tuple[SumField, ...]:
        """Patients with the event, then without, per cell."""
        return (SumField("cells", (2, self.edges.size - 1), SumKind.COUNT),)


@dataclass(frozen=True)
class PlacementRequest:
    """Ask for sums of placements and of their products over the patients of each class.

    A patient's placement is the number of pooled patients of the other class that the model ranks
    rightly against this one, counted twice so that ties are whole numbers (DeLong 1988, equation
    4). It depends on the patient's score cell only.

    Attributes:
        model_digests: The models compared.
        endpoint: Key of the endpoint.
        cells_per_model: How many cells each model has, in the order of the digests.
        edges: Lower edges of all models' cells, model after model; the first of each model is 0.
        placements_of_events: Twice the placement of a patient with the event in each cell.
        placements_of_others: The same for patients without the event.
    """

    model_digests: tuple[str, ...]
    endpoint: str
    cells_per_model: tuple[int, ...]
    edges: Float64[np.ndarray, " cell"]
    placements_of_events: Int64[np.ndarray, " cell"]
    placements_of_others: Int64[np.ndarray, " cell"]

    @property
    def sums(self) -> tuple[SumField, ...]:
        """Patients, placements and products of placements, for each class."""
        models = len(self.model_digests)
        return (
            SumField("patients", (2,), SumKind.COUNT),
            SumField("placements", (2, models), SumKind.COUNT),
            SumField("products", (2, models, models), SumKind.COUNT),
        )


@dataclass(frozen=True)
class SiteResultRequest:
    """Ask what a site releases about the model on its own patients.

    Attributes:
        model_digest: Names a model that was scored before.
        endpoint: Key of the endpoint.
    """

    model_digest: str
    endpoint: str


@dataclass(frozen=True)
class SiteResultReply:
    """One site's own result; None where the site's disclosure policy withholds it.

    Attributes:
        patients: Held-out patients.
        events: Those with the event.
        called_rightly: Patients whose call was right.
        event_called: Patients with the event for whom it was called.
        no_event_cleared: Patients without the event for whom it was not called.
        auc: Area under the ROC curve, in [0, 1].
        auc_standard_error: DeLong's.
    """

    patients: int | None
    events: int | None
    called_rightly: int | None
    event_called: int | None
    no_event_cleared: int | None
    auc: float | None
    auc_standard_error: float | None


EvaluationRequest = ScoreRequest | CellsRequest | PlacementRequest | SiteResultRequest
"""Every request of this stage."""
