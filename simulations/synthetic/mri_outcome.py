"""From image and clinical causes to a RECIST category, with the best AUC of either and of both.

The log-odds of progressive disease are the sum of three parts that are independent in the
population: what only the images show, tumour thrombus (seen by both), what only the clinic knows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from scipy.optimize import brentq
from scipy.special import expit

from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.vocabulary import RecistResponse
from simulations.synthetic.factors import ImageFactors, draw_factors, outcome_vector
from simulations.synthetic.mri_clinical import (
    Baseline,
    clinical_part,
    draw_baseline,
    thrombus_part,
    thrombus_share,
)
from simulations.synthetic.outcome import expected_auc

_IMAGE_WEIGHTS = np.array([0.55, -0.55, 0.45, 0.2, 0.0, 0.0, 0.0, 0.0]) / 1.48
"""Log-odds per standard deviation of each factor; the sum has standard deviation 1.

Necrotic, hypovascular, heterogeneous lesions that wash out progress. Number, size and lipiodol of
the lesions do not matter, so the clinical table's sizes and counts tell nothing of this part.
"""

_PARTIAL_BELOW, _COMPLETE_BELOW = -7.4, -13.5
"""Cut points of the latent progression, in log-odds, that part SD from PR and PR from CR.

At the demonstration's effects they give 4 % CR and 16 % PR, near Quan 2024, Table 1.
"""

_POPULATION = 4000
"""Patients of the Monte Carlo population: an AUC's standard error is below 0.008."""

_PARTNERS = 1000
"""Draws of the unseen parts over which a conditional probability is averaged."""


@dataclass(frozen=True)
class Causes:
    """A patient's three parts of the log-odds, at effect 1 and mean about 0.

    Attributes:
        image: What only the images show.
        thrombus: What tumour thrombus adds; both see it.
        clinical: What only the clinical table knows.
    """

    image: float
    thrombus: float
    clinical: float


@dataclass(frozen=True)
class Effects:
    """How strong the causes are.

    Attributes:
        image: Log-odds per standard deviation of the image's part.
        clinical: Log-odds per standard deviation of thrombus and clinical part together.
        prevalence: Share of progressive disease in the population.
    """

    image: float
    clinical: float
    prevalence: float


@dataclass(frozen=True)
class Probabilities:
    """True probability of progressive disease, by what is known.

    Attributes:
        image_only: Given what the images show, thrombus included.
        clinical_only: Given the clinical table before treatment, thrombus included.
        fusion: Given both.
    """

    image_only: float
    clinical_only: float
    fusion: float


@dataclass(frozen=True)
class BayesAucs:
    """AUC of progressive disease that no reader of the same data can beat in expectation.

    Attributes:
        image_only: From the images.
        clinical_only: From the clinical table before treatment.
        fusion: From both.
    """

    image_only: float
    clinical_only: float
    fusion: float


@dataclass(frozen=True)
class MriOutcome:
    """What happened to a patient, and how likely it was.

    Attributes:
        response: The best response, as drawn.
        probabilities: Of progressive disease, at the patient's site.
    """

    response: RecistResponse
    probabilities: Probabilities

    @property
    def event(self) -> bool:
        """Tell whether the disease progressed."""
        return PROGRESSIVE_DISEASE.is_event(self.response)


def causes_of(factors: ImageFactors, baseline: Baseline) -> Causes:
    """Give the parts of a patient's log-odds."""
    return Causes(
        image=float(_IMAGE_WEIGHTS @ outcome_vector(factors)),
        thrombus=thrombus_part(thrombus=factors.thrombus),
        clinical=clinical_part(baseline),
    )


def draw_mri_outcome(
    causes: Causes, effects: Effects, log_odds_shift: float, rng: np.random.Generator
) -> MriOutcome:
    """Draw the best response by a proportional-odds model (McCullagh 1980).

    The latent progression is the log-odds plus standard logistic noise; it is PD exactly when it
    exceeds 0, so the probability of progressive disease is the logistic of the log-odds.
    """
    intercept = _intercept(effects) + log_odds_shift
    one = np.array([[causes.image, causes.thrombus, causes.clinical]])
    given = _conditional(one, effects, intercept)
    latent = float(_log_odds(one, effects, intercept)[0]) + rng.logistic()
    if latent > 0.0:
        response = RecistResponse.PROGRESSIVE
    elif latent > _PARTIAL_BELOW:
        response = RecistResponse.STABLE
    elif latent > _COMPLETE_BELOW:
        response = RecistResponse.PARTIAL
    else:
        response = RecistResponse.COMPLETE
    return MriOutcome(response, Probabilities(*(float(column[0]) for column in given)))


@lru_cache(maxsize=8)
def bayes_aucs(effects: Effects) -> BayesAucs:
    """Give the Bayes AUCs of the population without site shifts, by Monte Carlo (fixed seed).

    Because the parts are independent, the probability given the images alone is the average of
    the true probability over draws of the clinical part, and likewise the other way round. Each
    is scored by its expected AUC over the outcomes (`outcome.expected_auc`): calibrated
    probabilities have the same expectation whether the others' parts are averaged out or not.
    """
    given = _conditional(_population(), effects, _intercept(effects))
    return BayesAucs(*(expected_auc(column) for column in given))


def _log_odds(
    parts: Float64[np.ndarray, "patient 3"], effects: Effects, intercept: float
) -> Float64[np.ndarray, " patient"]:
    weights = np.array([effects.image, effects.clinical, effects.clinical])
    return np.asarray(intercept + parts @ weights, dtype=np.float64)


def _conditional(
    parts: Float64[np.ndarray, "patient 3"], effects: Effects, intercept: float
) -> tuple[
    Float64[np.ndarray, " patient"],
    Float64[np.ndarray, " patient"],
    Float64[np.ndarray, " patient"],
]:
    """Give the probability by image, by clinic and by both."""
    score = _log_odds(parts, effects, intercept)
    # Population and partners are the same draws: the first thousand are partners.
    unseen_clinical = effects.clinical * _population()[:_PARTNERS, 2]
    unseen_image = effects.image * _population()[:_PARTNERS, 0]
    without_clinical = score - effects.clinical * parts[:, 2]
    without_image = score - effects.image * parts[:, 0]
    return (
        expit(without_clinical[:, None] + unseen_clinical).mean(axis=1),
        expit(without_image[:, None] + unseen_image).mean(axis=1),
        expit(score),
    )


@lru_cache(maxsize=8)
def _intercept(effects: Effects) -> float:
    """Find the intercept that gives the population its prevalence."""
    flat = _log_odds(_population(), effects, 0.0)
    found = brentq(lambda intercept: expit(intercept + flat).mean() - effects.prevalence, -60, 60)
    return round(float(found), 6)


@lru_cache(maxsize=1)
def _population() -> Float64[np.ndarray, "patient 3"]:
    rng = np.random.default_rng(20_240_223)
    parts = np.empty((_POPULATION, 3))
    for row in parts:
        row[0] = _IMAGE_WEIGHTS @ outcome_vector(draw_factors(rng))
        row[1] = thrombus_part(thrombus=bool(rng.random() < thrombus_share()))
        row[2] = clinical_part(draw_baseline(rng))
    return parts
