"""The three models of a run on MRI: image alone, clinic alone, and both in one machine.

Source: Quan 2024, Evaluation: the network's score, the logistic model of the significant clinical
variables, and the support vector machine on five image features and the clinical variables. All
three are fitted on the development patients, whose image columns come from networks that left them
out, and travel as machines over the same columns.

Departure: without paper mode the number of cycles is left out of both clinical models, and
laboratory values are logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from server.federated_moments import Columns, PartSizes, fit_preparation, part_sizes
from server.federated_statistics import fit_logistic_models
from server.federated_svm import FederatedSvm, SvmSettings, fit_svm
from shared.aggregation.sum_channel import (
    MINIMUM_SITES,
    PlainSumChannel,
    SumChannel,
    SumTotal,
    over_steady_sites,
)
from shared.cohort.analysis_columns import EVENT, Regressor, paper_model, regressors
from shared.cohort.fusion_columns import IMAGE_FEATURES, IMAGE_SCORE, READERS
from shared.fusion.logistic_scorer import hard_call, logistic_scorer
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm
from shared.messages.exchange import Ask
from shared.messages.sums import SumRequest
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY
from shared.report.haic_models import READERS as READER_NAMES
from shared.settings import RunSettings
from shared.stats.logistic import LogisticFit


@dataclass(frozen=True)
class FederatedLogistic:
    """A logistic model fitted on all sites.

    Attributes:
        model: As a machine; the event is called at the prevalence of the development patients.
        fit: Coefficients and errors, over the patients with a value of every column.
        columns: What the coefficients belong to, in order.
        patients: Development patients.
        events: Those with the event.
        sites: Whose patients they are.
    """

    model: FittedSvm
    fit: LogisticFit
    columns: tuple[str, ...]
    patients: int
    events: int
    sites: tuple[str, ...]


@dataclass(frozen=True)
class HaicModels:
    """The models of one run.

    Attributes:
        image: Logistic regression on the image score.
        clinical: Logistic regression on the paper's clinical variables.
        fusion: Support vector machine on clinical variables and image features.
    """

    image: FederatedLogistic
    clinical: FederatedLogistic
    fusion: FederatedSvm

    def machines(self) -> Mapping[str, FittedSvm]:
        """Give the models as they travel, by name, in the order of a report."""
        return {
            IMAGE_ONLY: self.image.model,
            CLINICAL_ONLY: self.clinical.model,
            FUSION: self.fusion.model,
        }


def fit_models(
    ask: Ask, settings: RunSettings, salt: str, *, minimum_sites: int = MINIMUM_SITES
) -> HaicModels:
    """Fit all three: about 120 exchanges.

    Args:
        ask: The road to the sites; their tables hold the image columns already.
        settings: Folds, seed and paper mode.
        salt: New for every attempt; sites answer so many gradients per fit and salt.
        minimum_sites: Fewer sites in a sum are refused.

    Returns:
        The models.

    Raises:
        HepafedError: What any of the fits raises.
    """
    return HaicModels(
        image=fit_image(ask, minimum_sites=minimum_sites),
        clinical=fit_clinical(ask, settings, minimum_sites=minimum_sites),
        fusion=fit_fusion(ask, settings, salt, minimum_sites=minimum_sites),
    )


def fit_image(ask: Ask, *, minimum_sites: int = MINIMUM_SITES) -> FederatedLogistic:
    """Calibrate the network's score by logistic regression: about a dozen exchanges.

    Raises:
        HepafedError: What an exchange or a fit raises.
    """
    score = Regressor(IMAGE_SCORE, "image score", "per unit")
    return _logistic(PlainSumChannel(ask, minimum_sites), [score])


def fit_clinical(
    ask: Ask, settings: RunSettings, *, minimum_sites: int = MINIMUM_SITES
) -> FederatedLogistic:
    """Fit the paper's clinical model: about two dozen exchanges.

    It is fitted on the patients with a value of every column; of others the median is taken when
    they are scored.

    Raises:
        HepafedError: What an exchange or a fit raises.
    """
    chosen = paper_model(paper_mode=settings.paper_mode)
    return _logistic(PlainSumChannel(ask, minimum_sites), chosen)


def fit_fusion(
    ask: Ask, settings: RunSettings, salt: str, *, minimum_sites: int = MINIMUM_SITES
) -> FederatedSvm:
    """Fit the machine on clinical variables and image features: about 85 exchanges.

    Its folds are those of the network. The features of a training part come from networks of other
    folds, which have seen patients of the fold that is left out; so out-of-fold areas of the
    machine lean a little to the good, and the held-out patients decide.

    Raises:
        HepafedError: What an exchange or a fit raises.
    """
    covariates = regressors(paper_mode=settings.paper_mode)
    columns = Columns(
        (*(r.name for r in covariates), *IMAGE_FEATURES),
        logged=tuple(r.name for r in covariates if r.logged),
        event=EVENT,
    )
    how = SvmSettings(folds=settings.folds, seed=settings.seed, salt=salt)
    return fit_svm(ask, columns, how, minimum_sites=minimum_sites)


def complete_readers(ask: Ask, *, minimum_sites: int = MINIMUM_SITES) -> tuple[str, ...]:
    """Name the readers who called every patient of every site: one exchange.

    Raises:
        HepafedError: What the exchange raises.
    """
    sizes = part_sizes(PlainSumChannel(ask, minimum_sites), Columns(READERS))
    everybody = (sizes.present[0] == sizes.patients[0]) & (sizes.patients[0] > 0)
    return tuple(name for name, complete in zip(READER_NAMES, everybody, strict=True) if complete)


def reader_machines(names: Sequence[str]) -> Mapping[str, FittedSvm]:
    """Give readers' calls as machines, by name."""
    columns = dict(zip(READER_NAMES, READERS, strict=True))
    return {name: hard_call(columns[name]) for name in names}


def _logistic(channel: SumChannel, covariates: Sequence[Regressor]) -> FederatedLogistic:
    names = tuple(r.name for r in covariates)
    logged = tuple(r.name for r in covariates if r.logged)
    seen = _SitesSeen(channel)

    def work(steady: SumChannel) -> tuple[Preparation, PartSizes, LogisticFit]:
        preparation, sizes = fit_preparation(steady, Columns(names, logged, event=EVENT))
        (fit,) = fit_logistic_models(steady, names, EVENT, [names], logged=logged)
        return preparation, sizes, fit

    preparation, sizes, fit = over_steady_sites(seen, work)
    patients, events = int(sizes.patients[0]), int(sizes.events[0])
    model = logistic_scorer(
        preparation, fit.intercept, np.asarray(fit.coefficients), events / patients
    )
    return FederatedLogistic(model, fit, names, patients, events, seen.sites)


class _SitesSeen:
    """A channel that remembers whose shares were in its last sum."""

    def __init__(self, channel: SumChannel) -> None:
        self._channel = channel
        self.sites: tuple[str, ...] = ()

    def __call__(self, request: SumRequest) -> SumTotal:
        total = self._channel(request)
        self.sites = total.sites
        return total
