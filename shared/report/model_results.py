"""An evaluation on held-out patients as a row of the report."""

from collections.abc import Sequence

from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.messages.evaluation import SiteResultReply
from shared.report.haic_models import UNKNOWN, CalibrationBin, ModelResult, ModelSiteResult
from shared.report.run_record import Measure, RocPoint, measure
from shared.stats.intervals import Proportion, normal_quantile, proportion

_LEVEL = 0.95


def model_result(
    model: str,
    evaluation: FederatedEvaluation,
    *,
    threshold: float | None = None,
    calibration: Sequence[CalibrationBin] = (),
    with_sites: bool = False,
) -> ModelResult:
    """Turn an evaluation into a model's row.

    Args:
        model: One of ``shared.report.haic_models.MODELS``.
        evaluation: Of that model on held-out patients.
        threshold: Probability at and above which the event is called; None for a reader, whose
            Brier score is left out too.
        calibration: Bins that may be shown.
        with_sites: Whether the rows of single sites are kept.

    Returns:
        The row.
    """
    area, rates, curve = evaluation.auc, evaluation.measures, evaluation.roc
    brier = measure(evaluation.brier).value if threshold is not None else None
    return ModelResult(
        model=model,
        patients=evaluation.patients,
        events=evaluation.events,
        auc=measure(area.auc, area.lower, area.upper) if area else UNKNOWN,
        auc_standard_error=measure(area.standard_error).value if area else None,
        sensitivity=_estimate(rates.sensitivity),
        specificity=_estimate(rates.specificity),
        ppv=_estimate(rates.ppv),
        npv=_estimate(rates.npv),
        accuracy=_estimate(rates.accuracy),
        brier=brier,
        threshold=threshold,
        roc=tuple(
            RocPoint(float(x), float(y))
            for x, y in zip(curve.false_call_rate, curve.sensitivity, strict=True)
        )
        if curve
        else (),
        calibration=tuple(calibration),
        sites=tuple(_site_row(site, reply) for site, reply in evaluation.per_site.items())
        if with_sites
        else (),
    )


def _estimate(found: Proportion) -> Measure:
    return measure(found.value, found.lower, found.upper)


def _share(count: int | None, total: int | None) -> Measure:
    if count is None or not total:
        return UNKNOWN
    return _estimate(proportion(count, total))


def _site_row(site: str, reply: SiteResultReply) -> ModelSiteResult:
    area = UNKNOWN
    if reply.auc is not None and reply.auc_standard_error is not None:
        half = normal_quantile(_LEVEL) * reply.auc_standard_error
        area = measure(reply.auc, max(0.0, reply.auc - half), min(1.0, reply.auc + half))
    others = None
    if reply.patients is not None and reply.events is not None:
        others = reply.patients - reply.events
    return ModelSiteResult(
        site=site,
        patients=reply.patients,
        events=reply.events,
        auc=area,
        accuracy=_share(reply.called_rightly, reply.patients),
        sensitivity=_share(reply.event_called, reply.events),
        specificity=_share(reply.no_event_cleared, others),
    )
