"""Models of a cross-validation as named arrays, so that they travel to the sites like weights.

One model per outer fold, trained on the patients outside it. A site scores each of its patients
with the model of the patient's own fold, which never saw that patient.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from shared.cohort.clinical import VARIABLES
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm, calls, probabilities
from shared.messages.evaluation import PatientScores
from shared.messages.moments import SiteColumns
from shared.messages.training import Weights
from simulations.clinical.analysis_columns import EVENT, regressors

COLUMNS = tuple(
    dict.fromkeys([*(v.name for v in VARIABLES), *(r.name for r in regressors(paper_mode=True))])
)
"""Columns a model may use; both sides know the list, so a model names them by place."""


def encode_models(models: Sequence[FittedSvm]) -> Weights:
    """Write the models of folds 0, 1, ... as arrays."""
    arrays: Weights = {}
    for fold, model in enumerate(models):
        preparation = model.preparation
        parts = {
            "columns": np.array([COLUMNS.index(name) for name in preparation.columns]),
            "logged": np.isin(preparation.columns, preparation.logged),
            "indicated": np.isin(preparation.columns, preparation.indicated),
            "medians": preparation.medians,
            "centres": preparation.centres,
            "scales": preparation.scales,
            "weights": model.weights,
            "curve": np.array([model.slope, model.intercept, model.threshold]),
            "degree": np.array([model.degree]),
        }
        arrays |= {f"{fold}/{name}": array for name, array in parts.items()}
    return arrays


def decode_models(arrays: Weights) -> list[FittedSvm]:
    """Read the models back, fold by fold."""
    folds = sum(1 for name in arrays if name.endswith("/weights"))
    return [
        _model({k.split("/")[1]: arrays[k] for k in arrays if k.startswith(f"{fold}/")})
        for fold in range(folds)
    ]


def out_of_fold_scores(
    arrays: Weights, table: SiteColumns, folds: Int64[np.ndarray, " patient"]
) -> PatientScores:
    """Score each patient of a site with the model that was trained without the patient's fold.

    Args:
        arrays: One model per fold.
        table: The site's columns.
        folds: The fold of each patient.

    Returns:
        Probabilities, calls and what happened.
    """
    scores, votes = np.zeros(folds.size), np.zeros(folds.size, dtype=bool)
    for fold, model in enumerate(decode_models(arrays)):
        own = folds == fold
        part = {name: values[own] for name, values in table.items()}
        scores[own], votes[own] = probabilities(model, part), calls(model, part)
    return PatientScores(scores, votes, table[EVENT] == 1)


def _model(parts: Weights) -> FittedSvm:
    columns = tuple(COLUMNS[place] for place in parts["columns"])
    slope, intercept, threshold = (float(number) for number in parts["curve"])
    return FittedSvm(
        preparation=Preparation(
            columns,
            tuple(np.array(columns)[parts["logged"]].tolist()),
            tuple(np.array(columns)[parts["indicated"]].tolist()),
            parts["medians"],
            parts["centres"],
            parts["scales"],
        ),
        degree=int(parts["degree"][0]),
        weights=parts["weights"],
        slope=slope,
        intercept=intercept,
        threshold=threshold,
    )
