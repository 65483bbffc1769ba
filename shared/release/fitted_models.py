"""Fitted models in a release: ``models.json``, with every digit of a 64-bit float."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shared.cohort.fusion_columns import FUSION_COLUMNS
from shared.errors import Problem, ReleaseError, SettingsError
from shared.fusion.standardize import Preparation
from shared.fusion.svm import DEGREE_TWO, LINEAR, FittedSvm, coordinates
from shared.messages.strict_json import decode, encode

MODELS_FORMAT = "hepafed-models/1"
"""Written into ``models.json``; a reader refuses another."""

_FIX = "Use the release as it was written, or the version of HepaFed that wrote it."


@dataclass(frozen=True)
class ModelFacts:
    """A fitted model over named columns, as ``shared.fusion.svm.FittedSvm`` holds it.

    Attributes:
        columns: Names of the columns.
        logged: Those that are logged.
        indicated: Those that get an indicator of a missing value.
        medians: What replaces a missing value (after the logarithm), per column.
        centres: What is subtracted, per feature.
        scales: What is divided by, per feature.
        degree: 1 for linear, 2 for second-order kernel features.
        weights: One per coordinate, the bias last.
        slope: Of the curve from decision value to log odds.
        intercept: Of that curve.
        threshold: The event is called when the decision value is at least this.
    """

    columns: tuple[str, ...]
    logged: tuple[str, ...]
    indicated: tuple[str, ...]
    medians: tuple[float, ...]
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    degree: int
    weights: tuple[float, ...]
    slope: float
    intercept: float
    threshold: float


@dataclass(frozen=True)
class _Models:
    models: Mapping[str, ModelFacts]
    format: str = MODELS_FORMAT


def models_to_json(models: Mapping[str, FittedSvm]) -> object:
    """Give fitted models as what ``json.dumps(..., allow_nan=False)`` takes.

    Raises:
        ReleaseError: With one problem per number that is not finite.
    """
    facts = {name: _facts(model) for name, model in models.items()}
    problems = _unfit(facts)
    try:
        encoded = encode(_Models(facts))
    except SettingsError as error:
        problems.extend(error.problems)
        encoded = {}
    if problems:
        raise ReleaseError("The models cannot be released.", problems)
    return encoded


def models_from_json(data: object) -> dict[str, FittedSvm]:
    """Build fitted models from parsed JSON, equal to the last bit to those written.

    Raises:
        ReleaseError: With one problem per field that is wrong or does not fit the others.
    """
    try:
        facts = decode(_Models, data, "models of the release", {"format": MODELS_FORMAT}).models
    except SettingsError as error:
        raise ReleaseError("The models of the release cannot be used.", error.problems) from error
    problems = _unfit(facts)
    if problems:
        raise ReleaseError("The models of the release cannot be used.", problems)
    return {name: _fitted(model) for name, model in facts.items()}


def _facts(model: FittedSvm) -> ModelFacts:
    prepared = model.preparation
    return ModelFacts(
        columns=prepared.columns,
        logged=prepared.logged,
        indicated=prepared.indicated,
        medians=tuple(prepared.medians[0].tolist()),
        centres=tuple(prepared.centres[0].tolist()),
        scales=tuple(prepared.scales[0].tolist()),
        degree=model.degree,
        weights=tuple(model.weights.tolist()),
        slope=float(model.slope),
        intercept=float(model.intercept),
        threshold=float(model.threshold),
    )


def _fitted(facts: ModelFacts) -> FittedSvm:
    def row(numbers: Sequence[float]) -> np.ndarray:
        return np.array([numbers], dtype=np.float64)

    return FittedSvm(
        preparation=Preparation(
            columns=facts.columns,
            logged=facts.logged,
            indicated=facts.indicated,
            medians=row(facts.medians),
            centres=row(facts.centres),
            scales=row(facts.scales),
        ),
        degree=facts.degree,
        weights=np.array(facts.weights, dtype=np.float64),
        slope=facts.slope,
        intercept=facts.intercept,
        threshold=facts.threshold,
    )


def _unfit(models: Mapping[str, ModelFacts]) -> list[Problem]:
    if not models:
        return [Problem("models", "no model", "one model or more", _FIX)]
    problems: list[Problem] = []
    for name, facts in models.items():
        features = len(facts.columns) + len(facts.indicated)
        known_degree = facts.degree in {LINEAR, DEGREE_TWO}
        expected = (
            (known_degree, "degree", facts.degree, f"{LINEAR} or {DEGREE_TWO}"),
            (set(facts.columns) <= set(FUSION_COLUMNS), "columns", "others", "known columns"),
            (set(facts.logged) <= set(facts.columns), "logged", "others", "some of its columns"),
            (set(facts.indicated) <= set(facts.columns), "indicated", "others", "its columns"),
            (len(facts.medians) == len(facts.columns), "medians", len(facts.medians), "one each"),
            (len(facts.centres) == features, "centres", len(facts.centres), features),
            (len(facts.scales) == features, "scales", len(facts.scales), features),
            (all(scale > 0 for scale in facts.scales), "scales", "0 or less", "above 0"),
            (
                not known_degree or len(facts.weights) == coordinates(features, facts.degree),
                "weights",
                len(facts.weights),
                "one per coordinate",
            ),
        )
        problems += [
            Problem(f"{name}.{where}", str(got), str(wanted), _FIX)
            for ok, where, got, wanted in expected
            if not ok
        ]
    return problems
