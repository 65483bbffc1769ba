"""A site's part of the statistics: follow-up counts, and the sums of logistic regressions."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float64
from scipy import special

from client.local_moments import flags_of
from shared.aggregation.fixed_point import encode_sums
from shared.errors import DataError, DisclosureError, Refusal
from shared.fusion.standardize import chosen_columns
from shared.messages.moments import SiteColumns
from shared.messages.statistics import (
    FollowUpRequest,
    LogisticRequest,
    LogisticStep,
    StatisticsRequest,
)
from shared.messages.sums import SumReply
from shared.privacy.disclosure_rules import (
    MINIMUM_COUNT,
    refuse_many_parameters,
    refuse_small_cohort,
    site_minimum,
)
from shared.stats.irls import bernoulli_parts

EXTREME_PREDICTOR = 15.0
"""Log odds beyond this (probability under 1e-6) hint at separation."""

TIED_PREDICTOR = 1e-6
"""A direction of length 1 on columns of size 1 that moves a patient less than this ties it."""


def answer_statistics(
    request: StatisticsRequest,
    table: SiteColumns,
    *,
    minimum: int = MINIMUM_COUNT,
    masked: bool = False,
) -> SumReply:
    """Answer one request for statistics.

    Args:
        request: What the server asks.
        table: The site's columns; NaN is missing.
        minimum: The site's minimum count, at least 5.
        masked: Whether a mask hides this share, so that only the total over sites is ever read.
            Without one, day tables are refused, and models with more coefficients than a third
            of the site's patients.

    Returns:
        The site's share of the sums.

    Raises:
        DataError: When a column is missing or cannot be used.
        DisclosureError: When the site has some patients, but fewer than the minimum, or the
            share would show too much unmasked.
        SettingsError: When the minimum is below 5.
    """
    site_minimum(minimum)
    if isinstance(request, FollowUpRequest):
        if not masked:
            raise DisclosureError(
                "Expected a masked sum for counts per day of follow-up, got a sum that the server "
                "could read: a day with an event is one patient's. Turn masked sums on.",
                refusal=Refusal.NEEDS_MASKS,
            )
        values = _follow_up(request, table, minimum)
    else:
        values = _logistic(request, table, minimum, masked=masked)
    return SumReply(encode_sums(request.sums, values))


def _follow_up(request: FollowUpRequest, table: SiteColumns, minimum: int) -> dict[str, np.ndarray]:
    names = [request.time, request.event, *([request.group] if request.group else [])]
    rows = chosen_columns(table, names, ())
    rows = rows[~np.isnan(rows).any(axis=1)]
    refuse_small_cohort(len(rows), minimum)
    days, happened = rows[:, 0], rows[:, 1]
    groups = rows[:, 2] if request.group else np.zeros(len(rows))
    _refuse(
        (days != np.rint(days)) | (days < 0) | (days > request.longest),
        request.time,
        f"whole days from 0 to {request.longest}",
    )
    _refuse((happened != 0) & (happened != 1), request.event, "0 (censored) or 1 (happened)")
    _refuse(
        (groups != np.rint(groups)) | (groups < 0) | (groups >= request.groups),
        request.group,
        f"groups from 0 to {request.groups - 1}",
    )
    cell = (groups.astype(np.int64) * (request.longest + 1)) + days.astype(np.int64)
    shape = (request.groups, request.longest + 1)
    counts = {
        name: np.bincount(cell[happened == flag], minlength=shape[0] * shape[1]).reshape(shape)
        for name, flag in (("events", 1), ("censored", 0))
    }
    return dict(counts)


def _refuse(wrong: Bool[np.ndarray, " patient"], column: str, expected: str) -> None:
    if wrong.any():
        raise DataError(
            f"Expected {expected} in '{column}', got {int(wrong.sum())} other values. "
            "Correct those cells, or leave the patients out."
        )


def _logistic(
    request: LogisticRequest, table: SiteColumns, minimum: int, *, masked: bool
) -> dict[str, np.ndarray]:
    happened = flags_of(table, request.event)
    refuse_small_cohort(happened.size, minimum)
    matrix = chosen_columns(table, request.columns, request.logged)
    answers: dict[str, list[np.ndarray]] = {field.name: [] for field in request.sums}
    for model in _models(request):
        columns = matrix[:, list(model.members)]
        complete = ~np.isnan(columns).any(axis=1)
        if not masked:
            refuse_many_parameters(len(model.members) + 1, int(complete.sum()))
        ones = np.ones((int(complete.sum()), 1))
        design = np.concatenate([ones, columns[complete]], axis=1)
        for name, part in model.sums(request.step, design, happened[complete]).items():
            answers[name].append(np.atleast_1d(part).ravel())
    return {name: np.concatenate(parts) for name, parts in answers.items()}


class _Model:
    """One model of a request."""

    def __init__(
        self,
        members: tuple[int, ...],
        coefficients: Float64[np.ndarray, " _"],
        directions: Float64[np.ndarray, " _"],
    ) -> None:
        self.members, self._coefficients, self._directions = members, coefficients, directions

    def sums(
        self,
        step: LogisticStep,
        design: Float64[np.ndarray, "patient _"],
        happened: Bool[np.ndarray, " patient"],
    ) -> dict[str, np.ndarray]:
        match step:
            case LogisticStep.LIKELIHOOD:
                return self._likelihood(design, happened)
            case LogisticStep.LEVERAGE:
                return {"gradient": self._leverage(design)}
            case LogisticStep.SEPARATION:
                return self._separation(design, happened)

    def _likelihood(
        self, design: Float64[np.ndarray, "patient _"], happened: Bool[np.ndarray, " patient"]
    ) -> dict[str, np.ndarray]:
        parts = bernoulli_parts(design, happened.astype(np.float64), self._coefficients)
        predictor = np.abs(design @ self._coefficients)
        return {
            "patients": np.asarray(happened.size),
            "events": np.asarray(happened.sum()),
            "extreme": np.asarray(np.sum(predictor > EXTREME_PREDICTOR)),
            "value": np.asarray(parts.value),
            "gradient": parts.gradient,
            "information": parts.information,
        }

    def _leverage(self, design: Float64[np.ndarray, "patient _"]) -> Float64[np.ndarray, " _"]:
        """Sum h (1/2 - p) x with h = w x' I^-1 x (Heinze and Schemper 2002, section 2)."""
        size = design.shape[1]
        predictor = design @ self._coefficients
        probability = special.expit(predictor)
        weight = probability * special.expit(-predictor)
        inverse = self._directions.reshape(size, size)
        leverage = weight * np.sum((design @ inverse) * design, axis=1)
        return np.asarray(design.T @ (leverage * (0.5 - probability)))

    def _separation(
        self, design: Float64[np.ndarray, "patient _"], happened: Bool[np.ndarray, " patient"]
    ) -> dict[str, np.ndarray]:
        margin = np.where(happened, 1.0, -1.0) * (design @ self._directions)
        return {
            "misplaced": np.asarray(np.sum(margin < -TIED_PREDICTOR)),
            "placed": np.asarray(np.sum(margin > TIED_PREDICTOR)),
        }


def _models(request: LogisticRequest) -> Iterator[_Model]:
    given_per_model: dict[LogisticStep, Callable[[int], int]] = {
        LogisticStep.LIKELIHOOD: lambda _: 0,
        LogisticStep.LEVERAGE: lambda columns: columns * columns,
        LogisticStep.SEPARATION: lambda columns: columns,
    }
    member = place = given = 0
    for size in request.sizes:
        columns = size + 1
        length = given_per_model[request.step](columns)
        yield _Model(
            request.members[member : member + size],
            request.coefficients[place : place + columns],
            request.directions[given : given + length],
        )
        member, place, given = member + size, place + columns, given + length
