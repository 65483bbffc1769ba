"""Cells part patients of the two classes, bound their error, and notice sites that changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aggregation.pooled_evaluation import auc_of_cells
from shared.aggregation.score_cells import (
    MOST_CELLS,
    ScoreCells,
    first_edges,
    probe_edges,
    refine,
)
from shared.errors import MessageError
from shared.stats.roc import auc


def count(edges, scores, events):
    place = np.searchsorted(edges, scores, side="right") - 1
    inside = (place >= 0) & (place < edges.size - 1)
    return np.array(
        [np.bincount(place[inside & f], minlength=edges.size - 1) for f in (events, ~events)]
    )


def cells_of(scores, events, cells):
    edges = first_edges(cells)
    return ScoreCells(edges, count(edges, scores, events))


def cohort(patients, seed=0):
    rng = np.random.default_rng(seed)
    events = rng.random(patients) < 0.3
    events[:2] = True, False
    return 1 / (1 + np.exp(-rng.normal(-1 + events, 1.2))), events


@given(seed=st.integers(0, 500), patients=st.integers(4, 120), cells=st.sampled_from([1, 4, 32]))
def test_the_error_of_coarse_cells_is_within_its_bound(seed, patients, cells):
    scores, events = cohort(patients, seed)
    coarse = cells_of(scores, events, cells)
    error = abs(auc_of_cells(coarse).auc - auc(scores, events))
    assert error <= coarse.error_bound + 1e-15


def test_no_exchange_counts_more_cells_than_allowed():
    scores, events = cohort(20_000)
    cells = cells_of(scores, events, 256)
    split = 0
    while cells.unresolved.size:
        edges = probe_edges(cells, split)
        assert edges.size <= 2 * MOST_CELLS
        cells = refine(cells, edges, count(edges, scores, events))
        split += 1
    assert split <= 12
    assert auc_of_cells(cells).auc == pytest.approx(auc(scores, events), abs=1e-14)


def test_a_cell_of_one_score_is_a_tie_and_needs_no_splitting():
    scores, events = np.full(6, 0.25), np.arange(6) < 2
    cells = cells_of(scores, events, 256)
    for split in range(12):
        if not cells.unresolved.size:
            break
        edges = probe_edges(cells, split)
        cells = refine(cells, edges, count(edges, scores, events))
    assert cells.error_bound == 0
    assert auc_of_cells(cells).auc == 0.5


def test_scores_that_changed_between_exchanges_are_noticed():
    scores, events = cohort(60)
    cells = cells_of(scores, events, 8)
    edges = probe_edges(cells, 0)
    with pytest.raises(MessageError, match="changed during the evaluation"):
        refine(cells, edges, count(edges, np.append(scores, 0.3), np.append(events, True)))
