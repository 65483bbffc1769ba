"""Several logistic regressions over sites, in the same exchanges.

What leaves a site per model and exchange: log-likelihood, gradient, information, and the number of
patients with extreme log odds. A model without maximum is answered by Firth's penalised
likelihood, whose extra gradient needs each patient's leverage: the server sends the inverse
information and gets one more sum.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from scipy import special

from shared.aggregation.lockstep import run_together
from shared.aggregation.newton import Climb, newton_climb
from shared.aggregation.sum_channel import SumChannel
from shared.errors import ConvergenceError, DataError
from shared.fusion.lbfgs import Evaluation, lbfgs
from shared.messages.statistics import LogisticRequest, LogisticStep
from shared.stats.intervals import normal_quantile
from shared.stats.irls import LikelihoodParts, solve_information
from shared.stats.logistic import FitMethod, LogisticFit

MOST_FIRTH = 200
"""Points of a climb of Firth's likelihood; twenty are usual."""

FIRTH_TOLERANCE = 1e-9
"""Largest gradient component, per standard error."""

Vector = Float64[np.ndarray, " feature"]


@dataclass(frozen=True)
class _Sums:
    """What the sites answered for one model at one point."""

    patients: int
    events: int
    extreme: int
    parts: LikelihoodParts


class LogisticExchange:
    """The road of several models' sums; remembers the last answer of each."""

    def __init__(
        self,
        channel: SumChannel,
        request: LogisticRequest,
        models: Sequence[tuple[int, ...]],
    ) -> None:
        self._channel, self._request, self._models = channel, request, models
        self.last: dict[int, _Sums] = {}

    def likelihood(self, points: Mapping[int, Vector]) -> dict[int, LikelihoodParts]:
        """Give value, gradient and information of some models."""
        values = self._ask(LogisticStep.LIKELIHOOD, points, {})
        gradients = _cut(values["gradient"], [p.size for p in points.values()])
        squares = _cut(values["information"], [p.size**2 for p in points.values()])
        for row, (model, point) in enumerate(points.items()):
            self.last[model] = _Sums(
                int(values["patients"][row]),
                int(values["events"][row]),
                int(values["extreme"][row]),
                LikelihoodParts(
                    float(values["value"][row]),
                    gradients[row],
                    squares[row].reshape(point.size, point.size),
                ),
            )
        return {model: self.last[model].parts for model in points}

    def leverage(
        self, points: Mapping[int, Vector], inverses: Mapping[int, Float64[np.ndarray, "_ _"]]
    ) -> dict[int, Vector]:
        """Give the gradient of Firth's penalty for some models."""
        values = self._ask(LogisticStep.LEVERAGE, points, inverses)
        gradients = _cut(values["gradient"], [p.size for p in points.values()])
        return dict(zip(points, gradients, strict=True))

    def separated(self, directions: Mapping[int, Vector]) -> dict[int, bool]:
        """Say for which models a direction places patients and misplaces none."""
        points = {model: np.zeros_like(d) for model, d in directions.items()}
        values = self._ask(LogisticStep.SEPARATION, points, directions)
        found = (values["misplaced"] == 0) & (values["placed"] > 0)
        return dict(zip(directions, found.tolist(), strict=True))

    def _ask(
        self,
        step: LogisticStep,
        points: Mapping[int, Vector],
        directions: Mapping[int, np.ndarray],
    ) -> Mapping[str, np.ndarray]:
        members = [self._models[model] for model in points]
        flat = [np.ravel(directions[model]) for model in points if model in directions]
        return self._channel(
            replace(
                self._request,
                step=step,
                members=tuple(place for chosen in members for place in chosen),
                sizes=tuple(len(chosen) for chosen in members),
                coefficients=np.concatenate(list(points.values())),
                directions=np.concatenate(flat) if flat else np.zeros(0),
            )
        ).values


def fit_models(
    channel: SumChannel,
    request: LogisticRequest,
    models: Sequence[tuple[int, ...]],
    level: float,
) -> list[LogisticFit]:
    """Fit all models: by maximum likelihood, or by Firth's where that has no maximum.

    Raises:
        DataError: When one class of some model is empty.
        ConvergenceError: When a model without proven separation does not converge.
    """
    exchange = LogisticExchange(channel, request, models)
    starts = [np.zeros(len(chosen) + 1) for chosen in models]
    climbs = run_together([newton_climb(start) for start in starts], exchange.likelihood)
    sums = dict(exchange.last)
    for model, total in sums.items():
        if not 0 < total.events < total.patients:
            raise DataError(
                f"Expected complete patients with and without the event in model {model + 1}, got "
                f"{total.events} with and {total.patients - total.events} without. "
                "Leave out columns with many gaps."
            )
    doubtful = {
        model: _unit(climb)
        for model, climb in enumerate(climbs)
        if not climb.converged or sums[model].extreme
    }
    separated = exchange.separated(doubtful) if doubtful else {}
    for model, climb in enumerate(climbs):
        if not climb.converged and not separated[model]:
            raise ConvergenceError(
                f"Expected model {model + 1} to reach its maximum, got none after {climb.steps} "
                "steps. Leave out constant columns and columns that nearly repeat others."
            )
    return [
        _firth(exchange, model, sums[model])
        if separated.get(model, False)
        else _wald(climb, sums[model], level)
        for model, climb in enumerate(climbs)
    ]


