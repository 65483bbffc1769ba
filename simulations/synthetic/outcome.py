"""From image factors to a RECIST category, with the best AUC any reader could reach."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64
from scipy.special import expit
from scipy.stats import rankdata

from shared.cohort.endpoint import OBJECTIVE_RESPONSE
from shared.vocabulary import RecistResponse
from simulations.synthetic.factors import ImageFactors, draw_factors, outcome_vector

_WEIGHTS = np.array([-0.55, 0.55, -0.45, -0.2, -0.25, -0.1, -0.1, 0.1])
"""Log-odds of objective response per standard deviation of each factor at effect scale 1.

Vital, hypervascular lesions that keep their contrast respond; necrotic, hypovascular lesions
that wash out do not. The order is that of `outcome_vector`. Only necrosis, enhancement and
washout are strong: they are large on the image, so a small network can see them.
"""

_COMPLETE_ABOVE = 3.0
_STABLE_ABOVE = -3.0
"""Cut points of the latent response, in log-odds, that part CR from PR and SD from PD."""

_POPULATION = 20_000
"""Patients of the Monte Carlo population: the AUC's standard error is below 0.003."""


@dataclass(frozen=True)
class Outcome:
    """What happened to a patient, and how likely it was.

    Attributes:
        response: The best response, as drawn.
        probability: True probability of objective response (CR or PR), given the images' causes.
    """

    response: RecistResponse
    probability: float

    @property
    def event(self) -> bool:
        """Tell whether objective response happened."""
        return OBJECTIVE_RESPONSE.is_event(self.response)


def log_odds(factors: ImageFactors, effect_scale: float, log_odds_shift: float) -> float:
    """Give the log-odds of objective response.

    Args:
        factors: What the images show.
        effect_scale: Strength of the signal; 0 makes the outcome a coin toss.
        log_odds_shift: The site's own shift: prevalence that the images do not explain.
    """
    return float(effect_scale * (_WEIGHTS @ outcome_vector(factors)) + log_odds_shift)


def draw_outcome(
    factors: ImageFactors,
    effect_scale: float,
    log_odds_shift: float,
    rng: np.random.Generator,
) -> Outcome:
    """Draw the best response by a proportional-odds model (McCullagh 1980).

    The latent response is the log-odds plus standard logistic noise; it is CR or PR exactly when
    it exceeds 0, so the probability of objective response is the logistic of the log-odds.
    """
    score = log_odds(factors, effect_scale, log_odds_shift)
    latent = score + rng.logistic()
    if latent > _COMPLETE_ABOVE:
        response = RecistResponse.COMPLETE
    elif latent > 0.0:
        response = RecistResponse.PARTIAL
    elif latent > _STABLE_ABOVE:
        response = RecistResponse.STABLE
    else:
        response = RecistResponse.PROGRESSIVE
    return Outcome(response=response, probability=float(expit(score)))


def expected_auc(probability: Float64[np.ndarray, " patient"]) -> float:
    """Give the AUC that the true probabilities reach in expectation over the outcomes.

    This is P(p_i > p_j | i has the event, j has not) + half the ties, each patient counting as
    an event with weight p and as a non-event with weight 1 - p (probability form of the AUC:
    Bamber 1975). No reader of the images can do better: the Bayes AUC.

    Args:
        probability: True probability of the event, each in (0, 1).

    Returns:
        The AUC in [0.5, 1].
    """
    ordered, group = np.unique(probability, return_inverse=True)
    with_event = np.bincount(group, weights=probability, minlength=len(ordered))
    without = np.bincount(group, weights=1.0 - probability, minlength=len(ordered))
    below = np.cumsum(without) - without
    concordant = np.sum(with_event * (below + 0.5 * without))
    return float(concordant / (with_event.sum() * without.sum()))


def drawn_auc(
    probability: Float64[np.ndarray, " patient"], event: Bool[np.ndarray, " patient"]
) -> float:
    """Give the AUC of the true probabilities against outcomes as drawn (Mann-Whitney form).

    Returns:
        The AUC, or NaN when only one class was drawn.
    """
    events = int(event.sum())
    others = len(event) - events
    if events == 0 or others == 0:
        return float("nan")
    ranks = rankdata(probability)
    return float((ranks[event].sum() - events * (events + 1) / 2) / (events * others))


@lru_cache(maxsize=8)
def bayes_auc(effect_scale: float) -> float:
    """Give the Bayes AUC of the population without site shifts, by Monte Carlo (fixed seed)."""
    score = effect_scale * _population_scores()
    return expected_auc(expit(score))


@lru_cache(maxsize=1)
def _population_scores() -> Float64[np.ndarray, " patient"]:
    rng = np.random.default_rng(20_240_607)
    return np.array([_WEIGHTS @ outcome_vector(draw_factors(rng)) for _ in range(_POPULATION)])
