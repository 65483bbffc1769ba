"""A site's answers about the table that joins image features and clinic in a run on MRI.

Everything is fitted on the development patients, whose features come from networks that left them
out; scores are about the held-out patients. Nothing is answered about all patients together.
"""

from collections.abc import Mapping

import numpy as np

from client.cross_validation import refuse_other_folds
from client.kept_features import FoldTable, kept_features
from client.kept_scores import KeptScores
from client.local_evaluation import answer_evaluation
from client.local_statistics import answer_statistics
from client.site_settings import SiteSettings
from client.split_table import SplitTable, machine_answer, scores_of_machine, training_moments
from shared.cohort.analysis_columns import EVENT
from shared.cohort.fusion_columns import FUSION_COLUMNS, READERS
from shared.errors import DisclosureError, MessageError, Refusal
from shared.fusion.folds import assign_folds, site_generator
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


def answer_haic(request: HaicRequest, run: RunSettings, site: SiteSettings) -> object:
    """Answer one request about the table, without a look at the images.

    Args:
        request: What the server asks; it names the run whose table is meant.
        run: The coordinator's settings.
        site: The hospital's settings.

    Returns:
        The reply, not yet released.

    Raises:
        DisclosureError: If the answer would show too much.
        DataError: If a column cannot be used.
        SettingsError: If a secret cannot be read.
        MessageError: If features of a fold are missing, the folds are not the run's, or a model
            that comes with the request is damaged.
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
        return _answer_fit(request, _table(request.image_run, run, site), run, site)

    def scores_for(asked: ScoreRequest) -> PatientScores:
        folder = site.work / "scores"
        if not asked.weights:
            return KeptScores(folder, asked.model_digest).read()
        held_out = _table(asked.image_run, run, site).held_out
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


def _table(run_name: str, run: RunSettings, site: SiteSettings) -> SplitTable:
    """Put the run's folds together: the development patients by case number, and the held-out."""
    kept = kept_features(site, run_name)
    found = [kept.read(fold) for fold in range(run.folds + 1)]
    parts = [part for part in found if part is not None]
    if len(parts) < len(found):
        raise MessageError(
            f"Expected image features of {len(found)} folds, got {len(parts)}. "
            "Compute the run's image features again."
        )
    held_out, *folds = parts
    cases = np.concatenate([part.cases for part in folds])
    order = np.argsort(cases, kind="stable")
    training = _joined(folds, order)
    numbers = np.concatenate([np.full(p.cases.size, n) for n, p in enumerate(folds)])[order]
    rng = site_generator(run.seed, site.name)
    dealt = assign_folds(training[EVENT] == 1, run.folds, rng)
    once = np.unique([*cases, *held_out.cases]).size == cases.size + held_out.cases.size
    if not once or not np.array_equal(numbers, dealt):
        raise MessageError(
            "Expected image features of one state of the site's patients, got folds that do not "
            "fit together. Compute the run's image features again."
        )
    gone = _incomplete_readers(parts)
    return SplitTable(
        _without(training, gone), _without(_joined([held_out], np.argsort(held_out.cases)), gone)
    )


def _joined(parts: list[FoldTable], order: np.ndarray) -> dict[str, np.ndarray]:
    return {
        name: np.concatenate([part.columns[name] for part in parts])[order]
        for name in parts[0].columns
        if all(name in part.columns for part in parts)
    }


def _incomplete_readers(parts: list[FoldTable]) -> frozenset[str]:
    """Name the readers who did not call every patient.

    A gap would be filled further on, and nobody makes up what a reader said.
    """
    return frozenset(
        name
        for name in READERS
        if any(name not in part.columns or np.isnan(part.columns[name]).any() for part in parts)
    )


def _without(columns: Mapping[str, np.ndarray], gone: frozenset[str]) -> Mapping[str, np.ndarray]:
    patients = columns[EVENT].size
    return {**columns, **{name: np.full(patients, np.nan) for name in gone}}
