"""Hospitals in memory: each answers messages from its own rows, through the real client code.

Sums leave a site under masks that cancel in the total, so that the server reads totals only, as
the client code demands for counts per day of follow-up. A dealer who sees no data deals the masks;
that stands for the agreement on masks between real sites.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from jaxtyping import Int64

from client.local_evaluation import answer_evaluation
from client.local_moments import answer_moments
from client.local_statistics import answer_statistics
from client.local_svm import answer_svm
from shared.aggregation.fixed_point import add_words
from shared.cohort.analysis_columns import EVENT
from shared.errors import MessageError
from shared.fusion.folds import assign_folds, site_generator
from shared.messages.evaluation import (
    CellsRequest,
    PatientScores,
    PlacementRequest,
    ScoreRequest,
    SiteResultRequest,
)
from shared.messages.moments import MomentsRequest, SiteColumns
from shared.messages.statistics import FollowUpRequest, LogisticRequest
from shared.messages.sums import SumReply
from shared.messages.svm import SvmModelRequest, SvmRequest
from simulations.clinical.fold_models import out_of_fold_scores

Reply = TypeVar("Reply")

OUTER_FOLDS = 5
"""Quan 2024, Evaluation: five-fold cross-validation."""


class MaskedSites:
    """The road to the sites (an ``Ask``), and the rows behind it, which only this class sees.

    Each site deals its patients to outer folds itself; ``outside`` gives the same sites without
    the patients of one fold, as a split in their own settings would.
    """

    def __init__(self, tables: Mapping[str, SiteColumns], seed: int) -> None:
        """Keep the sites' columns; the seed draws folds, masks and the sites' rotation secret."""
        self._tables = {name: dict(tables[name]) for name in sorted(tables)}
        self._seed = seed
        self._folds = {
            name: assign_folds(table[EVENT] == 1, OUTER_FOLDS, site_generator(seed, name))
            for name, table in self._tables.items()
        }
        self._masks = np.random.default_rng([seed, 1])
        self._secret = np.random.default_rng([seed, 2]).bytes(32)
        self._scores: dict[tuple[str, str], PatientScores] = {}
        self.exchanges = 0

    def outside(self, fold: int) -> "MaskedSites":
        """Give the sites with the patients outside one outer fold only."""
        chosen = {name: folds != fold for name, folds in self._folds.items()}
        return MaskedSites(
            {
                name: {column: values[chosen[name]] for column, values in table.items()}
                for name, table in self._tables.items()
            },
            self._seed,
        )

    def __call__(self, request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        """Ask every site and give the replies, sums masked."""
        self.exchanges += 1
        replies = {name: self._answer(name, request) for name in self._tables}
        masked = self._mask(replies)
        found = {name: reply for name, reply in masked.items() if isinstance(reply, reply_type)}
        if len(found) < len(masked):
            raise MessageError(
                f"Expected every site to answer with {reply_type.__name__}, got other replies "
                f"from {len(masked) - len(found)}. The site and the server run different code."
            )
        return found

    def _answer(self, name: str, request: object) -> object:
        table = self._tables[name]
        match request:
            case MomentsRequest():
                return answer_moments(request, table, name, masked=True)
            case FollowUpRequest() | LogisticRequest():
                return answer_statistics(request, table, masked=True)
            case SvmRequest() | SvmModelRequest():
                return answer_svm(request, table, name, rotation_secret=self._secret)
            case ScoreRequest() | CellsRequest() | PlacementRequest() | SiteResultRequest():
                return answer_evaluation(request, lambda asked: self._scored(name, asked))
        raise MessageError(f"Expected a known request, got {type(request).__name__}.")

    def _scored(self, name: str, request: ScoreRequest) -> PatientScores:
        key = (name, request.model_digest)
        if request.weights:
            self._scores[key] = out_of_fold_scores(
                request.weights, self._tables[name], self._folds[name]
            )
        return self._scores[key]

    def _mask(self, replies: Mapping[str, object]) -> dict[str, object]:
        sums = {name: reply for name, reply in replies.items() if isinstance(reply, SumReply)}
        if len(sums) < 2:  # noqa: PLR2004 - a single share is the total
            return dict(replies)
        masked = dict(replies)
        *others, last = sums
        rest: Int64[np.ndarray, " word"] = np.zeros(sums[last].words.size, dtype=np.int64)
        for name in others:
            mask = self._masks.integers(
                -(2**63), 2**63 - 1, rest.size, dtype=np.int64, endpoint=True
            )
            # Modulo 2^64, where every bit of a share is hidden by its mask.
            masked[name] = SumReply(add_words(sums[name].words, mask))
            rest = add_words(rest, mask)
        words = sums[last].words.view(np.uint64) - rest.view(np.uint64)
        masked[last] = SumReply(words.view(np.int64))
        return masked
