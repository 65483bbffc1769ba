"""Tables of image and clinic in one place, answering as the sites of a federation do.

The same code fits and evaluates the models of every arm; only the road to the rows differs. Sums
stay in this process, so nothing is masked, withheld or counted.
"""

from collections.abc import Mapping
from typing import TypeVar

from client.local_evaluation import answer_evaluation
from client.local_moments import answer_moments
from client.local_statistics import answer_statistics
from client.local_svm import answer_svm
from client.split_table import SplitTable
from shared.cohort.analysis_columns import EVENT
from shared.cohort.fusion_columns import FUSION_COLUMNS
from shared.errors import MessageError
from shared.fusion.svm import calls, probabilities
from shared.fusion.svm_arrays import svm_from_arrays
from shared.messages.evaluation import (
    CellsRequest,
    PatientScores,
    PlacementRequest,
    ScoreRequest,
    SiteResultRequest,
)
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import LogisticRequest
from shared.messages.svm import SvmModelRequest, SvmRequest

Reply = TypeVar("Reply")

_SECRET = bytes(32)
"""Turns the machine's basis; nothing is hidden from anybody in one process."""


class TablesInMemory:
    """An ``Ask`` over tables that are at hand: fits on training rows, scores held-out rows."""

    def __init__(self, tables: Mapping[str, SplitTable]) -> None:
        """Keep the tables.

        Args:
            tables: By the name of the site whose rows they are; the name decides the folds, so
                that pooled rows are dealt to folds as they are in the federation.
        """
        self._tables = {name: tables[name] for name in sorted(tables)}
        self._scores: dict[tuple[str, str], PatientScores] = {}

    def __call__(self, request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        """Let every table answer.

        Raises:
            MessageError: If the request has no answer of that type here.
            HepafedError: What an answer raises.
        """
        replies: dict[str, Reply] = {}
        for name, table in self._tables.items():
            reply = self._answer(name, table, request)
            if not isinstance(reply, reply_type):
                raise MessageError(
                    f"Expected a request answered by {reply_type.__name__}, got "
                    f"{type(request).__name__}. Ask for the reply that belongs to the request."
                )
            replies[name] = reply
        return replies

    def _answer(self, name: str, table: SplitTable, request: object) -> object:
        match request:
            case MomentsRequest():
                return answer_moments(request, table.training, name, masked=True)
            case LogisticRequest():
                return answer_statistics(request, table.training, masked=True)
            case SvmRequest() | SvmModelRequest():
                return answer_svm(request, table.training, name, rotation_secret=_SECRET)
            case ScoreRequest() | CellsRequest() | PlacementRequest() | SiteResultRequest():
                return answer_evaluation(request, lambda asked: self._scored(name, asked))
        return None

    def _scored(self, name: str, request: ScoreRequest) -> PatientScores:
        key = (name, request.model_digest)
        if request.weights:
            model = svm_from_arrays(request.weights, FUSION_COLUMNS)
            held_out = self._tables[name].held_out
            self._scores[key] = PatientScores(
                probabilities(model, held_out), calls(model, held_out), held_out[EVENT] == 1
            )
        return self._scores[key]
