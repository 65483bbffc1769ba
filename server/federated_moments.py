"""The server's part of the moments: means, variances, quantiles and a fitted preparation.

What leaves a site: counts, sums and sums of squares about a broadcast mean per column, and counts
of patients at or below broadcast thresholds. Mean and variance equal those of the pooled values to
rounding; quantiles equal them exactly, because the search ends at neighbouring numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64, UInt64

from shared.aggregation.sum_channel import SumChannel, over_steady_sites
from shared.errors import DataError, Problem
from shared.fusion.standardize import INDICATED_SHARE, Preparation
from shared.messages.moments import Moment, MomentsRequest

FANOUT = 256
"""Thresholds per order statistic in one exchange: one byte; 8 exchanges reach any number."""


@dataclass(frozen=True)
class Columns:
    """What moments are asked about.

    Attributes:
        names: Column names.
        logged: Those that are logged first.
        group: Column of 0 and 1 that makes two parts; empty for none.
        event: Column of 0 and 1 that folds are stratified by; empty without folds.
        folds: Number of folds; 0 for none.
        seed: Of the folds.
    """

    names: tuple[str, ...]
    logged: tuple[str, ...] = ()
    group: str = ""
    event: str = ""
    folds: int = 0
    seed: int = 0


@dataclass(frozen=True)
class ColumnMoments:
    """Moments of columns, one row per part.

    Attributes:
        count: Patients with a value.
        mean: NaN where nobody has a value.
        squares: Sum of squared deviations from the mean; NaN where nobody has a value.
    """

    count: Int64[np.ndarray, "part feature"]
    mean: Float64[np.ndarray, "part feature"]
    squares: Float64[np.ndarray, "part feature"]

    @property
    def variance(self) -> Float64[np.ndarray, "part feature"]:
        """Give the sample variance; NaN where fewer than two patients have a value."""
        degrees = np.where(self.count > 1, self.count - 1, np.nan)
        return np.asarray(self.squares / degrees)


@dataclass(frozen=True)
class PartSizes:
    """How many patients the parts hold.

    Attributes:
        patients: Per part.
        events: Those with the event, per part; 0 when no event was named.
        present: Those with a value, per part and column.
    """

    patients: Int64[np.ndarray, " part"]
    events: Int64[np.ndarray, " part"]
    present: Int64[np.ndarray, "part column"]


def request_of(columns: Columns, moment: Moment) -> MomentsRequest:
    """Make a request that leaves missing values out."""
    return MomentsRequest(
        moment=moment,
        columns=columns.names,
        logged=columns.logged,
        indicated=(),
        group=columns.group,
        event=columns.event,
        folds=columns.folds,
        seed=columns.seed,
        medians=np.zeros((0, 0)),
        centres=np.zeros((0, 0)),
        thresholds=np.zeros((0, 0, 0)),
    )


def part_sizes(channel: SumChannel, columns: Columns) -> PartSizes:
    """Count patients, events and values: one exchange."""
    values = channel(request_of(columns, Moment.PRESENT)).values
    return PartSizes(values["patients"], values["events"], values["present"])


def column_moments(channel: SumChannel, columns: Columns) -> ColumnMoments:
    """Give mean and spread of columns, missing values left out: two exchanges.

    Source: Chan, Golub and LeVeque 1983, The American Statistician 37 (two-pass algorithm).

    Args:
        channel: The road of the sums.
        columns: What is asked about.

    Returns:
        The moments; NaN for a column nobody has a value of.
    """
    request = request_of(columns, Moment.TOTAL)
    return over_steady_sites(channel, lambda steady: _two_passes(steady, request))


def column_quantiles(
    channel: SumChannel, columns: Columns, shares: Sequence[float] = (0.25, 0.5, 0.75)
) -> Float64[np.ndarray, "share part column"]:
    """Give quantiles of columns by counting: nine exchanges, for any number of quantiles.

    Interpolates between the two order statistics around share * (count - 1).
    Source: Hyndman and Fan 1996, The American Statistician 50, type 7 (R and NumPy default).

    Args:
        channel: The road of the sums.
        columns: What is asked about.
        shares: In [0, 1].

    Returns:
        The quantiles; NaN for a column nobody has a value of.
    """
    return over_steady_sites(channel, lambda steady: _quantiles(steady, columns, shares))


def _quantiles(
    channel: SumChannel, columns: Columns, shares: Sequence[float]
) -> Float64[np.ndarray, "share part column"]:
    count = part_sizes(channel, columns).present
    place = np.asarray(shares)[:, np.newaxis, np.newaxis] * np.maximum(count - 1, 0)
    lower = np.floor(place).astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(count - 1, 0))
    found = _order_statistics(
        channel, request_of(columns, Moment.BELOW), np.concatenate([lower, upper])
    )
    found = np.where(count[np.newaxis] > 0, found, np.nan)
    low, high = found[: len(shares)], found[len(shares) :]
    return np.asarray(low + (place - lower) * (high - low))


def fit_preparation(channel: SumChannel, columns: Columns) -> tuple[Preparation, PartSizes]:
    """Fit gap filling and standardisation on every part: three exchanges, or twelve with gaps.

    Args:
        channel: The road of the sums.
        columns: What the features are made of.

    Returns:
        The preparation, one row per part, and the sizes of the parts.

    Raises:
        DataError: When a column has no value in some part; every such column is named.
    """
    return over_steady_sites(channel, lambda steady: _preparation(steady, columns))


def _preparation(channel: SumChannel, columns: Columns) -> tuple[Preparation, PartSizes]:
    sizes = part_sizes(channel, columns)
    empty = [
        Problem(f"column '{name}'", "no value in some part", "values", "Leave the column out.")
        for name, present in zip(columns.names, sizes.present.T, strict=True)
        if not present.all()
    ]
    if empty:
        raise DataError("Columns without values cannot become features.", empty)
    gaps = bool(np.any(sizes.present < sizes.patients[:, np.newaxis]))
    medians = (
        column_quantiles(channel, columns, [0.5])[0] if gaps else np.zeros(sizes.present.shape)
    )
    missing_share = 1 - sizes.present[0] / sizes.patients[0]
    indicated = tuple(
        name
        for name, share in zip(columns.names, missing_share, strict=True)
        if share >= INDICATED_SHARE
    )
    request = replace(request_of(columns, Moment.TOTAL), indicated=indicated, medians=medians)
    moments = _two_passes(channel, request)
    spread = np.sqrt(moments.squares / moments.count)
    # A constant feature has no spread but rounding; it becomes 0, not a division by it.
    constant = spread <= 1e-12 * np.maximum(np.abs(moments.mean), 1e-300)
    scales = np.where(constant, 1.0, spread)
    return (
        Preparation(columns.names, columns.logged, indicated, medians, moments.mean, scales),
        sizes,
    )


def _two_passes(channel: SumChannel, request: MomentsRequest) -> ColumnMoments:
    values = channel(request).values
    count = values["present"]
    mean = np.where(count > 0, values["total"] / np.maximum(count, 1), 0.0)
    squares = channel(replace(request, moment=Moment.SQUARES, centres=mean)).values["squares"]
    nobody = count == 0
    return ColumnMoments(count, np.where(nobody, np.nan, mean), np.where(nobody, np.nan, squares))


def _order_statistics(
    channel: SumChannel, request: MomentsRequest, ranks: Int64[np.ndarray, "rank part column"]
) -> Float64[np.ndarray, "rank part column"]:
    """Find the smallest numbers that have more than ``ranks`` patients at or below them.

    Numbers in their order are numbered from 0 to 2^64 - 1; each exchange settles one of the eight
    bytes of that number, the most significant first.
    """
    keys = np.zeros(ranks.shape, dtype=np.uint64)
    for shift in range(56, -1, -8):
        digits = np.arange(FANOUT, dtype=np.uint64) << np.uint64(shift)
        rest = np.uint64((1 << shift) - 1)
        points = numbers_at(keys[..., np.newaxis] | digits | rest)
        # Thresholds of one part and column travel side by side, rank after rank.
        thresholds = np.moveaxis(points, 0, 2)
        shape = thresholds.shape
        asked = replace(request, thresholds=thresholds.reshape(*shape[:2], -1))
        counts = np.moveaxis(channel(asked).values["below"].reshape(shape), 2, 0)
        digit = np.argmax(counts > ranks[..., np.newaxis], axis=-1)
        keys |= digit.astype(np.uint64) << np.uint64(shift)
    return numbers_at(keys)


def numbers_at(keys: UInt64[np.ndarray, "*_"]) -> Float64[np.ndarray, "*_"]:
    """Give the numbers at places in the order of all floating-point numbers, from 0 up."""
    above_zero = keys >= np.uint64(1 << 63)
    bits = np.where(above_zero, keys ^ np.uint64(1 << 63), ~keys)
    numbers = bits.view(np.float64)
    # Beyond infinity there are patterns that are no numbers; they stand for infinity.
    return np.where(np.isnan(numbers), np.where(above_zero, np.inf, -np.inf), numbers)
