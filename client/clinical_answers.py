"""A site's answers in a run of clinical statistics, each from the patients it may be about.

Tables, tests and regressions are about all patients, the rest as ``client.split_table`` says.
"""

import time

import numpy as np

from client.clinical_site import ClinicalSite
from client.kept_scores import KeptScores
from client.local_evaluation import answer_evaluation
from client.local_moments import answer_moments
from client.local_statistics import answer_statistics
from client.site_settings import SiteSettings
from client.split_table import SplitTable, machine_answer, scores_of_machine, training_moments
from shared.cohort.analysis_columns import EVENT, MODEL_COLUMNS
from shared.messages.census import CensusReply
from shared.messages.evaluation import EvaluationRequest, PatientScores, ScoreRequest
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import FollowUpRequest, LogisticRequest
from shared.messages.svm import SvmModelRequest, SvmRequest

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
    table = SplitTable(data.part(held_out=False), data.part(held_out=True))
    match request:
        case MomentsRequest(folds=0):
            return answer_moments(request, data.columns, site.name, minimum=minimum)
        case MomentsRequest():
            return training_moments(request, table, site)
        case SvmRequest() | SvmModelRequest():
            return machine_answer(request, table, site)
        case FollowUpRequest() | LogisticRequest():
            return answer_statistics(request, data.columns, minimum=minimum)

    def scores_for(asked: ScoreRequest) -> PatientScores:
        folder = site.work / "scores"
        if not asked.weights:
            return KeptScores(folder, asked.model_digest).read()
        return scores_of_machine(asked, table.held_out, MODEL_COLUMNS, folder)

    return answer_evaluation(request, scores_for, minimum)
