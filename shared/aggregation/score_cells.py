"""Patients counted in score cells: exact AUC and DeLong variance once no cell mixes the classes.

Cells are half-open intervals of the score. Counting per cell and class loses nothing of the ranks
between cells; only pairs of an event and a non-event inside one cell are counted as ties. So the
error of the area is at most half the share of such pairs, and it is 0 when no cell mixes, or when
a mixed cell holds one single score, where the tie is real.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from shared.errors import MessageError
from shared.stats.delong import AucCovariance

FANOUT = 64
"""Parts a mixed cell is split into at first: enough to part most patients, too coarse to tell a
score."""

SMALLEST_FANOUT = 8
"""Parts of a cell when a large cohort mixes more cells than an exchange can split finely."""

GENTLE_SPLITS = 2
"""Splits by ``FANOUT``; what is mixed after them is a tie or nearly one, and is split faster."""

MOST_CELLS = 32_768
"""Cells counted in one exchange: 512 kB of words from each site."""

MOST_SPLITS = 12
"""Exchanges after which refinement stops and the error bound is reported."""


@dataclass(frozen=True)
class ScoreCells:
    """Pooled counts per score cell, cells in rising order of score.

    Attributes:
        edges: Strictly rising, from 0 to just above 1; cell i is [edges[i], edges[i + 1]).
        counts: Patients with the event (row 0) and without (row 1) per cell.
    """

    edges: Float64[np.ndarray, " edge"]
    counts: Int64[np.ndarray, "2 cell"]

    @property
    def unresolved(self) -> Int64[np.ndarray, " _"]:
        """Give the cells that mix the classes and can still be split, most mixed pairs first."""
        pairs = self.counts[0] * self.counts[1]
        splittable = _ordinal(self.edges[1:]) - _ordinal(self.edges[:-1]) > 1
        found = np.flatnonzero((pairs > 0) & splittable)
        return found[np.argsort(-pairs[found], kind="stable")].astype(np.int64)

    @property
    def error_bound(self) -> float:
        """Bound the error of the area: half the share of pairs in one cell; 0 when exact."""
        mixed = self.unresolved
        pairs = int(np.sum(self.counts[0, mixed] * self.counts[1, mixed]))
        every = int(self.counts[0].sum()) * int(self.counts[1].sum())
        return 0.5 * pairs / every if every else 0.0


def first_edges(cells: int) -> Float64[np.ndarray, " edge"]:
    """Give the edges of cells of equal width that hold every probability, 1 included."""
    edges = np.linspace(0.0, 1.0, cells + 1)
    edges[-1] = np.nextafter(1.0, 2.0)
    return edges


def probe_edges(cells: ScoreCells, split: int) -> Float64[np.ndarray, " edge"]:
    """Choose the edges to count between next: those of unresolved cells and points inside.

    Half of the points are equally spaced in the score, half in its floating-point number: the
    first part patients quickly, the second reach any two different scores in a bounded number of
    exchanges, also near 0.

    Args:
        cells: What is known so far; at least one cell is unresolved.
        split: How many splits were made before.

    Returns:
        Rising edges.
    """
    mixed = cells.unresolved[: MOST_CELLS // SMALLEST_FANOUT]
    affordable = max(SMALLEST_FANOUT, MOST_CELLS // mixed.size)
    fanout = min(FANOUT, affordable) if split < GENTLE_SPLITS else affordable
    lows, highs = cells.edges[mixed], cells.edges[mixed + 1]
    parts = np.arange(1, fanout // 2) / (fanout // 2)
    equal = lows[:, np.newaxis] + (highs - lows)[:, np.newaxis] * parts
    widths = (_ordinal(highs) - _ordinal(lows))[:, np.newaxis]
    steps = np.clip((widths * parts).astype(np.int64), 1, widths - 1)
    numbered = (_ordinal(lows)[:, np.newaxis] + steps).view(np.float64)
    # Rounding may put an equally spaced point on an edge, never beyond it.
    inner = np.clip(np.concatenate([equal, numbered], axis=1), lows[:, None], highs[:, None])
    return np.unique(np.concatenate([lows, highs, inner.ravel()]))


def refine(
    cells: ScoreCells,
    edges: Float64[np.ndarray, " edge"],
    counts: Int64[np.ndarray, "2 _"],
) -> ScoreCells:
    """Replace the cells that were split by their parts.

    Args:
        cells: What was known.
        edges: What ``probe_edges`` chose.
        counts: The pooled counts between those edges.

    Returns:
        The finer cells. Cells that hold nobody are joined to a neighbour.

    Raises:
        MessageError: When the parts of a cell do not add up to the cell: a site scored
            other patients this time.
    """
    merged = np.union1d(cells.edges, edges)
    fine = np.zeros((2, merged.size - 1), dtype=np.int64)
    known = np.searchsorted(merged, cells.edges)
    fine[:, known[:-1]] = cells.counts
    probed = np.searchsorted(merged, edges)
    consecutive = np.diff(probed) == 1
    inside = np.isin(merged[:-1], edges[:-1][consecutive])
    fine[:, inside] = counts[:, consecutive]
    sums = np.add.reduceat(fine, known[:-1], axis=1)
    if not np.array_equal(sums, cells.counts):
        raise MessageError(
            "Expected the parts of a score cell to add up to the cell, got other counts. "
            "A site's patients or scores changed during the evaluation; run it again."
        )
    return _without_empty(ScoreCells(merged, fine))


def doubled_placements(cells: ScoreCells) -> Int64[np.ndarray, "2 cell"]:
    """Count, per cell, twice the patients of the other class that are ranked rightly.

    Source: DeLong 1988, equation 4, times twice the size of the other class: whole numbers.

    Returns:
        Row 0 for a patient with the event, row 1 for a patient without.
    """
    events, others = cells.counts
    below = 2 * (np.cumsum(others) - others) + others
    above = 2 * (events.sum() - np.cumsum(events)) + events
    return np.array([below, above], dtype=np.int64)


def placement_sums(
    cells: ScoreCells,
) -> tuple[Int64[np.ndarray, "2 1"], Int64[np.ndarray, "2 1 1"]]:
    """Sum placements and their squares over the patients of each class, for one model."""
    placements = doubled_placements(cells)
    totals = np.sum(cells.counts * placements, axis=1)
    squares = np.sum(cells.counts * placements * placements, axis=1)
    return totals.reshape(2, 1), squares.reshape(2, 1, 1)


def auc_from_placements(
    patients: Int64[np.ndarray, " 2"],
    placements: Int64[np.ndarray, "2 model"],
    products: Int64[np.ndarray, "2 model model"],
) -> AucCovariance:
    """Give areas and DeLong's covariance from sums of doubled placements.

    Everything up to the last division is whole numbers, so nothing is rounded before it.
    Source: DeLong 1988, equation 5.

    Args:
        patients: With the event, and without; both at least 1.
        placements: Sums over the patients of each class, per model.
        products: Sums of products of two models' placements.

    Returns:
        Areas and covariance; the covariance is NaN with fewer than two patients in a class.
    """
    sizes = [int(n) for n in patients]
    models = placements.shape[1]
    pairs = 2 * sizes[0] * sizes[1]
    aucs = np.array([int(total) / pairs for total in placements[0]])
    covariance = np.full((models, models), np.nan)
    if min(sizes) > 1:
        for i in range(models):
            for j in range(models):
                covariance[i, j] = sum(
                    _covariance_of_mean(
                        sizes[row],
                        sizes[1 - row],
                        (int(placements[row, i]), int(placements[row, j])),
                        int(products[row, i, j]),
                    )
                    for row in (0, 1)
                )
    return AucCovariance(aucs, covariance, sizes[0], sizes[1])


def _covariance_of_mean(size: int, other: int, totals: tuple[int, int], product: int) -> float:
    """Sample covariance of two placements over the class size, from exact sums."""
    numerator = size * product - totals[0] * totals[1]
    return numerator / (size * size * (size - 1) * 4 * other * other)


def _without_empty(cells: ScoreCells) -> ScoreCells:
    """Join each empty cell to its left neighbour; occupied cells keep their lower edge."""
    occupied = cells.counts.sum(axis=0) > 0
    # An unresolved cell keeps its upper edge too, so that its parts stay narrow.
    mixed = (cells.counts > 0).all(axis=0)
    keep = occupied.copy()
    for index in np.flatnonzero(mixed):
        if index + 1 < keep.size:
            keep[index + 1] = True
    keep[0] = True
    starts = np.flatnonzero(keep)
    edges = np.concatenate([cells.edges[starts], cells.edges[-1:]])
    return ScoreCells(edges, np.add.reduceat(cells.counts, starts, axis=1).astype(np.int64))


def _ordinal(values: Float64[np.ndarray, "*_"]) -> Int64[np.ndarray, "*_"]:
    """Number the floating-point numbers from 0 up in their order; neighbours differ by 1."""
    return values.view(np.int64)
