"""The server's part of the support vector machine: descent on sums, in bases it cannot read.

What leaves a site: per fit and exchange one loss and one gradient; counts of out-of-fold scores;
three sums of a logistic curve. No second-order sums: differences of Hessians give single patients
away even when only totals are seen. At most 33 gradients per fit, each fit in a basis of its own
that only the sites know. With 32 features and more, 33 gradients are too few to solve for the
affine map of a region, so that no residual can be read; with fewer features the basis alone keeps
what could be read from being a patient's values.
"""

from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from jaxtyping import Float64

from server.federated_moments import Columns, PartSizes, fit_preparation
from server.svm_exchanges import (
    Descent,
    calibrate,
    check_secrets,
    descend,
    empty_request,
    out_of_fold,
    score_cells,
    turn_back,
)
from shared.aggregation.pooled_evaluation import auc_of_cells
from shared.aggregation.sum_channel import (
    MINIMUM_SITES,
    PlainSumChannel,
    SumChannel,
    SumTotal,
    over_steady_sites,
)
from shared.errors import DataError
from shared.fusion.lbfgs import Minimum
from shared.fusion.operating_point import area_or_nan, choose_penalty, youden_threshold
from shared.fusion.standardize import Preparation
from shared.fusion.svm import LINEAR, FittedSvm
from shared.messages.exchange import Ask
from shared.messages.sums import SumRequest
from shared.stats.delong import AucEstimate

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1)
"""C to choose from. Above 0.1 the capped descent is no longer exact for small cohorts, and the
cross-validated area of synthetic cohorts peaked at 0.01."""

MOST_GRADIENTS = 33
"""Per fit: as many as a linear model of 32 features has coordinates."""


@dataclass(frozen=True)
class SvmSettings:
    """How a machine is fitted.

    Attributes:
        penalties: C to choose from by cross-validation, rising.
        folds: Of the cross-validation, inside every site.
        balanced: Whether the classes count alike.
        youden: Whether the threshold maximises sensitivity + specificity of out-of-fold scores
            (Youden 1950, Cancer 3); else it is 0.
        degree: 1 for linear, 2 for second-order kernel features.
        gradients: Largest number of gradients per fit.
        seed: Of the folds.
        salt: Names the run; mixed into the names of the secret bases.
    """

    penalties: tuple[float, ...] = PENALTIES
    folds: int = 5
    balanced: bool = True
    youden: bool = True
    degree: int = LINEAR
    gradients: int = MOST_GRADIENTS
    seed: int = 0
    salt: str = "run"


@dataclass(frozen=True)
class FederatedSvm:
    """A machine fitted on all sites, and how it was chosen.

    Attributes:
        model: The machine.
        penalty: The chosen C.
        fold_aucs: Area per penalty and fold; NaN where a fold has one class.
        out_of_fold_auc: Area of all out-of-fold scores of the chosen C.
        descent: Of the final fit: evaluations, largest gradient, whether it converged.
        patients: Trained on.
        events: Those with the event.
        sites: Whose patients they are.
        exchanges: Exchanges with the sites.
        words_per_site: 64-bit words each site sent.
    """

    model: FittedSvm
    penalty: float
    fold_aucs: Float64[np.ndarray, "penalty fold"]
    out_of_fold_auc: AucEstimate
    descent: Minimum
    patients: int
    events: int
    sites: tuple[str, ...]
    exchanges: int
    words_per_site: int


