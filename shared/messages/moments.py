"""Moments: counts, sums, squares and ranks of named columns, over parts of the patients.

Parts are rows of every answer. Without folds and group there is one part, everybody. With a group
(a column of 0 and 1) the parts are the patients with 0, then those with 1. With folds they are
everybody, then everybody outside fold 0, 1, ...: the training parts of a cross-validation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64

from shared.messages.sums import SumField, SumKind

SiteColumns = Mapping[str, Float64[np.ndarray, " patient"]]
"""One site's columns by name, patients in one order; NaN is missing. Never leaves the site."""


class Moment(StrEnum):
    """What is asked about the columns."""

    PRESENT = "present"
    """Patients, and how many have a value, per column."""
    TOTAL = "total"
    """Patients with a value and the sum, per feature."""
    SQUARES = "squares"
    """Sum of squares about given centres, per feature."""
    BELOW = "below"
    """Patients whose value is at most a threshold, for each of several thresholds."""


@dataclass(frozen=True)
class MomentsRequest:
    """Ask for one kind of moment.

    Features are the columns, then one indicator of a missing value per indicated column. Where
    medians are given they replace missing values; else missing values are left out.

    Attributes:
        moment: Which.
        columns: Names of the columns.
        logged: Those of which the natural logarithm is taken first.
        indicated: Those that get an indicator of a missing value.
        group: Column of 0 and 1 that parts the patients; empty for none.
        event: Column of 0 and 1 that folds are stratified by; empty without folds.
        folds: Number of folds; 0 for none.
        seed: Of the folds; a site mixes in its name.
        medians: Per part and column; no rows when missing values are left out.
        centres: Per part and feature; no rows unless squares are asked for.
        thresholds: Per part, feature and threshold, rising; empty unless ranks are asked for.
        image_run: Names the run whose image features join the table at the site; empty for none.
    """

    moment: Moment
    columns: tuple[str, ...]
    logged: tuple[str, ...]
    indicated: tuple[str, ...]
    group: str
    event: str
    folds: int
    seed: int
    medians: Float64[np.ndarray, "_ _"]
    centres: Float64[np.ndarray, "_ _"]
    thresholds: Float64[np.ndarray, "_ _ _"]
    image_run: str = ""

    @property
    def parts(self) -> int:
        """Say how many parts there are."""
        return 2 if self.group else 1 + self.folds

    @property
    def features(self) -> int:
        """Say how many features there are."""
        return len(self.columns) + len(self.indicated)

    @property
    def sums(self) -> tuple[SumField, ...]:
        """List what is summed."""
        shape = (self.parts, self.features)
        present = SumField("present", shape, SumKind.COUNT)
        match self.moment:
            case Moment.PRESENT:
                patients = SumField("patients", (self.parts,), SumKind.COUNT)
                return (patients, SumField("events", (self.parts,), SumKind.COUNT), present)
            case Moment.TOTAL:
                return (present, SumField("total", shape, SumKind.WIDE))
            case Moment.SQUARES:
                return (SumField("squares", shape, SumKind.WIDE),)
            case Moment.BELOW:
                return (SumField("below", self.thresholds.shape, SumKind.COUNT),)
