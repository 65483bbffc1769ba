import dataclasses

import numpy as np
import pytest

from shared.errors import MessageError
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm, coordinates
from shared.fusion.svm_arrays import svm_from_arrays, svm_to_arrays

COLUMNS = ("age", "afp", "thrombus")


def machine(degree=1):
    rng = np.random.default_rng(0)
    features = 3
    return FittedSvm(
        Preparation(
            ("thrombus", "afp"),
            ("afp",),
            ("afp",),
            rng.normal(size=(1, 2)),
            rng.normal(size=(1, features)),
            rng.random((1, features)),
        ),
        degree,
        rng.normal(size=coordinates(features, degree)),
        1.5,
        -0.25,
        0.125,
    )


@pytest.mark.parametrize("degree", [1, 2])
def test_a_machine_survives_the_way_there_and_back(degree):
    model = machine(degree)
    back = svm_from_arrays(svm_to_arrays(model, COLUMNS), COLUMNS)
    for before, after in ((model, back), (model.preparation, back.preparation)):
        for field in dataclasses.fields(before):
            first, second = getattr(before, field.name), getattr(after, field.name)
            if isinstance(first, np.ndarray):
                assert np.array_equal(first, second)
            elif field.name != "preparation":
                assert first == second


@pytest.mark.parametrize(
    ("name", "array", "sentence"),
    [
        ("columns", np.array([0, 3]), "columns or degree"),
        ("columns", np.array([-1, 0]), "columns or degree"),
        ("degree", np.array([3]), "fit: "),
        ("weights", np.zeros(9), "weights"),
        ("medians", np.zeros((1, 3)), "medians"),
    ],
)
def test_arrays_that_are_no_machine_are_refused(name, array, sentence):
    arrays = svm_to_arrays(machine(), COLUMNS) | {name: array}
    with pytest.raises(MessageError, match=sentence):
        svm_from_arrays(arrays, COLUMNS)


def test_other_arrays_are_refused():
    with pytest.raises(MessageError, match="got others"):
        svm_from_arrays({"w": np.zeros(3)}, COLUMNS)