def fit_svm(
    ask: Ask,
    columns: Columns,
    settings: SvmSettings,
    *,
    minimum_sites: int = MINIMUM_SITES,
) -> FederatedSvm:
    """Fit a machine: preparation, cross-validation, threshold, calibration, final fit.

    About 85 exchanges; the fits of all penalties and folds share theirs. When a site drops out
    the fit starts again with the others, in new bases.

    Args:
        ask: The road to the sites.
        columns: What the features are made of; ``event`` names the outcome, its folds are
            replaced by those of the settings.
        settings: How to fit.
        minimum_sites: Fewer sites in a sum are refused.

    Returns:
        The machine and how it was chosen.

    Raises:
        DataError: If a column has no values, one class is empty, or the folds have too few events.
        MessageError: If the sites do not hold the same rotation secret.
        QuorumError: If too few sites answered, or they kept coming and going.
        DisclosureError: If fewer than ``minimum_sites`` answered.
        ConvergenceError: If the calibration has no maximum.
    """
    channel = _MeteredChannel(PlainSumChannel(ask, minimum_sites))
    attempts = count()

    def work(steady: SumChannel) -> FederatedSvm:
        # A new attempt has other sites in its sums; in old bases the two could be compared.
        salt = f"{settings.salt}/{next(attempts)}"
        check_secrets(ask, salt)
        return _fit(ask, steady, columns, replace(settings, salt=salt))

    result = over_steady_sites(channel, work)
    # Each attempt asked twice beside the sums: for the secrets' check, and for the weights.
    asked = channel.exchanges + next(attempts) + 1
    return replace(result, exchanges=asked, words_per_site=channel.words)


def _fit(ask: Ask, channel: SumChannel, columns: Columns, settings: SvmSettings) -> FederatedSvm:
    columns = replace(columns, folds=settings.folds, seed=settings.seed)
    preparation, sizes = fit_preparation(channel, columns)
    _check_classes(sizes)
    how = Descent(settings.balanced, settings.gradients, settings.salt)
    request = empty_request(columns, preparation, settings.degree)
    wanted = [(c, part + 1) for c in settings.penalties for part in range(settings.folds)]
    fits = descend(channel, request, sizes, how, wanted)
    by_fold = score_cells(
        channel, out_of_fold(request, settings.salt, fits), list(range(len(fits)))
    )
    areas = np.array([area_or_nan(cells) for cells in by_fold])
    areas = areas.reshape(len(settings.penalties), settings.folds)
    penalty = choose_penalty(settings.penalties, areas)
    chosen = out_of_fold(request, settings.salt, [fit for fit in fits if fit.penalty == penalty])
    (cells,) = score_cells(channel, chosen, [0] * settings.folds)
    slope, intercept = calibrate(channel, chosen, sizes)
    (final,) = descend(channel, request, sizes, how, [(penalty, 0)])
    weights, sites = turn_back(ask, settings.salt, settings.degree, final)
    model = FittedSvm(
        preparation=_everybody(preparation),
        degree=settings.degree,
        weights=weights,
        slope=slope,
        intercept=intercept,
        threshold=youden_threshold(cells) if settings.youden else 0.0,
    )
    return FederatedSvm(
        model=model,
        penalty=penalty,
        fold_aucs=areas,
        out_of_fold_auc=auc_of_cells(cells),
        descent=final.minimum,
        patients=int(sizes.patients[0]),
        events=int(sizes.events[0]),
        sites=sites,
        exchanges=0,
        words_per_site=0,
    )


def _check_classes(sizes: PartSizes) -> None:
    others = sizes.patients - sizes.events
    if min(sizes.events.min(), others.min()) < 1:
        raise DataError(
            f"Expected patients with and without the event in every training part, got "
            f"{int(sizes.events[0])} with and {int(others[0])} without in all. "
            "Use fewer folds, or wait for more patients."
        )


def _everybody(preparation: Preparation) -> Preparation:
    """Keep the numbers that were fitted on everybody."""
    return replace(
        preparation,
        medians=preparation.medians[:1],
        centres=preparation.centres[:1],
        scales=preparation.scales[:1],
    )


class _MeteredChannel:
    """A channel that counts exchanges and words."""

    def __init__(self, channel: SumChannel) -> None:
        self._channel = channel
        self.exchanges = 0
        self.words = 0

    def __call__(self, request: SumRequest) -> SumTotal:
        self.exchanges += 1
        self.words += sum(field.words for field in request.sums)
        return self._channel(request)
