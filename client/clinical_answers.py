"""A site's answers in a run of clinical statistics, each from the patients it may be about.

Tables, tests and regressions are about all patients. Whatever has folds belongs to fitting a model
and is about the training patients; scores are about the held-out ones. Shares are read in the
clear, so a site refuses what would show one to four patients, also by subtraction.
"""

import time

import numpy as np

from client.clinical_site import ClinicalSite, rotation_secret
from client.fit_ledger import FitLedger
from client.kept_scores import KeptScores
from client.local_evaluation import answer_evaluation
from client.local_moments import answer_moments
from client.local_statistics import answer_statistics
from client.local_svm import answer_svm
from client.site_settings import SiteSettings
from shared.cohort.analysis_columns import EVENT, MODEL_COLUMNS
from shared.fusion.standardize import chosen_columns
from shared.fusion.svm import calls, probabilities
from shared.fusion.svm_arrays import svm_from_arrays
from shared.messages.census import CensusReply
from shared.messages.evaluation import EvaluationRequest, PatientScores, ScoreRequest
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import FollowUpRequest, LogisticRequest
from shared.messages.svm import SvmModelRequest, SvmRequest, SvmStep
from shared.privacy.disclosure_rules import refuse_small_parts

ClinicalRequest = (
    MomentsRequest
    | FollowUpRequest
    | LogisticRequest
    | SvmRequest
    | SvmModelRequest
    | EvaluationRequest
)
"""Every request of a run of clinical statistics but the census."""


def clinical_census(site: str, code_digest: str, data: ClinicalSite, started: float) -> CensusReply:
    """Count what a site brings to the run.

    Args:
        site: Display name of the site.
        code_digest: Of the code that runs here.
        data: The site's patients.
        started: When reading them began, on the performance counter.

    Returns:
        True counts; the release gate withholds those that are too small. There are no slices.
    """
    held_out = int(data.held_out.sum())
    return CensusReply(
        site=site,
        code_digest=code_digest,
        patients=data.patients,
        events=int(np.sum(data.columns[EVENT] == 1)),
        training_patients=data.patients - held_out,
        inner_validation_patients=0,
        held_out_patients=held_out,
        slices=0,
        excluded_patients=data.excluded,
        seconds=time.perf_counter() - started,
    )


def answer_clinical(request: ClinicalRequest, data: ClinicalSite, site: SiteSettings) -> object:
    """Answer one request of a run of clinical statistics.

    Args:
        request: What the server asks.
        data: The site's patients.
        site: The hospital's settings.

    Returns:
        The reply, not yet released.

    Raises:
        DisclosureError: If the answer would show too much.
        DataError: If a column cannot be used.
        SettingsError: If the rotation secret cannot be read.
        MessageError: If a model that comes with the request is damaged or unknown.
    """
    minimum = site.minimum_count
    match request:
        case MomentsRequest(folds=0):
            return answer_moments(request, data.columns, site.name, minimum=minimum)
        case MomentsRequest():
            _refuse_small_rest(request, data, minimum)
            training = data.part(held_out=False)
            return answer_moments(request, training, site.name, minimum=minimum)
        case SvmRequest() | SvmModelRequest():
            return _svm(request, data, site)
        case FollowUpRequest() | LogisticRequest():
            return answer_statistics(request, data.columns, minimum=minimum)
    return answer_evaluation(request, lambda asked: _scores(asked, data, site), minimum)


def _refuse_small_rest(request: MomentsRequest, data: ClinicalSite, minimum: int) -> None:
    """Refuse where a sum over everybody, less the training patients, is a few held-out ones."""
    rest = chosen_columns(data.part(held_out=True), request.columns, request.logged)
    refuse_small_parts(np.sum(~np.isnan(rest), axis=0), minimum)


def _svm(request: SvmRequest | SvmModelRequest, data: ClinicalSite, site: SiteSettings) -> object:
    secret = rotation_secret(site)
    ledger = FitLedger(site.work)
    if isinstance(request, SvmModelRequest):
        if request.point.size:
            ledger.spend_model(request.label, request.point)
    elif request.step is SvmStep.GRADIENT:
        ledger.spend_gradients(request.labels)
    return answer_svm(
        request,
        data.part(held_out=False),
        site.name,
        rotation_secret=secret,
        minimum=site.minimum_count,
    )


def _scores(request: ScoreRequest, data: ClinicalSite, site: SiteSettings) -> PatientScores:
    kept = KeptScores(site.work / "scores", request.model_digest)
    if not request.weights:
        return kept.read()
    model = svm_from_arrays(request.weights, MODEL_COLUMNS)
    held_out = data.part(held_out=True)
    scores = PatientScores(
        probabilities(model, held_out), calls(model, held_out), held_out[EVENT] == 1
    )
    kept.write(scores)
    return scores
