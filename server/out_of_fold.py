"""The area of the image score over the development patients, none of whom its network had seen.

What leaves a site: per class, counts of patients with a score below thresholds; the same cells as
those of out-of-fold scores of the machine.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64
from scipy import special

from server.federated_moments import Columns, part_sizes, request_of
from server.svm_exchanges import FIRST_CELLS
from shared.aggregation.pooled_evaluation import auc_of_cells
from shared.aggregation.score_cells import (
    MOST_SPLITS,
    ScoreCells,
    first_edges,
    probe_edges,
    refine,
)
from shared.aggregation.sum_channel import (
    MINIMUM_SITES,
    PlainSumChannel,
    SumChannel,
    over_steady_sites,
)
from shared.cohort.analysis_columns import EVENT
from shared.cohort.fusion_columns import IMAGE_SCORE
from shared.errors import DataError
from shared.messages.exchange import Ask
from shared.messages.moments import Moment
from shared.stats.delong import AucEstimate

_COLUMNS = Columns((IMAGE_SCORE,), group=EVENT)


def image_score_area(ask: Ask, *, minimum_sites: int = MINIMUM_SITES) -> AucEstimate:
    """Give the area of all out-of-fold image scores: about four exchanges.

    The scores come from as many networks as there are folds.

    Args:
        ask: The road to the sites; their tables hold the image columns already.
        minimum_sites: Fewer sites in a sum are refused.

    Returns:
        The area with DeLong's interval.

    Raises:
        DataError: If one class is empty.
        RefusedError: If a site has a few patients only in one of the classes.
        HepafedError: What else an exchange raises.
    """
    return over_steady_sites(PlainSumChannel(ask, minimum_sites), _area)


def _area(channel: SumChannel) -> AucEstimate:
    patients = part_sizes(channel, _COLUMNS).patients
    if not patients.all():
        raise DataError(
            "Expected development patients with and without the event, got one class only. "
            "Wait for more patients or sites."
        )
    edges = first_edges(FIRST_CELLS)
    cells = ScoreCells(edges, _count(channel, edges))
    for split in range(MOST_SPLITS):
        if not cells.unresolved.size:
            break
        edges = probe_edges(cells, split)
        cells = refine(cells, edges, _count(channel, edges))
    return auc_of_cells(cells)


def _count(channel: SumChannel, edges: Float64[np.ndarray, " edge"]) -> Int64[np.ndarray, "2 cell"]:
    """Count per class, the event first, the patients whose logistic score lies between edges."""
    # A cell holds its lower edge; counts of "at most" hold their threshold, so it lies just below.
    thresholds = np.nextafter(special.logit(np.clip(edges, 0.0, 1.0)), -np.inf)
    asked = replace(
        request_of(_COLUMNS, Moment.BELOW),
        thresholds=np.broadcast_to(thresholds, (2, 1, edges.size)).copy(),
    )
    below = channel(asked).values["below"][:, 0]
    return np.asarray(np.diff(below, axis=1)[::-1].copy(), dtype=np.int64)
