"""Logistic regression for clinical tables: odds ratios with interval and P, or Firth's instead.

When a covariate separates the classes the likelihood has no maximum and Wald's numbers are
fiction; the fit is then answered by Firth's penalised likelihood, and says so.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from shared.errors import ConvergenceError
from shared.stats.covariates import design_with_intercept
from shared.stats.firth import maximise_penalised
from shared.stats.firth_profile import profile
from shared.stats.intervals import normal_quantile
from shared.stats.irls import Maximum, bernoulli_parts, newton_maximise, solve_information
from shared.stats.separation import separates

SUSPICIOUS_PREDICTOR = 15.0
"""A fitted log odds beyond this (P < 1e-6) is worth the linear programme that proves separation."""

ENTRY_P = 0.05
"""Quan 2024, Table 2: a variable enters the multivariable model when its univariable P is below."""


class FitMethod(StrEnum):
    """Which likelihood was maximised."""

    MAXIMUM_LIKELIHOOD = "maximum likelihood"
    FIRTH = "Firth's penalised likelihood"


@dataclass(frozen=True)
class LogisticFit:
    """A fitted logistic model; one entry per covariate, the intercept apart.

    Attributes:
        method: Maximum likelihood with Wald's interval and P, or, under separation, Firth's
            penalised likelihood with profile interval and likelihood-ratio P.
        intercept: Log odds at covariates of 0.
        coefficients: Log odds ratios per unit of the covariate.
        standard_errors: Their standard errors.
        odds_ratios: exp(coefficients).
        lower: Lower limits of the odds ratios.
        upper: Upper limits of the odds ratios; infinite where the profile never comes down.
        p: Two-sided P.
        covariance: Covariance of the intercept (first) and the coefficients.
        log_likelihood: At the maximum; penalised for Firth.
        iterations: Newton steps taken.
        patients: Patients in the fit.
        events: Patients with the event.
    """

    method: FitMethod
    intercept: float
    coefficients: Float[np.ndarray, " feature"]
    standard_errors: Float[np.ndarray, " feature"]
    odds_ratios: Float[np.ndarray, " feature"]
    lower: Float[np.ndarray, " feature"]
    upper: Float[np.ndarray, " feature"]
    p: Float[np.ndarray, " feature"]
    covariance: Float[np.ndarray, "_ _"]
    log_likelihood: float
    iterations: int
    patients: int
    events: int

    @property
    def events_per_variable(self) -> float:
        """Patients of the rarer class per covariate; below 10 the ratios are shaky."""
        rarer = min(self.events, self.patients - self.events)
        return rarer / self.coefficients.size if self.coefficients.size else math.inf


@dataclass(frozen=True)
class StepwiseFit:
    """Univariable fits, and the multivariable fit of those that entered.

    Attributes:
        univariable: One fit per covariate, in order.
        entered: Columns that entered the multivariable model, in order.
        multivariable: That model; None when nothing entered.
    """

    univariable: tuple[LogisticFit, ...]
    entered: tuple[int, ...]
    multivariable: LogisticFit | None


def fit_logistic(
    features: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    level: float = 0.95,
) -> LogisticFit:
    """Regress the log odds of the event on covariates, with an intercept.

    Source: Hosmer, Lemeshow and Sturdivant 2013, chapters 1 and 2 (Wald); separation by linear
    programme (see `separation`), answered as in Heinze and Schemper 2002 (see `firth`).
    R: `glm(family = binomial)`, `logistf`.

    Args:
        features: One row per patient, one column per covariate; finite.
        events: Whether the event happened.
        level: Confidence level, in (0, 1).

    Returns:
        The fit, by maximum likelihood where it exists.

    Raises:
        DataError: When a value is not finite, one class is empty, or a column is constant or a
            combination of others.
        ConvergenceError: When neither likelihood reaches a maximum.

    Example:
        >>> thrombus = np.repeat([1.0, 1.0, 0.0, 0.0], [15, 63, 2, 47])[:, np.newaxis]
        >>> events = np.repeat([True, False, True, False], [15, 63, 2, 47])
        >>> fit = fit_logistic(thrombus, events)
        >>> round(float(fit.odds_ratios[0]), 3), round(float(fit.p[0]), 3), fit.method.value
        (5.595, 0.027, 'maximum likelihood')
    """
    design = design_with_intercept(features, events)
    z = normal_quantile(level)
    targets = events.astype(np.float64)
    found = _maximum_unless_separated(design, targets, events)
    if found is None:
        return _firth_fit(design, events, level)
    covariance = solve_information(found.parts.information, np.eye(design.shape[1]))
    coefficients = found.coefficients[1:]
    errors = np.sqrt(np.diagonal(covariance))[1:]
    return LogisticFit(
        method=FitMethod.MAXIMUM_LIKELIHOOD,
        intercept=float(found.coefficients[0]),
        coefficients=coefficients,
        standard_errors=errors,
        odds_ratios=_ratio(coefficients),
        lower=_ratio(coefficients - z * errors),
        upper=_ratio(coefficients + z * errors),
        p=2 * special.ndtr(-np.abs(coefficients) / errors),
        covariance=covariance,
        log_likelihood=found.parts.value,
        iterations=found.iterations,
        patients=events.size,
        events=int(np.count_nonzero(events)),
    )


def fit_stepwise(
    features: Float[np.ndarray, "patient feature"],
    events: Bool[np.ndarray, " patient"],
    entry_p: float = ENTRY_P,
    level: float = 0.95,
) -> StepwiseFit:
    """Fit each covariate alone, then together those whose univariable P is below the entry.

    Source: Quan 2024, Table 2.

    Args:
        features: One row per patient, one column per covariate; finite.
        events: Whether the event happened.
        entry_p: Univariable P below which a covariate enters.
        level: Confidence level, in (0, 1).

    Returns:
        All fits.

    Raises:
        DataError: As `fit_logistic`.
        ConvergenceError: As `fit_logistic`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> features = rng.normal(size=(200, 2))
        >>> events = rng.random(200) < special.expit(2 * features[:, 1])
        >>> fit_stepwise(features, events).entered
        (1,)
    """
    univariable = tuple(
        fit_logistic(features[:, [column]], events, level) for column in range(features.shape[1])
    )
    entered = tuple(column for column, fit in enumerate(univariable) if fit.p[0] < entry_p)
    multivariable = fit_logistic(features[:, list(entered)], events, level) if entered else None
    return StepwiseFit(univariable, entered, multivariable)


def _maximum_unless_separated(
    design: Float[np.ndarray, "patient _"],
    targets: Float[np.ndarray, " patient"],
    events: Bool[np.ndarray, " patient"],
) -> Maximum | None:
    """Maximise the likelihood; None when it is proven to have no maximum."""
    try:
        found = newton_maximise(
            lambda beta: bernoulli_parts(design, targets, beta), np.zeros(design.shape[1])
        )
    except ConvergenceError:
        if separates(design, events):
            return None
        raise
    suspicious = float(np.abs(design @ found.coefficients).max()) > SUSPICIOUS_PREDICTOR
    return None if suspicious and separates(design, events) else found


def _firth_fit(
    design: Float[np.ndarray, "patient _"], events: Bool[np.ndarray, " patient"], level: float
) -> LogisticFit:
    """Answer separation by Firth's fit, with profile intervals and likelihood-ratio P."""
    found = maximise_penalised(design, events)
    profiles = [
        profile(design, events, found, column, level) for column in range(1, design.shape[1])
    ]
    covariance = solve_information(found.information, np.eye(design.shape[1]))
    return LogisticFit(
        method=FitMethod.FIRTH,
        intercept=float(found.coefficients[0]),
        coefficients=found.coefficients[1:],
        standard_errors=np.sqrt(np.diagonal(covariance))[1:],
        odds_ratios=_ratio(found.coefficients[1:]),
        lower=_ratio(np.array([p.lower for p in profiles])),
        upper=_ratio(np.array([p.upper for p in profiles])),
        p=np.array([p.p for p in profiles]),
        covariance=covariance,
        log_likelihood=found.log_likelihood,
        iterations=found.iterations,
        patients=events.size,
        events=int(np.count_nonzero(events)),
    )


def _ratio(log_ratio: Float[np.ndarray, " feature"]) -> Float[np.ndarray, " feature"]:
    """Exponentiate; a ratio beyond the largest float is infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(log_ratio))
