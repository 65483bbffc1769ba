"""A site's part of an evaluation: sums over its held-out patients, and what it releases alone."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int64

from shared.aggregation.fixed_point import encode_sums
from shared.aggregation.score_cells import first_edges
from shared.errors import DataError
from shared.messages.evaluation import (
    FIRST_CELLS,
    CellsRequest,
    EvaluationRequest,
    PatientScores,
    PlacementRequest,
    ScoreRequest,
    SiteResultReply,
    SiteResultRequest,
)
from shared.messages.sums import SumReply
from shared.privacy.disclosure_rules import (
    MINIMUM_COUNT,
    may_release_auc,
    may_release_count,
    may_release_parts,
    site_minimum,
)
from shared.stats.confusion import confusion_counts
from shared.stats.delong import auc_delong

SMALLEST_PROBABILITY = 1e-12
"""Log loss takes no probability nearer to 0 or 1: one such patient would decide the mean."""

ScoresFor = Callable[[ScoreRequest], PatientScores]
"""Gives the site's held-out patients under a model; later requests carry no weights."""


def answer_evaluation(
    request: EvaluationRequest, scores_for: ScoresFor, minimum: int = MINIMUM_COUNT
) -> SumReply | SiteResultReply:
    """Answer one request of an evaluation.

    Args:
        request: What the server asks.
        scores_for: Scores the held-out patients; called with empty weights after the first time.
        minimum: The site's minimum count, at least 5.

    Returns:
        The site's share of the sums, or its own result where it may be released. A site without
        held-out patients contributes zeros.

    Raises:
        DataError: When a score is not a probability.
        SettingsError: When the minimum is below 5.
    """
    site_minimum(minimum)
    match request:
        case ScoreRequest():
            return _sums_of_scores(request, _checked(scores_for(request)))
        case CellsRequest():
            patients = _scored(request.model_digest, request.endpoint, scores_for)
            return SumReply(encode_sums(request.sums, {"cells": _count(patients, request.edges)}))
        case PlacementRequest():
            return _sums_of_placements(request, scores_for)
        case SiteResultRequest():
            patients = _scored(request.model_digest, request.endpoint, scores_for)
            return site_result(patients, minimum)


def site_result(patients: PatientScores, minimum: int = MINIMUM_COUNT) -> SiteResultReply:
    """Give what may be released about a model on this site's patients alone.

    A table is released whole or not at all: with its total known, one withheld cell of two is
    known too. The AUC needs the minimum in both classes.

    Args:
        patients: The held-out patients with their scores.
        minimum: Smallest count above 0 that may be released.

    Returns:
        The result, None where withheld.
    """
    counts = confusion_counts(patients.votes, patients.events)
    right = counts.event_called + counts.no_event_cleared
    shows_patients = may_release_count(counts.patients, minimum)
    shows_events = shows_patients and may_release_parts((counts.events, counts.no_events), minimum)
    shows_table = shows_events and may_release_parts(
        (
            counts.event_called,
            counts.event_missed,
            counts.no_event_called,
            counts.no_event_cleared,
        ),
        minimum,
    )
    shows_right = shows_patients and may_release_parts((right, counts.patients - right), minimum)
    area = (
        auc_delong(patients.scores, patients.events)
        if may_release_auc(counts.events, counts.no_events, minimum)
        else None
    )
    return SiteResultReply(
        patients=counts.patients if shows_patients else None,
        events=counts.events if shows_events else None,
        called_rightly=right if shows_right else None,
        event_called=counts.event_called if shows_table else None,
        no_event_cleared=counts.no_event_cleared if shows_table else None,
        auc=area.auc if area else None,
        auc_standard_error=area.standard_error if area else None,
    )


def _sums_of_scores(request: ScoreRequest, patients: PatientScores) -> SumReply:
    """Sum calls, errors and first cells.

    Sources: Brier 1950, Monthly Weather Review 78 (squared error of a probability); Good 1952,
    J R Stat Soc B 14 (logarithmic loss, natural logarithm).
    """
    events, votes, scores = patients.events, patients.votes, patients.scores
    right = np.where(events, scores, 1.0 - scores)
    values = {
        "calls_of_events": np.array([np.sum(events & votes), np.sum(events & ~votes)]),
        "calls_of_others": np.array([np.sum(~events & votes), np.sum(~events & ~votes)]),
        "squared_error": np.sum((1.0 - right) ** 2),
        "log_loss": -np.sum(np.log(np.maximum(right, SMALLEST_PROBABILITY))),
        "cells": _count(patients, first_edges(FIRST_CELLS)),
    }
    return SumReply(encode_sums(request.sums, values))


def _sums_of_placements(request: PlacementRequest, scores_for: ScoresFor) -> SumReply:
    ends = np.cumsum(request.cells_per_model)
    of_events: list[np.ndarray] = []
    of_others: list[np.ndarray] = []
    events = np.zeros(0, dtype=bool)
    for digest, size, end in zip(request.model_digests, request.cells_per_model, ends, strict=True):
        patients = _scored(digest, request.endpoint, scores_for)
        if of_events and not np.array_equal(events, patients.events):
            raise DataError(
                "Expected the compared models to be scored on the same patients, got other "
                "patients or outcomes. Score all models again in one run."
            )
        events = patients.events
        part = slice(end - size, end)
        cell = np.searchsorted(request.edges[part], patients.scores, side="right") - 1
        of_events.append(request.placements_of_events[part][cell[events]])
        of_others.append(request.placements_of_others[part][cell[~events]])
    classes = (np.array(of_events, dtype=np.int64), np.array(of_others, dtype=np.int64))
    values = {
        "patients": np.array([a.shape[1] for a in classes]),
        "placements": np.array([a.sum(axis=1) for a in classes]),
        "products": np.array([a @ a.T for a in classes]),
    }
    return SumReply(encode_sums(request.sums, values))


def _count(
    patients: PatientScores, edges: Float64[np.ndarray, " edge"]
) -> Int64[np.ndarray, "2 cell"]:
    cells = edges.size - 1
    place = np.searchsorted(edges, patients.scores, side="right") - 1
    inside = (place >= 0) & (place < cells)
    rows = [
        np.bincount(place[inside & flags], minlength=cells)
        for flags in (patients.events, ~patients.events)
    ]
    return np.array(rows, dtype=np.int64)


def _scored(digest: str, endpoint: str, scores_for: ScoresFor) -> PatientScores:
    return _checked(scores_for(ScoreRequest(digest, endpoint, weights={})))


def _checked(patients: PatientScores) -> PatientScores:
    """Refuse scores that are no probabilities, and patients without a call or an outcome."""
    scores = patients.scores
    wrong = int(np.count_nonzero(~((scores >= 0) & (scores <= 1))))  # catches NaN as well
    if wrong:
        raise DataError(
            f"Expected a probability from 0 to 1 for every held-out patient, got {wrong} of "
            f"{scores.size} outside or not a number. Check the model and its input."
        )
    if not scores.size == patients.votes.size == patients.events.size:
        raise DataError(
            f"Expected one score, call and outcome per patient, got {scores.size}, "
            f"{patients.votes.size} and {patients.events.size}. Score the patients again."
        )
    return patients