def _unit(climb: Climb) -> Vector:
    """Scale the last step so that its effect on a patient is of order 1."""
    largest = float(np.abs(climb.step).max())
    return climb.step / largest if largest else climb.step


def _cut(flat: Float64[np.ndarray, " _"], lengths: Sequence[int]) -> list[np.ndarray]:
    return np.split(flat, np.cumsum(lengths)[:-1])


def _wald(climb: Climb, sums: _Sums, level: float) -> LogisticFit:
    """Give odds ratios with Wald's interval and P (Hosmer, Lemeshow and Sturdivant 2013)."""
    z = normal_quantile(level)
    covariance = solve_information(climb.parts.information, np.eye(climb.coefficients.size))
    coefficients, errors = climb.coefficients[1:], np.sqrt(np.diagonal(covariance))[1:]
    return LogisticFit(
        method=FitMethod.MAXIMUM_LIKELIHOOD,
        intercept=float(climb.coefficients[0]),
        coefficients=coefficients,
        standard_errors=errors,
        odds_ratios=np.exp(coefficients),
        lower=np.exp(coefficients - z * errors),
        upper=np.exp(coefficients + z * errors),
        p=2 * special.ndtr(-np.abs(coefficients) / errors),
        covariance=covariance,
        log_likelihood=climb.parts.value,
        iterations=climb.steps,
        patients=sums.patients,
        events=sums.events,
    )


def _firth(exchange: LogisticExchange, model: int, sums: _Sums) -> LogisticFit:
    """Fit by Firth's likelihood; P by its ratio, limits left out.

    The limits of the profile would take hundreds of exchanges; Wald's would be wrong.
    Sources: Firth 1993, Biometrika 80; Heinze and Schemper 2002, Statistics in Medicine 21.
    """
    size = sums.parts.gradient.size
    free = _climb_firth(exchange, model, size, None)
    held = [_climb_firth(exchange, model, size, column) for column in range(1, size)]
    ratios = np.array([2 * (free.value - other.value) for other in held])
    covariance = solve_information(free.information, np.eye(size))
    gone = np.full(size - 1, math.nan)
    return LogisticFit(
        method=FitMethod.FIRTH,
        intercept=float(free.point[0]),
        coefficients=free.point[1:],
        standard_errors=np.sqrt(np.diagonal(covariance))[1:],
        odds_ratios=np.exp(free.point[1:]),
        lower=gone,
        upper=gone,
        p=np.asarray(special.chdtrc(1, np.maximum(ratios, 0))),
        covariance=covariance,
        log_likelihood=free.value,
        iterations=free.evaluations,
        patients=sums.patients,
        events=sums.events,
    )


@dataclass(frozen=True)
class _FirthPoint:
    """The maximum of the penalised likelihood, one coefficient held at 0 or none."""

    point: Vector
    value: float
    information: Float64[np.ndarray, "feature feature"]
    evaluations: int


def _climb_firth(
    exchange: LogisticExchange, model: int, size: int, held: int | None
) -> _FirthPoint:
    """Climb in coordinates of unit information, which a quasi-Newton search likes."""
    start = exchange.likelihood({model: np.zeros(size)})[model]
    free = [column for column in range(size) if column != held]
    within = np.ix_(free, free)
    root = np.linalg.cholesky(start.information[within])
    seen: dict[bytes, tuple[float, Float64[np.ndarray, "feature feature"]]] = {}

    def place(coordinates: Float64[np.ndarray, " _"]) -> Float64[np.ndarray, " _"]:
        point = np.zeros(size)
        point[free] = np.linalg.solve(root.T, coordinates)
        return point

    def evaluate(points: Mapping[int, Vector]) -> dict[int, Evaluation]:
        answers: dict[int, Evaluation] = {}
        for number, coordinates in points.items():
            point = place(coordinates)
            parts = exchange.likelihood({model: point})[model]
            inverse = solve_information(parts.information, np.eye(size))
            lean = exchange.leverage({model: point}, {model: inverse})[model]
            value = parts.value + 0.5 * float(np.linalg.slogdet(parts.information)[1])
            seen[coordinates.tobytes()] = (value, parts.information)
            slope = np.linalg.solve(root, (parts.gradient + lean)[free])
            answers[number] = Evaluation(-value, -slope)
        return answers

    search = lbfgs(np.zeros(len(free)), 1.0, MOST_FIRTH, FIRTH_TOLERANCE)
    (minimum,) = run_together([search], evaluate)
    if minimum.largest_gradient > 1e-6:  # noqa: PLR2004 - a thousandth of a standard error squared
        raise ConvergenceError(
            f"Expected Firth's likelihood of model {model + 1} to reach its maximum, got none "
            f"after {minimum.evaluations} points. Use fewer columns."
        )
    value, information = seen[minimum.point.tobytes()]
    return _FirthPoint(place(minimum.point), value, information, minimum.evaluations)
