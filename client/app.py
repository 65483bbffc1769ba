"""The ClientApp: decode, call, gate, encode.

One table says who answers what. Whatever goes wrong is caught here, written to the site's own
log, and leaves as a reference only.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Final

from flwr.app import Context, Error, Message
from flwr.clientapp import ClientApp
from flwr.common.constant import ErrorCode

from client.audit_log import AuditLog
from client.clinical_answers import ClinicalRequest, answer_clinical, clinical_census
from client.cross_validation import patients_in_fold, refuse_other_folds
from client.dataset import SiteData
from client.error_log import log_error
from client.haic_answers import answer_haic
from client.kept_features import kept_features
from client.local_census import answer_census
from client.local_evaluation import answer_evaluation
from client.local_image_features import answer_image_features
from client.local_training import answer_training
from client.policy import policy_of
from client.release_gate import release
from client.scoring import scores_for
from client.site_settings import SiteSettings
from client.visit import Visit, open_visit, site_settings_for
from shared.errors import DisclosureError, MessageError
from shared.messages.census import CensusRequest
from shared.messages.evaluation import (
    CellsRequest,
    EvaluationRequest,
    PatientScores,
    PlacementRequest,
    ScoreRequest,
    SiteResultRequest,
)
from shared.messages.image_features import ImageFeaturesRequest
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import FollowUpRequest, LogisticRequest
from shared.messages.svm import SvmModelRequest, SvmRequest
from shared.messages.training import TrainingRequest
from shared.models.mri_scores import MriScores
from shared.settings import ConfigValue, key_of, parse_run_settings
from shared.wire.actions import flower_type_of, stage_of
from shared.wire.codec import decode, encode, message_name
from shared.wire.fingerprint import code_digest

app = ClientApp()


def _census(request: CensusRequest, visit: Visit) -> object:
    _check_config(request, visit)
    started = time.perf_counter()
    if visit.is_clinical:
        table = visit.clinical(afresh=True)
        return clinical_census(visit.site.name, code_digest(), table, started)
    data = _fusion_data(visit) if visit.is_fusion else visit.data(afresh=True)
    return answer_census(visit.site.name, code_digest(), data, time.perf_counter() - started)


def _fusion_data(visit: Visit) -> SiteData:
    """Give the patients with the part they play in the training of all development patients."""
    data = visit.fusion(afresh=True)
    patients = patients_in_fold(data.patients, 0, visit.run, visit.site)
    return SiteData(patients, data.problems, data.excluded)


def _training(request: TrainingRequest, visit: Visit) -> object:
    refuse_other_folds(request.folds, request.seed, visit.run)
    return answer_training(
        request,
        visit.site.name,
        patients_in_fold(visit.patients(), request.fold, visit.run, visit.site),
        visit.network(),
        visit.recipe.training,
        visit.device(),
    )


def _image_features(request: ImageFeaturesRequest, visit: Visit) -> object:
    refuse_other_folds(request.folds, request.seed, visit.run)
    network = visit.network()
    if not isinstance(network, MriScores):
        raise MessageError(
            "Expected a question of a run on CT, got one about features of MRI sequences. "
            "Run the same version everywhere."
        )
    data = visit.fusion()
    return answer_image_features(
        request,
        data,
        patients_in_fold(data.patients, request.fold, visit.run, visit.site),
        network=network,
        device=visit.device(),
        kept=kept_features(visit.site, request.run),
    )


def _evaluation(request: EvaluationRequest, visit: Visit) -> object:
    if visit.is_clinical or visit.is_fusion:
        return _table(request, visit)

    def kept_scores(asked: ScoreRequest) -> PatientScores:
        folder = visit.site.work / "scores"
        return scores_for(asked, visit.data().patients, visit.network, visit.device(), folder)

    return answer_evaluation(request, kept_scores, visit.site.minimum_count)


def _table(request: ClinicalRequest, visit: Visit) -> object:
    if visit.is_fusion:
        return answer_haic(request, visit.run, visit.site)
    return answer_clinical(request, visit.clinical(), visit.site)


_ANSWERS: Final[Mapping[type, Callable[..., object]]] = {
    CensusRequest: _census,
    TrainingRequest: _training,
    ImageFeaturesRequest: _image_features,
    ScoreRequest: _evaluation,
    CellsRequest: _evaluation,
    PlacementRequest: _evaluation,
    SiteResultRequest: _evaluation,
    MomentsRequest: _table,
    FollowUpRequest: _table,
    LogisticRequest: _table,
    SvmRequest: _table,
    SvmModelRequest: _table,
}
"""Request type to the function that answers it at a visit."""


def answer(message: Message, context: Context) -> Message:
    """Answer one message of the server.

    Args:
        message: A request of ``shared.messages`` as Flower records.
        context: Flower's, with the node's and the run's settings.

    Returns:
        The reply that passed the release gate, or an error with a reference to the site's log
        and, where the site refused on purpose, one word of ``Refusal``.
    """
    work_dir = None
    try:
        run = parse_run_settings(context.run_config)
        site = site_settings_for(context.node_config, run)
        work_dir = site.work
        reply = _released(message, open_visit(site, run), site)
        return Message(encode(reply), reply_to=message)
    except Exception as error:  # noqa: BLE001  # the edge: no exception text may leave the site
        reference = log_error(work_dir, message.metadata.message_type, error)
        # Beside the reference at most one word of a closed list, chosen by the code that refused.
        word = error.refusal.value if isinstance(error, DisclosureError) else None
        words = f"site refusal {word}" if word else "site error"
        failure = Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, f"{words} ref {reference}")
        return Message(failure, reply_to=message)


def _released(message: Message, visit: Visit, site: SiteSettings) -> object:
    name = message_name(message.content)
    kind = next((kind for kind in _ANSWERS if kind.__name__ == name), None)
    if kind is None or flower_type_of(kind) != message.metadata.message_type:
        raise MessageError(
            f"Expected a request that this site answers, got {name!r} as "
            f"'{message.metadata.message_type}'. Run the same version everywhere."
        )
    reply = _ANSWERS[kind](decode(message.content, kind), visit)
    return release(reply, policy_of(site), AuditLog(site.work))


def _check_config(request: CensusRequest, visit: Visit) -> None:
    """Refuse to take part in a run that is announced otherwise than it is configured."""
    announced: Mapping[str, ConfigValue] = json.loads(request.config_json)
    settings = parse_run_settings(announced)
    differing = [
        key_of(name)
        for name, value in vars(settings).items()
        if key_of(name) in announced and getattr(visit.run, name) != value
    ]
    if differing:
        raise MessageError(
            f"Expected the run config of this run, got other values of {', '.join(differing)}. "
            "Start the run again."
        )


for _stage in sorted({stage_of(_kind) for _kind in _ANSWERS}):
    _register = app.train() if _stage == "training" else app.query(_stage)
    _register(answer)
