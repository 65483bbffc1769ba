"""A site's answers about the table that joins image features and clinic in a run on MRI.

Everything is fitted on the development patients, whose features come from networks that left them
out; scores are about the held-out patients. Nothing is answered about all patients together.
"""

from collections.abc import Mapping

import numpy as np

from client.cross_validation import refuse_other_folds
from client.fusion_site import FusionSite
from client.kept_features import KeptFeatures
from client.kept_scores import KeptScores
from client.local_evaluation import answer_evaluation
from client.local_statistics import answer_statistics
from client.secret_keys import cache_secret
from client.site_settings import SiteSettings
from client.split_table import SplitTable, machine_answer, scores_of_machine, training_moments
from shared.cohort.fusion_columns import FUSION_COLUMNS, IMAGE_FEATURES, IMAGE_SCORE, READERS
from shared.errors import DisclosureError, MessageError, Refusal
from shared.fusion.cross_fitting import development_folds
from shared.messages.evaluation import EvaluationRequest, PatientScores, ScoreRequest
from shared.messages.moments import MomentsRequest
from shared.messages.statistics import FollowUpRequest, LogisticRequest
from shared.messages.svm import SvmModelRequest, SvmRequest
from shared.settings import RunSettings

HaicRequest = (
    MomentsRequest
    | FollowUpRequest
    | LogisticRequest
    | SvmRequest
    | SvmModelRequest
    | EvaluationRequest
)
"""Every request about the table; census, training and image features are about images."""


def kept_features(site: SiteSettings, run_name: str) -> KeptFeatures:
    """Give a run's features at a site, encrypted as the site's prepared images are.

    Args:
        site: The hospital's settings.
        run_name: Names the run.

    Raises:
        MessageError: If the name is none.
        SettingsError: If the key cannot be read.
    """
    secret, _ = cache_secret(site)
    return KeptFeatures(site.work, run_name, secret)


def answer_haic(
    request: HaicRequest, data: FusionSite, run: RunSettings, site: SiteSettings
) -> object:
    """Answer one request about the table.

    Args:
        request: What the server asks; it names the run whose features are meant.
        data: The site's patients.
        run: The coordinator's settings.
        site: The hospital's settings.

    Returns:
        The reply, not yet released.

    Raises:
        DisclosureError: If the answer would show too much.
        DataError: If a column cannot be used.
        SettingsError: If a secret cannot be read.
        MessageError: If features of a patient are missing, the folds are not the run's, or a
            model that comes with the request is damaged.
    """
    if isinstance(request, FollowUpRequest):
        raise DisclosureError(
            "Expected a question of a run on MRI, got one about follow-up. "
            "Start a run with the task 'clinical-statistics'.",
            refusal=Refusal.POLICY,
        )
    if isinstance(request, SvmModelRequest):
        return machine_answer(request, SplitTable({}, {}), site)
    if isinstance(request, MomentsRequest | SvmRequest | LogisticRequest):
        return _answer_fit(request, _table(request.image_run, data, run, site), run, site)

    def scores_for(asked: ScoreRequest) -> PatientScores:
        folder = site.work / "scores"
        if not asked.weights:
            return KeptScores(folder, asked.model_digest).read()
        held_out = _table(asked.image_run, data, run, site).held_out
        return scores_of_machine(asked, held_out, FUSION_COLUMNS, folder)

    return answer_evaluation(request, scores_for, site.minimum_count)


def _answer_fit(
    request: MomentsRequest | SvmRequest | LogisticRequest,
    table: SplitTable,
    run: RunSettings,
    site: SiteSettings,
) -> object:
    if isinstance(request, LogisticRequest):
        return answer_statistics(request, table.training, minimum=site.minimum_count)
    if isinstance(request, SvmRequest) or request.folds:
        refuse_other_folds(request.folds, request.seed, run)
    if isinstance(request, SvmRequest):
        return machine_answer(request, table, site)
    return training_moments(request, table, site)


def _table(run_name: str, data: FusionSite, run: RunSettings, site: SiteSettings) -> SplitTable:
    """Join the features that the run left at this site with the clinical columns."""
    folds = development_folds(data.patients, run.folds, run.seed, site.name)
    features = _features(kept_features(site, run_name), data, folds, run.folds)
    columns = {**data.columns, **features, **_readers(data)}
    inside = folds > 0
    return SplitTable(
        {name: values[inside] for name, values in columns.items()},
        {name: values[~inside] for name, values in columns.items()},
    )


def _features(
    kept: KeptFeatures, data: FusionSite, folds: np.ndarray, count: int
) -> Mapping[str, np.ndarray]:
    found: dict[tuple[int, int], np.ndarray] = {}
    for fold in range(count + 1):
        part = kept.read(fold)
        if part is not None:
            keys = [(fold, case) for case in part.cases.tolist()]
            found |= dict(zip(keys, np.column_stack([part.features, part.scores]), strict=True))
    wanted = [(fold, p.case) for fold, p in zip(folds.tolist(), data.patients, strict=True)]
    missing = sum(key not in found for key in wanted)
    if missing:
        raise MessageError(
            f"Expected image features of all {len(wanted)} patients, got none of {missing}. "
            "Compute the run's image features again."
        )
    matrix = np.array([found[key] for key in wanted])
    names = (*IMAGE_FEATURES, IMAGE_SCORE)
    return dict(zip(names, matrix.T, strict=True))


def _readers(data: FusionSite) -> Mapping[str, np.ndarray]:
    """Give the readers' calls; of a reader who did not call every patient, none.

    A gap would be filled further on, and nobody makes up what a reader said.
    """
    nobody = np.full(len(data.patients), np.nan)
    columns = {name: np.asarray(data.columns.get(name, nobody)) for name in READERS}
    return {name: nobody if np.isnan(values).any() else values for name, values in columns.items()}
