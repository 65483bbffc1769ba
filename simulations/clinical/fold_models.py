"""Models of a cross-validation as named arrays, so that they travel to the sites like weights.

One model per outer fold, trained on the patients outside it. A site scores each of its patients
with the model of the patient's own fold, which never saw that patient.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from shared.cohort.analysis_columns import EVENT, MODEL_COLUMNS
from shared.fusion.svm import FittedSvm, calls, probabilities
from shared.fusion.svm_arrays import svm_from_arrays, svm_to_arrays
from shared.messages.evaluation import PatientScores
from shared.messages.moments import SiteColumns
from shared.messages.training import Weights


def encode_models(models: Sequence[FittedSvm]) -> Weights:
    """Write the models of folds 0, 1, ... as arrays."""
    return {
        f"{fold}/{name}": array
        for fold, model in enumerate(models)
        for name, array in svm_to_arrays(model, MODEL_COLUMNS).items()
    }


def decode_models(arrays: Weights) -> list[FittedSvm]:
    """Read the models back, fold by fold."""
    folds = sum(1 for name in arrays if name.endswith("/weights"))
    return [
        svm_from_arrays(
            {k.split("/")[1]: arrays[k] for k in arrays if k.startswith(f"{fold}/")}, MODEL_COLUMNS
        )
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
