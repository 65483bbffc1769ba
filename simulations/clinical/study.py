"""All statistics of one cohort: divided into sites, computed over them and pooled, and compared."""

import time
from dataclasses import dataclass

from client.clinical_file import ClinicalCohort
from shared.aggregation.sum_channel import MINIMUM_SITES, PlainSumChannel
from shared.cohort.analysis_columns import regressors, site_columns
from shared.errors import DisclosureError, HepafedError
from shared.privacy.disclosure_rules import MINIMUM_COUNT, site_minimum
from simulations.clinical.baseline import Baseline, federated_baseline, pooled_baseline
from simulations.clinical.clinical_models import ClinicalModels, Roc, federated_models
from simulations.clinical.cohort_file import divide, pooled_columns
from simulations.clinical.differences import Difference, differences
from simulations.clinical.masked_sites import MaskedSites
from simulations.clinical.pooled_models import pooled_models
from simulations.clinical.regression import (
    RegressionTable,
    federated_regression,
    pooled_regression,
)
from simulations.clinical.subgroup_survival import (
    SurvivalResults,
    federated_survival,
    pooled_survival,
)

FEDERATED, POOLED = "federated", "pooled"
AREAS = "models: areas and calls"

TOLERANCES = {
    "table 1": 1e-11,
    "table 2": 1e-8,
    "survival": 1e-10,
    AREAS: 1e-11,
    "models: Brier score": 1e-5,
    "models: weights, svm": 2e-5,
    "models: weights, logistic": 1e-8,
}
"""Largest difference expected by table: relative, or absolute where a number is below 1. Counts,
areas and tests differ by rounding alone. The machine's descent stops after 33 gradients: its
weights agree to 2e-5, and calls and areas only if no two patients' scores lie closer than that."""


@dataclass(frozen=True)
class Choices:
    """What a person chose.

    Attributes:
        sites: Sites to deal the patients to; None for the file's site column.
        seed: Of every random choice.
        paper_mode: Whether to do as Quan 2024 did where we depart.
        minimum: Smallest count that is shown.
        show_small: Whether counts below it are shown all the same: the researcher's own data.
        models: Whether the clinical models are trained.
    """

    sites: int | None = None
    seed: int = 1
    paper_mode: bool = False
    minimum: int = MINIMUM_COUNT
    show_small: bool = False
    models: bool = True

    @property
    def smallest_shown(self) -> int:
        """Give the smallest count above 0 that is shown."""
        return 1 if self.show_small else self.minimum


@dataclass(frozen=True)
class Results:
    """The statistics of one way to compute them."""

    baseline: Baseline
    regression: RegressionTable
    survival: SurvivalResults
    models: ClinicalModels | None


@dataclass(frozen=True)
class Statistics:
    """Everything about one cohort.

    Attributes:
        choices: What was chosen.
        site_patients: Patients by site.
        excluded: Rows of the file that were left out.
        results: By "federated" and "pooled".
        rocs: Released curves by model.
        models_refusal: Why there are no models; empty when there are.
        differences: Every number computed twice.
        exchanges: Between the server and the sites, outside the models' training.
        seconds: Wall time of the federated part.
    """

    choices: Choices
    site_patients: dict[str, int]
    excluded: int
    results: dict[str, Results]
    rocs: dict[str, Roc]
    models_refusal: str
    differences: tuple[Difference, ...]
    exchanges: int
    seconds: float


def compute_statistics(cohort: ClinicalCohort, choices: Choices) -> Statistics:
    """Compute all statistics of a cohort, federated and pooled.

    Args:
        cohort: From ``read_clinical_csv``.
        choices: How.

    Returns:
        Both, with their differences.

    Raises:
        DataError: When a site is too small, or one outcome is empty.
        DisclosureError: When an outcome has so few patients that nothing about it may be shown.
        SettingsError: When the minimum count is below 5.
    """
    site_minimum(choices.minimum)
    parts = divide(cohort.table, choices.sites, choices.seed)
    tables = {name: site_columns(part) for name, part in parts.items()}
    started = time.perf_counter()
    sites = MaskedSites(tables, choices.seed)
    minimum_sites = min(MINIMUM_SITES, len(tables))
    channel = PlainSumChannel(sites, minimum_sites)
    covariates = regressors(paper_mode=choices.paper_mode)
    shown = choices.smallest_shown
    baseline = federated_baseline(channel)
    _refuse_small_outcome(baseline, shown)
    regression = federated_regression(channel, covariates)
    survival = federated_survival(channel, shown)
    trained, refusal = None, "" if choices.models else "Left out (--no-models)."
    if choices.models:
        try:
            trained = federated_models(
                sites,
                choices.seed,
                paper_mode=choices.paper_mode,
                minimum_sites=minimum_sites,
                minimum=shown,
            )
        except HepafedError as error:
            refusal = error.message
    seconds = time.perf_counter() - started
    columns = pooled_columns(tables)
    ours = Results(baseline, regression, survival, trained.models if trained else None)
    theirs = Results(
        pooled_baseline(columns),
        pooled_regression(columns, covariates),
        pooled_survival(columns, shown),
        pooled_models(tables, choices.seed, trained.thresholds, paper_mode=choices.paper_mode)
        if trained
        else None,
    )
    return Statistics(
        choices=choices,
        site_patients={name: len(part.responses) for name, part in parts.items()},
        excluded=cohort.excluded,
        results={FEDERATED: ours, POOLED: theirs},
        rocs=trained.rocs if trained else {},
        models_refusal=refusal,
        differences=_compare(ours, theirs),
        exchanges=sites.exchanges,
        seconds=seconds,
    )


def _compare(ours: Results, theirs: Results) -> tuple[Difference, ...]:
    found = [
        *differences("table 1", ours.baseline, theirs.baseline),
        *differences("table 2", ours.regression, theirs.regression),
        *differences("survival", ours.survival.comparisons, theirs.survival.comparisons),
    ]
    if ours.models and theirs.models:
        found += differences(AREAS, _areas(ours.models), _areas(theirs.models))
        found += differences("models: Brier score", _brier(ours.models), _brier(theirs.models))
        for name in ours.models.fits:
            found += differences(
                f"models: weights, {name}", ours.models.fits[name], theirs.models.fits[name]
            )
    return tuple(found)


def _areas(models: ClinicalModels) -> object:
    return {
        "DeLong": models.test,
        **{score.name: (score.auc, score.counts, score.measures) for score in models.scores},
    }


def _brier(models: ClinicalModels) -> object:
    return {score.name: score.brier for score in models.scores}


def _refuse_small_outcome(baseline: Baseline, minimum: int) -> None:
    _, control, progressive = baseline.patients
    if min(control, progressive) < minimum:
        raise DisclosureError(
            f"Expected at least {minimum} patients with either outcome, got fewer with one of "
            "them: every comparison would show them. Pool more patients; for your own data there "
            "is --show-small-counts."
        )
