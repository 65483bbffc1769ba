"""Cox's hazard ratio of a binary covariate, from the counts that a log-rank test uses."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float
from scipy import special

from shared.errors import DataError
from shared.stats.intervals import normal_quantile
from shared.stats.irls import LikelihoodParts, newton_maximise
from shared.stats.logrank import GroupedEventTable


class Ties(StrEnum):
    """How events at one time are ordered."""

    EFRON = "efron"
    BRESLOW = "breslow"


@dataclass(frozen=True)
class HazardRatio:
    """Hazard of the exposed over that of the unexposed.

    Attributes:
        value: The ratio; 0 or infinite when the likelihood has no maximum, NaN without any time
            at which both groups are at risk and an event happens.
        lower: Lower Wald limit; NaN when there is no maximum.
        upper: Upper Wald limit; NaN when there is no maximum.
        p: Two-sided Wald P; NaN when there is no maximum (the log-rank test still has one).
        log_hazard: log(value).
        log_standard_error: Its standard error; NaN when there is no maximum.
        log_likelihood: Partial log-likelihood at the maximum; NaN when there is none.
        null_log_likelihood: Partial log-likelihood at a ratio of 1.
    """

    value: float
    lower: float
    upper: float
    p: float
    log_hazard: float
    log_standard_error: float
    log_likelihood: float
    null_log_likelihood: float


def hazard_ratio(
    table: GroupedEventTable, level: float = 0.95, ties: Ties = Ties.EFRON
) -> HazardRatio:
    """Estimate the hazard ratio of group 1 (exposed) to group 0 (unexposed).

    Source: Cox 1972, JRSS B 34; Efron 1977, JASA 72 (ties); Breslow 1974, Biometrics 30.
    R: `coxph(Surv(time, event) ~ exposed)`.

    Args:
        table: Counts of two groups per time; those of several sites may be added on common times.
        level: Confidence level, in (0, 1).
        ties: Efron unless a paper says Breslow.

    Returns:
        The ratio with interval and P.

    Raises:
        DataError: When there are not two groups, or the level is impossible.
        ConvergenceError: When the fit does not end.

    Example:
        >>> from shared.stats.logrank import grouped_event_table
        >>> t = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        >>> exposed = np.array([1, 0, 1, 0, 1, 0])
        >>> ratio = hazard_ratio(grouped_event_table(t, np.ones(6, dtype=bool), exposed, 2))
        >>> round(ratio.value, 3), round(ratio.p, 3)
        (1.881, 0.493)
    """
    if table.at_risk.shape[0] != 2:  # noqa: PLR2004 - exposed and unexposed
        raise DataError(
            f"Expected two groups, got {table.at_risk.shape[0]}. Compare two at a time, or use the "
            "log-rank test."
        )
    z = normal_quantile(level)
    exposed, unexposed = _risk_sets(table, ties)
    exposed_events = float(table.events[1].sum())

    def parts_at(beta: Float[np.ndarray, " _"]) -> LikelihoodParts:
        return _partial_likelihood(exposed, unexposed, exposed_events, float(beta[0]))

    null = parts_at(np.zeros(1)).value
    certain = float(np.count_nonzero((exposed > 0) & (unexposed <= 0)))
    possible = float(np.count_nonzero(exposed > 0))
    boundary = _boundary(exposed_events, certain, possible)
    if boundary is not None:
        log_hazard = math.log(boundary) if boundary != 0 else -math.inf
        gone = math.nan
        return HazardRatio(boundary, gone, gone, gone, log_hazard, gone, gone, null)
    found = newton_maximise(parts_at, np.zeros(1))
    beta, error = float(found.coefficients[0]), float(found.parts.information[0, 0]) ** -0.5
    return HazardRatio(
        value=math.exp(beta),
        lower=math.exp(beta - z * error),
        upper=math.exp(beta + z * error),
        p=float(2 * special.ndtr(-abs(beta) / error)),
        log_hazard=beta,
        log_standard_error=error,
        log_likelihood=found.parts.value,
        null_log_likelihood=null,
    )


def _risk_sets(
    table: GroupedEventTable, ties: Ties
) -> tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]:
    """Give the exposed and unexposed at risk for each event, one entry per event.

    Efron takes a share l/d of the time's own events out of the risk set of its l-th event.
    """
    died = table.events.sum(axis=0)
    time_of = np.repeat(np.arange(died.size), died)
    earlier = np.arange(time_of.size) - (np.cumsum(died) - died)[time_of]
    share = earlier / died[time_of] if ties is Ties.EFRON else np.zeros(time_of.size)
    sizes = table.at_risk[:, time_of] - share * table.events[:, time_of]
    return sizes[1], sizes[0]


def _partial_likelihood(
    exposed: Float[np.ndarray, " _"],
    unexposed: Float[np.ndarray, " _"],
    exposed_events: float,
    beta: float,
) -> LikelihoodParts:
    """Sum the partial log-likelihood and its derivatives over events."""
    # Scaled by the larger hazard, so that no exponential overflows.
    top = max(beta, 0.0)
    weighted, rest = exposed * math.exp(beta - top), unexposed * math.exp(-top)
    share = weighted / (weighted + rest)
    value = beta * exposed_events - float(np.sum(np.log(weighted + rest) + top))
    return LikelihoodParts(
        value=value,
        gradient=np.array([exposed_events - float(share.sum())]),
        information=np.array([[float(np.sum(share * (1 - share)))]]),
    )


def _boundary(exposed_events: float, certain: float, possible: float) -> float | None:
    """Give the ratio at which a likelihood without maximum keeps rising, or None if it has one.

    As the log ratio grows the score falls from (events - certain) to (events - possible), where
    certain counts events with only the exposed at risk and possible those with any exposed.
    """
    if certain == possible:
        return math.nan
    if exposed_events >= possible:
        return math.inf
    return 0.0 if exposed_events <= certain else None
