"""One way to train, as the report shows it: an evaluation turned into an arm.

Every arm is evaluated by the same function as the federation, ``server.federated_evaluation``; a
baseline's patients simply answer from memory instead of from a hospital.
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from client.local_evaluation import answer_evaluation
from server.federated_evaluation import evaluate
from shared.aggregation.pooled_evaluation import FederatedEvaluation
from shared.cohort.endpoint import Endpoint
from shared.errors import MessageError
from shared.messages.evaluation import EvaluationRequest, PatientScores, SiteResultReply
from shared.report.run_record import Arm, Measure, RocPoint, SiteResult, measure
from shared.stats.confusion import ConfusionCounts, confusion_measures
from shared.stats.intervals import Proportion, normal_quantile, proportion
from simulations.arm import ArmResult

Reply = TypeVar("Reply")
_LEVEL = 0.95


def evaluate_in_memory(
    scores: Mapping[str, PatientScores], endpoint: Endpoint
) -> FederatedEvaluation:
    """Evaluate scores that are at hand, by the same road as a federation's.

    Args:
        scores: Held-out patients by site name.
        endpoint: What the scores are about.

    Returns:
        The evaluation; exact, as the federation's is.
    """

    def ask(request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        return {site: _answer(request, own, reply_type) for site, own in scores.items()}

    return evaluate(ask, {}, "in-memory", endpoint, minimum_sites=1)


def _answer(request: object, patients: PatientScores, reply_type: type[Reply]) -> Reply:
    if isinstance(request, EvaluationRequest):
        answer = answer_evaluation(request, lambda _request: patients)
        if isinstance(answer, reply_type):
            return answer
    raise MessageError(
        f"Expected a request answered by {reply_type.__name__}, got {type(request).__name__}. "
        "Ask for the reply that belongs to the request."
    )


def evaluate_result(result: ArmResult, endpoint: Endpoint) -> FederatedEvaluation:
    """Evaluate a baseline's scores of the pooled held-out patients.

    Args:
        result: Of a training without a federation.
        endpoint: What the scores are about.

    Returns:
        The evaluation.
    """
    patients = PatientScores(
        scores=result.scores(),
        votes=np.array([vote.event for vote in result.votes], dtype=bool),
        events=np.array(result.events, dtype=bool),
    )
    return evaluate_in_memory({result.arm: patients}, endpoint)


def arm_of(name: str, evaluation: FederatedEvaluation, *, with_sites: bool = False) -> Arm:
    """Turn an evaluation into an arm of the report.

    Args:
        name: Of the arm, as ``shared.report.run_record`` spells it.
        evaluation: Of the arm's model on the held-out patients.
        with_sites: Whether the rows of single sites are kept.

    Returns:
        The arm.
    """
    area, rates, curve = evaluation.auc, evaluation.measures, evaluation.roc
    return Arm(
        name=name,
        patients=evaluation.patients,
        events=evaluation.events,
        auc=measure(area.auc, area.lower, area.upper) if area else Measure(),
        auc_standard_error=area.standard_error if area else None,
        accuracy=_proportion(rates.accuracy),
        sensitivity=_proportion(rates.sensitivity),
        specificity=_proportion(rates.specificity),
        f1=measure(rates.f1, evaluation.f1_lower, evaluation.f1_upper),
        roc=tuple(
            RocPoint(float(x), float(y))
            for x, y in zip(curve.false_call_rate, curve.sensitivity, strict=True)
        )
        if curve
        else (),
        sites=tuple(_site_row(site, reply) for site, reply in evaluation.per_site.items())
        if with_sites
        else (),
    )


def _proportion(estimate: Proportion) -> Measure:
    return measure(estimate.value, estimate.lower, estimate.upper)


def _share(count: int | None, total: int | None) -> Measure:
    if count is None or not total:
        return Measure()
    return _proportion(proportion(count, total))


def _site_row(site: str, reply: SiteResultReply) -> SiteResult:
    area = Measure()
    if reply.auc is not None and reply.auc_standard_error is not None:
        half = normal_quantile(_LEVEL) * reply.auc_standard_error
        area = measure(reply.auc, max(0.0, reply.auc - half), min(1.0, reply.auc + half))
    table = (reply.patients, reply.events, reply.event_called, reply.no_event_cleared)
    f1 = Measure()
    if None not in table:
        patients, events, called, cleared = (int(n) for n in table if n is not None)
        counts = ConfusionCounts(called, events - called, patients - events - cleared, cleared)
        f1 = measure(confusion_measures(counts).f1)
    others = None
    if reply.patients is not None and reply.events is not None:
        others = reply.patients - reply.events
    return SiteResult(
        site=site,
        patients=reply.patients,
        events=reply.events,
        auc=area,
        accuracy=_share(reply.called_rightly, reply.patients),
        sensitivity=_share(reply.event_called, reply.events),
        specificity=_share(reply.no_event_cleared, others),
        f1=f1,
    )
