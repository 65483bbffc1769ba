"""A fitted machine as named arrays, so that it travels to the sites like a network's weights."""

from collections.abc import Sequence

import numpy as np

from shared.errors import MessageError
from shared.fusion.standardize import Preparation
from shared.fusion.svm import DEGREE_TWO, LINEAR, FittedSvm, coordinates
from shared.messages.training import Weights

_NAMES = frozenset(
    ("columns", "logged", "indicated", "medians", "centres", "scales", "weights", "curve", "degree")
)


def svm_to_arrays(model: FittedSvm, columns: Sequence[str]) -> Weights:
    """Write a machine as arrays.

    Args:
        model: The machine.
        columns: Every column a model may use; both ends know the list, so that a model names its
            columns by place.

    Returns:
        The arrays.
    """
    preparation = model.preparation
    return {
        "columns": np.array([columns.index(name) for name in preparation.columns], dtype=np.int64),
        "logged": np.isin(preparation.columns, preparation.logged),
        "indicated": np.isin(preparation.columns, preparation.indicated),
        "medians": preparation.medians,
        "centres": preparation.centres,
        "scales": preparation.scales,
        "weights": model.weights,
        "curve": np.array([model.slope, model.intercept, model.threshold]),
        "degree": np.array([model.degree]),
    }


def svm_from_arrays(arrays: Weights, columns: Sequence[str]) -> FittedSvm:
    """Read a machine back, strictly.

    Args:
        arrays: What ``svm_to_arrays`` gave.
        columns: The same list.

    Returns:
        The machine.

    Raises:
        MessageError: If the arrays are no machine over these columns.
    """
    if set(arrays) != _NAMES:
        raise MessageError(
            "Expected the arrays of a support vector machine, got others. "
            "Run the same version everywhere."
        )
    places, degree = arrays["columns"], int(arrays["degree"].flat[0])
    features = places.size + int(arrays["indicated"].sum())
    shapes = {
        "logged": (places.size,),
        "indicated": (places.size,),
        "medians": (1, places.size),
        "centres": (1, features),
        "scales": (1, features),
        "weights": (coordinates(features, degree),),
        "curve": (3,),
    }
    wrong = sorted(name for name, shape in shapes.items() if arrays[name].shape != shape)
    known = bool(np.all((places >= 0) & (places < len(columns))))
    if wrong or not known or degree not in {LINEAR, DEGREE_TWO}:
        raise MessageError(
            "Expected a machine over known columns, got arrays that do not fit: "
            f"{', '.join(wrong) or 'columns or degree'}. Run the same version everywhere."
        )
    names = tuple(columns[place] for place in places)
    slope, intercept, threshold = (float(number) for number in arrays["curve"])
    return FittedSvm(
        preparation=Preparation(
            names,
            _chosen(names, arrays["logged"]),
            _chosen(names, arrays["indicated"]),
            arrays["medians"],
            arrays["centres"],
            arrays["scales"],
        ),
        degree=degree,
        weights=arrays["weights"],
        slope=slope,
        intercept=intercept,
        threshold=threshold,
    )


def _chosen(names: Sequence[str], flags: np.ndarray) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(names, flags, strict=True) if chosen)
