"""The support vector machine: loss and gradient of several fits at once, and what follows them.

A fit is a penalty and a training part: part 0 is everybody, part k + 1 everybody outside fold k.
Points are in each fit's own secret basis, which its label names and only sites can draw. Every
request carries the whole preparation, because a site keeps nothing between exchanges.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64

from shared.messages.sums import SumField, SumKind


class SvmStep(StrEnum):
    """What is asked of the fits."""

    GRADIENT = "gradient"
    """Loss and gradient of each fit over its training part."""
    CELLS = "cells"
    """Counts per cell of the logistic of out-of-fold decision values."""
    CALIBRATION = "calibration"
    """Likelihood, gradient and information of a logistic curve on out-of-fold decision values."""


@dataclass(frozen=True)
class SvmRequest:
    """Ask for sums over patients, for several fits.

    Attributes:
        step: What is asked.
        columns: Names of the columns.
        logged: Those that are logged first.
        indicated: Those that get an indicator of a missing value.
        medians: Per part and column, what replaces a missing value.
        centres: Per part and feature.
        scales: Per part and feature.
        event: Column of 0 and 1: whether the event happened.
        folds: Number of folds.
        seed: Of the folds; a site mixes in its name.
        degree: 1 for linear, 2 for second-order kernel features.
        parts: Training part of each fit.
        penalties: C of each fit.
        class_weights: Of rows with the event and without, per fit.
        labels: Name of each fit's secret basis.
        points: Weights of each fit in its secret basis.
        sets: For cells: the set each fit's out-of-fold patients are counted in.
        edges: For cells: rising edges of every set, set after set; a score s lies in cell i when
            edges[i] <= s < edges[i + 1].
        edges_per_set: For cells: how many edges each set has.
        curve: For the calibration: slope and intercept.
        targets: For the calibration: target of patients with the event, and without.
        image_run: Names the run whose image features join the table at the site; empty for none.
    """

    step: SvmStep
    columns: tuple[str, ...]
    logged: tuple[str, ...]
    indicated: tuple[str, ...]
    medians: Float64[np.ndarray, "part column"]
    centres: Float64[np.ndarray, "part feature"]
    scales: Float64[np.ndarray, "part feature"]
    event: str
    folds: int
    seed: int
    degree: int
    parts: tuple[int, ...]
    penalties: tuple[float, ...]
    class_weights: Float64[np.ndarray, "fit 2"]
    labels: tuple[str, ...]
    points: Float64[np.ndarray, "fit coordinate"]
    sets: tuple[int, ...]
    edges: Float64[np.ndarray, " edge"]
    edges_per_set: tuple[int, ...]
    curve: Float64[np.ndarray, " _"]
    targets: Float64[np.ndarray, " _"]
    image_run: str = ""

    @property
    def sums(self) -> tuple[SumField, ...]:
        """List what is summed."""
        match self.step:
            case SvmStep.GRADIENT:
                return (
                    SumField("loss", (len(self.parts),), SumKind.FIXED),
                    SumField("gradient", self.points.shape, SumKind.FIXED),
                )
            case SvmStep.CELLS:
                # Cells between the last edge of a set and the first of the next are never filled.
                return (SumField("cells", (2, self.edges.size - 1), SumKind.COUNT),)
            case SvmStep.CALIBRATION:
                return (
                    SumField("value", (), SumKind.WIDE),
                    SumField("gradient", (2,), SumKind.WIDE),
                    SumField("information", (2, 2), SumKind.WIDE),
                )


@dataclass(frozen=True)
class SvmModelRequest:
    """Ask a site to turn the final weights back from the secret basis.

    Attributes:
        label: Names the basis; empty only asks for the check.
        salt: Of the check.
        degree: Of the model.
        point: Weights in the secret basis; empty only asks for the check.
    """

    label: str
    salt: str
    degree: int
    point: Float64[np.ndarray, " _"]


@dataclass(frozen=True)
class SvmModelReply:
    """The final weights, the same from every site: nothing about its patients.

    Attributes:
        check: Digest of the rotation secret, equal at all sites that hold the same one.
        weights: One per coordinate, the bias last; empty when only the check was asked for.
    """

    check: str
    weights: Float64[np.ndarray, " _"]
