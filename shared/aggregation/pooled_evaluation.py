"""An evaluation of a model over all sites' held-out patients, made from sums."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from shared.aggregation.score_cells import ScoreCells, auc_from_placements, placement_sums
from shared.messages.evaluation import SiteResultReply
from shared.stats.confusion import ConfusionCounts, ConfusionMeasures, confusion_measures
from shared.stats.delong import (
    ROUNDING_VARIANCE,
    AucCovariance,
    AucEstimate,
    PairedAucTest,
)
from shared.stats.intervals import clopper_pearson, normal_quantile

MOST_ROC_POINTS = 101
"""Points of a released curve: one per percent is what a figure can show."""

CALIBRATION_BINS = 10
"""Bins of a released calibration at most: tenths of the patients, as is usual."""


@dataclass(frozen=True)
class ReleasedRoc:
    """An ROC curve thinned so that no step shows fewer patients than may be released.

    Attributes:
        false_call_rate: Share of patients without the event for whom it was called, rising from
            0 to 1.
        sensitivity: Share of patients with the event for whom it was called, rising from 0 to 1.
    """

    false_call_rate: Float64[np.ndarray, " point"]
    sensitivity: Float64[np.ndarray, " point"]


@dataclass(frozen=True)
class CalibrationBin:
    """Patients whose predicted probabilities are near each other.

    Attributes:
        mean_predicted: Mean probability of the event, to half a score cell.
        events: Patients with the event.
        patients: All patients of the bin.
    """

    mean_predicted: float
    events: int
    patients: int


@dataclass(frozen=True)
class FederatedEvaluation:
    """One model on the held-out patients of all sites.

    Attributes:
        event: The event that sensitivity counts, in words.
        patients: Patients evaluated.
        events: Those with the event.
        auc: Pooled area with DeLong's interval; None when one class is empty.
        auc_error_bound: Largest error of the area because score cells were not split to the
            end; 0 when it is exact.
        roc: The thinned curve; None when one class is empty.
        confusion: Voted calls against what happened.
        measures: Sensitivity to F1 of those calls, with Clopper-Pearson intervals.
        f1_lower: Lower limit of F1, in [0, 1]; NaN where F1 is.
        f1_upper: Upper limit of F1.
        brier: Mean squared error of the probability, in [0, 1]; NaN without patients.
        log_loss: Mean negative logarithm of the probability of what happened; NaN without
            patients.
        per_site: What each site released about itself; None inside where withheld.
        sites: Whose patients are in the pooled numbers.
        exchanges: Exchanges with the sites.
        calibration: Bins by rising probability, each of as many patients as may be released.
    """

    event: str
    patients: int
    events: int
    auc: AucEstimate | None
    auc_error_bound: float
    roc: ReleasedRoc | None
    confusion: ConfusionCounts
    measures: ConfusionMeasures
    f1_lower: float
    f1_upper: float
    brier: float
    log_loss: float
    per_site: Mapping[str, SiteResultReply]
    sites: tuple[str, ...]
    exchanges: int
    calibration: tuple[CalibrationBin, ...] = ()


@dataclass(frozen=True)
class PooledSums:
    """What the exchanges of an evaluation add up to.

    Attributes:
        confusion: Voted calls against what happened.
        squared_error: Sum of squared errors of the probability.
        log_loss: Sum of negative logarithms.
        cells: Patients per score cell and class.
        even_cells: The same in cells of equal width, as they were counted first; None leaves the
            calibration out.
    """

    confusion: ConfusionCounts
    squared_error: float
    log_loss: float
    cells: ScoreCells
    even_cells: ScoreCells | None = None


def evaluation_of(  # noqa: PLR0913 - one record is put together here, named argument by argument
    event: str,
    sums: PooledSums,
    per_site: Mapping[str, SiteResultReply],
    *,
    sites: tuple[str, ...],
    exchanges: int,
    minimum: int,
    level: float = 0.95,
) -> FederatedEvaluation:
    """Make an evaluation of its sums.

    Args:
        event: The event in words.
        sums: Pooled over the sites.
        per_site: What each site released.
        sites: Whose patients are in the sums.
        exchanges: How many there were.
        level: Confidence level, in (0, 1).
        minimum: Smallest number of patients a step of the curve or a bin may show.

    Returns:
        The evaluation.
    """
    counts = sums.confusion
    both = counts.events > 0 and counts.no_events > 0
    f1_lower, f1_upper = f1_interval(counts, level)
    patients = counts.patients
    return FederatedEvaluation(
        event=event,
        patients=patients,
        events=counts.events,
        auc=auc_of_cells(sums.cells, level) if both else None,
        auc_error_bound=sums.cells.error_bound,
        roc=released_roc(sums.cells, minimum) if both else None,
        confusion=counts,
        measures=confusion_measures(counts, level),
        f1_lower=f1_lower,
        f1_upper=f1_upper,
        brier=sums.squared_error / patients if patients else math.nan,
        log_loss=sums.log_loss / patients if patients else math.nan,
        per_site=per_site,
        sites=sites,
        exchanges=exchanges,
        calibration=calibration_bins(sums.even_cells, minimum) if sums.even_cells else (),
    )


def auc_of_cells(cells: ScoreCells, level: float = 0.95) -> AucEstimate:
    """Give the area of pooled cells with DeLong's interval, cut to [0, 1].

    Args:
        cells: Pooled counts; both classes hold patients.
        level: Confidence level, in (0, 1).

    Returns:
        The estimate, equal to the one of the pooled scores when the cells' error bound is 0.
    """
    totals, squares = placement_sums(cells)
    pooled = auc_from_placements(cells.counts.sum(axis=1), totals, squares)
    area, variance = float(pooled.aucs[0]), float(pooled.covariance[0, 0])
    error = math.sqrt(variance)
    half = normal_quantile(level) * error
    return AucEstimate(
        auc=area,
        variance=variance,
        standard_error=error,
        lower=float(np.clip(area - half, 0.0, 1.0)),
        upper=float(np.clip(area + half, 0.0, 1.0)),
        events=pooled.events,
        no_events=pooled.no_events,
    )


def paired_test_of(pooled: AucCovariance, first: int = 0, second: int = 1) -> PairedAucTest:
    """Test whether two models have the same area, from their pooled covariance.

    Source: DeLong 1988, equation 8, one contrast.

    Args:
        pooled: Areas and covariance of models scored on the same patients.
        first: Which model.
        second: The model it is compared with.

    Returns:
        Difference, z and two-sided P; z is 0 for models that rank alike and NaN where undefined.
    """
    difference = float(pooled.aucs[first] - pooled.aucs[second])
    c = pooled.covariance
    variance = float(c[first, first] + c[second, second] - 2 * c[first, second])
    # Rounding of the three terms, not of the patients: relative to the terms themselves.
    noise = max(ROUNDING_VARIANCE, 8 * np.finfo(float).eps * float(np.abs(c).max()))
    if variance > noise:
        z = difference / math.sqrt(variance)
    else:
        z = 0.0 if variance <= noise and difference == 0 else math.nan
    return PairedAucTest(difference=difference, z=z, p=math.erfc(abs(z) / math.sqrt(2)))


def released_roc(cells: ScoreCells, minimum: int) -> ReleasedRoc:
    """Trace the curve in steps of at least the minimum number of patients.

    A full curve of few patients is the list of their scores' order and outcomes; steps of five
    patients and more, of both classes together, are not.

    Args:
        cells: Pooled counts; both classes hold patients.
        minimum: Smallest number of patients in a step.

    Returns:
        Points from (0, 0) to (1, 1), at most 101.
    """
    called = np.concatenate([[[0], [0]], np.cumsum(cells.counts[:, ::-1], axis=1)], axis=1)
    total = int(called[:, -1].sum())
    step = max(minimum, math.ceil(total / (MOST_ROC_POINTS - 1)))
    kept = [0]
    for point in range(1, called.shape[1]):
        here = int(called[:, point].sum())
        if here - int(called[:, kept[-1]].sum()) >= step and (total - here >= step):
            kept.append(point)
    kept.append(called.shape[1] - 1)
    events, others = cells.counts.sum(axis=1)
    return ReleasedRoc(
        false_call_rate=called[1, kept] / others, sensitivity=called[0, kept] / events
    )


def calibration_bins(cells: ScoreCells, minimum: int) -> tuple[CalibrationBin, ...]:
    """Join neighbouring cells until every bin holds enough patients.

    A patient counts with the middle of the cell, which is at most half a cell's width away.

    Args:
        cells: Pooled counts in cells of equal width.
        minimum: Smallest number of patients in a bin.

    Returns:
        At most ten bins of about as many patients each; none when there are too few patients.
    """
    counts = cells.counts.sum(axis=0)
    total = int(counts.sum())
    step = max(minimum, math.ceil(total / CALIBRATION_BINS))
    ends, held, left = [], 0, total
    for cell, count in enumerate(counts.tolist(), start=1):
        held += count
        if held >= step and left - held >= step:
            ends.append(cell)
            held, left = 0, left - held
    if left < minimum:
        return ()
    middles = (cells.edges[:-1] + cells.edges[1:]) / 2
    parts = np.split(np.arange(counts.size), ends)
    return tuple(
        CalibrationBin(
            mean_predicted=float(middles[part] @ counts[part] / counts[part].sum()),
            events=int(cells.counts[0, part].sum()),
            patients=int(counts[part].sum()),
        )
        for part in parts
    )


def f1_interval(counts: ConfusionCounts, level: float = 0.95) -> tuple[float, float]:
    """Give the limits of F1 from the exact interval of the proportion it is made of.

    F1 = 2J / (1 + J) rises with J = called rightly / (events or called), which is a proportion of
    patients: its Clopper-Pearson limits, given that denominator, carry over.
    Source: Hand, Christen and Kirielle 2021, Machine Learning 110 (J is their F*).

    Returns:
        Lower and upper limit; NaN when nobody had the event and nobody was called.
    """
    either = counts.event_called + counts.event_missed + counts.no_event_called
    lower, upper = (float(limit) for limit in clopper_pearson(counts.event_called, either, level))
    return 2 * lower / (1 + lower), 2 * upper / (1 + upper)
