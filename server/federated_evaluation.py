"""The server's part of an evaluation: pooled AUC, intervals and comparisons from sums alone.

What leaves a site: counts of calls by class, two error sums, counts per score cell and class, and
for comparisons sums of placements; no array has a patient dimension. The area and DeLong's
variance are those of the pooled scores, not an approximation: cells that mix the classes are split
until they do not, or hold one score. A site whose counts are read in the clear shows its score
cells to the server; masked sums close that, and change no digit of the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from shared.aggregation.pooled_evaluation import (
    FederatedEvaluation,
    PooledSums,
    evaluation_of,
    paired_test_of,
)
from shared.aggregation.score_cells import (
    MOST_SPLITS,
    ScoreCells,
    auc_from_placements,
    doubled_placements,
    first_edges,
    probe_edges,
    refine,
)
from shared.aggregation.sum_channel import (
    MINIMUM_SITES,
    PlainSumChannel,
    SumChannel,
    SumTotal,
    over_steady_sites,
)
from shared.cohort.endpoint import Endpoint
from shared.errors import DataError
from shared.messages.evaluation import (
    CellsRequest,
    PlacementRequest,
    ScoreRequest,
    SiteResultReply,
    SiteResultRequest,
)
from shared.messages.exchange import Ask
from shared.messages.sums import SumRequest
from shared.messages.training import Weights
from shared.privacy.disclosure_rules import MINIMUM_COUNT
from shared.stats.confusion import ConfusionCounts
from shared.stats.delong import AucCovariance, PairedAucTest


@dataclass(frozen=True)
class ModelComparison:
    """Several models on the same held-out patients of all sites.

    Attributes:
        model_digests: The models, in the order of the areas.
        pooled: Areas and DeLong's covariance.
        tests: DeLong's paired test for each pair of models, by their digests.
        sites: Whose patients are in it.
        exchanges: Exchanges with the sites.
    """

    model_digests: tuple[str, ...]
    pooled: AucCovariance
    tests: Mapping[tuple[str, str], PairedAucTest]
    sites: tuple[str, ...]
    exchanges: int


def evaluate(  # noqa: PLR0913 - two policies and a level beside what is evaluated
    ask: Ask,
    weights: Weights,
    model_digest: str,
    endpoint: Endpoint,
    *,
    minimum_sites: int = MINIMUM_SITES,
    minimum_count: int = MINIMUM_COUNT,
    level: float = 0.95,
) -> FederatedEvaluation:
    """Evaluate one model on the held-out patients of all sites.

    Usually three or four exchanges: score, split cells once or twice, ask for site results.

    Args:
        ask: The road to the sites.
        weights: The model; sent once, in the first exchange.
        model_digest: Names the model.
        endpoint: What the scores are about.
        minimum_sites: Fewer sites in a sum are refused.
        minimum_count: Smallest number of patients a step of the ROC curve or a bin may show.
        level: Confidence level, in (0, 1).

    Returns:
        The evaluation; when a site dropped out half-way, without that site (``sites`` tells).

    Raises:
        QuorumError: If too few sites answered, or they kept coming and going.
        DisclosureError: If fewer than ``minimum_sites`` answered.
        MessageError: If a site's answers do not fit together.
        DataError: If no site has a held-out patient.
    """
    channel = _CountingChannel(PlainSumChannel(ask, minimum_sites))

    def pooled(steady: SumChannel) -> tuple[PooledSums, tuple[str, ...]]:
        return _pooled_sums(steady, ScoreRequest(model_digest, endpoint.name, weights))

    sums, sites = over_steady_sites(channel, pooled)
    if not sums.confusion.patients:
        raise DataError(
            "Expected held-out patients at the sites, got none. "
            "Raise held-out-fraction, or assign the split 'held_out' in the manifests."
        )
    per_site = ask(SiteResultRequest(model_digest, endpoint.name), SiteResultReply)
    return evaluation_of(
        endpoint.event,
        sums,
        {site: per_site[site] for site in sorted(set(sites) & set(per_site))},
        sites=sites,
        exchanges=channel.exchanges + 1,
        level=level,
        minimum=minimum_count,
    )


def compare_models(
    ask: Ask,
    models: Mapping[str, Weights],
    endpoint: Endpoint,
    *,
    minimum_sites: int = MINIMUM_SITES,
) -> ModelComparison:
    """Compare models on the same held-out patients with DeLong's paired test.

    Args:
        ask: The road to the sites.
        models: Weights by digest, in the order of the comparison; empty weights for a model that
            the sites have scored before.
        endpoint: What the scores are about.
        minimum_sites: Fewer sites in a sum are refused.

    Returns:
        Areas, covariance and paired tests.

    Raises:
        DataError: If fewer than two models are given, or one class is empty.
        QuorumError: If too few sites answered, or they kept coming and going.
        DisclosureError: If fewer than ``minimum_sites`` answered.
        MessageError: If a site's answers do not fit together.
    """
    if len(models) < 2:  # noqa: PLR2004 - a comparison needs two
        raise DataError(f"Expected two models or more to compare, got {len(models)}. Add one.")
    channel = _CountingChannel(PlainSumChannel(ask, minimum_sites))

    def pooled(steady: SumChannel) -> tuple[AucCovariance, tuple[str, ...]]:
        cells = [
            _pooled_sums(steady, ScoreRequest(digest, endpoint.name, weights))[0].cells
            for digest, weights in models.items()
        ]
        if not cells[0].counts.sum(axis=1).all():
            raise DataError(
                "Expected held-out patients with and without the event, got one class only. "
                "Wait for more patients or sites."
            )
        total = steady(_placement_request(tuple(models), endpoint.name, cells))
        values = total.values
        return (
            auc_from_placements(values["patients"], values["placements"], values["products"]),
            total.sites,
        )

    covariance, sites = over_steady_sites(channel, pooled)
    digests = tuple(models)
    return ModelComparison(
        model_digests=digests,
        pooled=covariance,
        tests={
            (digests[i], digests[j]): paired_test_of(covariance, i, j)
            for i, j in combinations(range(len(digests)), 2)
        },
        sites=sites,
        exchanges=channel.exchanges,
    )


def _pooled_sums(channel: SumChannel, request: ScoreRequest) -> tuple[PooledSums, tuple[str, ...]]:
    total = channel(request)
    values = total.values
    first = values["cells"]
    even = cells = ScoreCells(first_edges(first.shape[1]), first)
    split = 0
    while split < MOST_SPLITS and cells.unresolved.size:
        edges = probe_edges(cells, split)
        finer = channel(CellsRequest(request.model_digest, request.endpoint, edges))
        cells = refine(cells, edges, finer.values["cells"])
        split += 1
    called, missed = (int(n) for n in values["calls_of_events"])
    wrongly, cleared = (int(n) for n in values["calls_of_others"])
    sums = PooledSums(
        confusion=ConfusionCounts(called, missed, wrongly, cleared),
        squared_error=float(values["squared_error"]),
        log_loss=float(values["log_loss"]),
        cells=cells,
        even_cells=even,
    )
    return sums, total.sites


def _placement_request(
    digests: tuple[str, ...], endpoint: str, cells: Sequence[ScoreCells]
) -> PlacementRequest:
    placements = np.concatenate([doubled_placements(model) for model in cells], axis=1)
    return PlacementRequest(
        model_digests=digests,
        endpoint=endpoint,
        cells_per_model=tuple(model.counts.shape[1] for model in cells),
        edges=np.concatenate([model.edges[:-1] for model in cells]),
        placements_of_events=placements[0],
        placements_of_others=placements[1],
    )


class _CountingChannel:
    """A channel that counts its exchanges."""

    def __init__(self, channel: SumChannel) -> None:
        self._channel = channel
        self.exchanges = 0

    def __call__(self, request: SumRequest) -> SumTotal:
        self.exchanges += 1
        return self._channel(request)
