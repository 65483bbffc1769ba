"""Counts per value and group without a measurement grid: a search over all numbers, by counting.

Every number has a place among the 2^64 floating-point numbers. An exchange settles one byte of the
places of all patients who still share theirs, so after at most eight every cell holds one patient
or one value: ranks and ties are those of the pooled values, whatever the unit.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from server.federated_moments import FANOUT, Columns, numbers_at, part_sizes, request_of
from shared.aggregation.pooled_tests import mann_whitney_from_counts
from shared.aggregation.sum_channel import SumChannel, over_steady_sites
from shared.messages.moments import Moment
from shared.stats.two_samples import MannWhitney


def compare_values(
    channel: SumChannel, column: str, group: str, *, continuity: bool = True
) -> MannWhitney:
    """Compare two groups by the Mann-Whitney test, exactly: up to nine exchanges.

    The server learns the pooled values' cells (not whose they are), so the sums should be masked.

    Args:
        channel: The road of the sums.
        column: What is compared; missing values are left out.
        group: Column of 0 and 1; the first group is 0.
        continuity: Whether to correct for continuity.

    Returns:
        The test, equal to that of the pooled values.

    Raises:
        DataError: When a group has no values.
    """
    cells = over_steady_sites(channel, lambda steady: value_cells(steady, column, group))
    return mann_whitney_from_counts(cells, continuity=continuity)


def value_cells(channel: SumChannel, column: str, group: str) -> Int64[np.ndarray, "2 cell"]:
    """Count patients per group and cell, cells rising, none with two different values."""
    columns = Columns((column,), group=group)
    request = request_of(columns, Moment.BELOW)
    counts = part_sizes(channel, columns).present.astype(np.int64)
    keys = np.zeros(1, dtype=np.uint64)
    for shift in range(56, -1, -8):
        crowded = counts.sum(axis=0) > 1
        if not crowded.any():
            break
        digits = np.arange(FANOUT, dtype=np.uint64) << np.uint64(shift)
        rest = np.uint64((1 << shift) - 1)
        children = keys[crowded][:, np.newaxis] | digits
        ends = numbers_at(children.ravel() | rest)
        asked = replace(request, thresholds=np.tile(ends, (2, 1, 1)))
        below = channel(asked).values["below"].reshape(2, *children.shape)
        before = below[..., -1:] - counts[:, crowded][..., np.newaxis]
        split = np.diff(below, axis=2, prepend=before).reshape(2, -1)
        held = split.any(axis=0)
        keys = np.concatenate([keys[~crowded], children.ravel()[held]])
        counts = np.concatenate([counts[:, ~crowded], split[:, held]], axis=1)
        order = np.argsort(keys)
        keys, counts = keys[order], counts[:, order]
    return counts
