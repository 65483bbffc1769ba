"""A site's part of the support vector machine: losses, gradients and out-of-fold counts."""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import special

from client.local_moments import flags_of
from shared.aggregation.fixed_point import encode_sums
from shared.fusion.calibration import platt_parts
from shared.fusion.folds import assign_folds, site_generator
from shared.fusion.rotation import rotation, secret_check
from shared.fusion.standardize import Preparation, prepare
from shared.fusion.svm import (
    LINEAR,
    Rows,
    lift,
    loss_and_gradient,
    rotate,
    turned_coordinates,
)
from shared.messages.moments import SiteColumns
from shared.messages.sums import SumReply
from shared.messages.svm import SvmModelReply, SvmModelRequest, SvmRequest, SvmStep
from shared.privacy.disclosure_rules import MINIMUM_COUNT, refuse_small_cohort, site_minimum


def answer_svm(
    request: SvmRequest | SvmModelRequest,
    table: SiteColumns,
    site: str,
    *,
    rotation_secret: bytes,
    minimum: int = MINIMUM_COUNT,
) -> SumReply | SvmModelReply:
    """Answer one request of a fit.

    Args:
        request: What the server asks.
        table: The site's columns.
        site: The site's name, mixed into the folds.
        rotation_secret: At least 16 bytes that every site holds and the server does not.
        minimum: The site's minimum count, at least 5.

    Returns:
        The site's share of the sums, or the final weights in the clinical basis.

    Raises:
        DataError: When a column cannot be used or the secret is too short.
        DisclosureError: When the site has some patients, but fewer than the minimum.
        SettingsError: When the minimum is below 5.
        MessageError: When a sum does not fit its words.
    """
    site_minimum(minimum)
    if isinstance(request, SvmModelRequest):
        return _turn_back(request, rotation_secret)
    events = flags_of(table, request.event)
    refuse_small_cohort(events.size, minimum)
    cohort = _Cohort(request, table, events, _folds(request, events, site), rotation_secret)
    return SumReply(encode_sums(request.sums, cohort.sums()))


class _Cohort:
    """One site's patients under one request; features are made once per training part."""

    def __init__(
        self,
        request: SvmRequest,
        table: SiteColumns,
        events: Bool[np.ndarray, " patient"],
        folds: Int64[np.ndarray, " patient"],
        secret: bytes,
    ) -> None:
        self._request, self._events, self._folds, self._secret = request, events, folds, secret
        preparation = Preparation(
            request.columns,
            request.logged,
            request.indicated,
            request.medians,
            request.centres,
            request.scales,
        )
        self._features = {
            part: lift(prepare(table, preparation, part), request.degree)
            for part in set(request.parts)
        }
        self._turned = turned_coordinates(request.centres.shape[1], request.degree)

    def _rows(self, fit: int, *, training: bool) -> Rows:
        part = self._request.parts[fit]
        design, widths = self._features[part]
        outside = self._folds != part - 1  # part 0 leaves nobody out: no fold is -1
        chosen = outside if training else ~outside
        basis = _basis(self._secret, self._request.labels[fit], self._turned)
        events = self._events[chosen]
        return Rows(
            design=rotate(design[chosen], basis),
            widths=widths[chosen],
            signs=np.where(events, 1.0, -1.0),
            weights=np.where(events, *self._request.class_weights[fit]),
        )

    def sums(self) -> dict[str, np.ndarray]:
        match self._request.step:
            case SvmStep.GRADIENT:
                return self._gradients()
            case SvmStep.CELLS:
                return self._cells()
            case SvmStep.CALIBRATION:
                return self._calibration()

    def _gradients(self) -> dict[str, np.ndarray]:
        request = self._request
        parts = [
            loss_and_gradient(
                self._rows(fit, training=True), request.points[fit], request.penalties[fit]
            )
            for fit in range(len(request.parts))
        ]
        return {
            "loss": np.array([loss for loss, _ in parts]),
            "gradient": np.array([gradient for _, gradient in parts]),
        }

    def _out_of_fold(
        self, fits: list[int]
    ) -> tuple[Float64[np.ndarray, " patient"], Bool[np.ndarray, " patient"]]:
        rows = [self._rows(fit, training=False) for fit in fits]
        values = [r.design @ self._request.points[fit] for r, fit in zip(rows, fits, strict=True)]
        return np.concatenate(values), np.concatenate([r.signs > 0 for r in rows])

    def _cells(self) -> dict[str, np.ndarray]:
        request = self._request
        counts = np.zeros((2, request.edges.size - 1), dtype=np.int64)
        end = 0
        for number, size in enumerate(request.edges_per_set):
            start, end = end, end + size
            fits = [fit for fit, chosen in enumerate(request.sets) if chosen == number]
            values, events = self._out_of_fold(fits)
            place = np.searchsorted(request.edges[start:end], special.expit(values), "right") - 1
            inside = (place >= 0) & (place < size - 1)
            for row, flags in enumerate((events, ~events)):
                filled = np.bincount(place[inside & flags], minlength=size - 1)
                counts[row, start : end - 1] = filled
        return {"cells": counts}

    def _calibration(self) -> dict[str, np.ndarray]:
        values, events = self._out_of_fold(list(range(len(self._request.parts))))
        low, high = self._request.targets[::-1].tolist()
        parts = platt_parts(values, events, (high, low), self._request.curve)
        return {
            "value": np.asarray(parts.value),
            "gradient": parts.gradient,
            "information": parts.information,
        }


def _turn_back(request: SvmModelRequest, secret: bytes) -> SvmModelReply:
    check = secret_check(secret, request.salt)
    if not request.point.size:
        return SvmModelReply(check, np.zeros(0))
    turned = request.point.size - (0 if request.degree == LINEAR else 1)
    basis = _basis(secret, request.label, turned)
    weights = np.concatenate([basis.T @ request.point[:turned], request.point[turned:]])
    return SvmModelReply(check, weights)


def _folds(
    request: SvmRequest, events: Bool[np.ndarray, " patient"], site: str
) -> Int64[np.ndarray, " patient"]:
    return assign_folds(events, request.folds, site_generator(request.seed, site))


@lru_cache(maxsize=64)
def _basis(secret: bytes, label: str, size: int) -> Float64[np.ndarray, "coordinate coordinate"]:
    """Draw a basis once per fit: a large one takes longer than the gradient."""
    basis = rotation(secret, label, size)
    basis.flags.writeable = False
    return basis
