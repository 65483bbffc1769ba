"""A site's columns in two parts, and what may be answered about each.

Whatever has folds belongs to fitting a model and is about the patients that models are fitted on;
scores are about the held-out ones. Shares are read in the clear, so a site refuses what would show
one to four patients, also by subtraction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from client.clinical_site import rotation_secret
from client.fit_ledger import FitLedger
from client.kept_scores import KeptScores
from client.local_moments import answer_moments
from client.local_svm import answer_svm
from client.site_settings import SiteSettings
from shared.cohort.analysis_columns import EVENT
from shared.fusion.standardize import chosen_columns
from shared.fusion.svm import calls, probabilities
from shared.fusion.svm_arrays import svm_from_arrays
from shared.messages.evaluation import PatientScores, ScoreRequest
from shared.messages.moments import MomentsRequest, SiteColumns
from shared.messages.svm import SvmModelRequest, SvmRequest, SvmStep
from shared.privacy.disclosure_rules import refuse_small_parts


@dataclass(frozen=True)
class SplitTable:
    """A site's columns.

    Attributes:
        training: Of the patients that models are fitted on.
        held_out: Of the others.
    """

    training: Mapping[str, np.ndarray]
    held_out: Mapping[str, np.ndarray]


def training_moments(request: MomentsRequest, table: SplitTable, site: SiteSettings) -> object:
    """Answer a request for moments of the patients that models are fitted on.

    Args:
        request: What the server asks.
        table: The site's columns.
        site: The hospital's settings.

    Returns:
        The site's share of the sums.

    Raises:
        DisclosureError: If the answer would show too much.
        DataError: If a column cannot be used.
    """
    # A sum over everybody, less this one, must not be about a few held-out patients.
    rest = chosen_columns(table.held_out, request.columns, request.logged)
    refuse_small_parts(np.sum(~np.isnan(rest), axis=0), site.minimum_count)
    return answer_moments(request, table.training, site.name, minimum=site.minimum_count)


def machine_answer(
    request: SvmRequest | SvmModelRequest, table: SplitTable, site: SiteSettings
) -> object:
    """Answer a request of a fit, and count it before it is answered.

    Args:
        request: What the server asks.
        table: The site's columns.
        site: The hospital's settings.

    Returns:
        The site's share of the sums, or the final weights.

    Raises:
        DisclosureError: If the answer would show too much.
        DataError: If a column cannot be used.
        SettingsError: If the rotation secret cannot be read.
    """
    secret = rotation_secret(site)
    ledger = FitLedger(site.work)
    if isinstance(request, SvmModelRequest):
        if request.point.size:
            ledger.spend_model(request.label, request.point)
    elif request.step is SvmStep.GRADIENT:
        ledger.spend_gradients(request.labels)
    return answer_svm(
        request, table.training, site.name, rotation_secret=secret, minimum=site.minimum_count
    )


def scores_of_machine(
    request: ScoreRequest, held_out: SiteColumns, columns: Sequence[str], folder: Path
) -> PatientScores:
    """Score the held-out patients with a fitted machine and keep the scores.

    Args:
        request: The model's digest and the model.
        held_out: Columns of the held-out patients.
        columns: Every column a model may use, in the order that the server shares.
        folder: Where scores are kept.

    Returns:
        One score, call and outcome per held-out patient.

    Raises:
        MessageError: If the arrays are no machine over these columns.
        DataError: If a column cannot be used.
    """
    model = svm_from_arrays(request.weights, columns)
    scores = PatientScores(
        probabilities(model, held_out), calls(model, held_out), held_out[EVENT] == 1
    )
    KeptScores(folder, request.model_digest).write(scores)
    return scores
