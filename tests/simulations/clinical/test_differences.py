import math
from dataclasses import dataclass

import numpy as np

from simulations.clinical.differences import Difference, differences, largest


@dataclass(frozen=True)
class Named:
    name: str
    values: tuple[float, ...]
    flag: bool = True


def test_every_number_is_found_by_its_path_and_text_is_passed_over():
    ours = {"a": (Named("x", (1.0, 2.0)),), "b": np.array([3.0]), "c": None}
    theirs = {"a": (Named("x", (1.0, 2.5)),), "b": np.array([3.0]), "c": None}
    found = {d.quantity: d.absolute for d in differences("t", ours, theirs)}
    assert found == {"a/x/values/0": 0.0, "a/x/values/1": 0.5, "b/0": 0.0}


def test_a_number_on_one_side_only_is_counted_apart():
    found = differences("t", {"a": math.nan, "b": 2.0, "n": math.nan}, {"a": 1.0, "b": 2.0})
    (item,) = largest(found)
    assert (item.numbers, item.one_sided, item.absolute) == (1, 1, 0.0)


def test_infinite_numbers_that_agree_do_not_differ():
    (found,) = differences("t", {"a": math.inf}, {"a": math.inf})
    assert (found.absolute, found.relative) == (0.0, 0.0)


def test_agreement_is_relative_above_one_and_absolute_below():
    assert Difference("t", "q", 1e6 + 1, 1e6).within(1e-5)
    assert not Difference("t", "q", 0.5 + 1e-3, 0.5).within(1e-5)
    assert Difference("t", "q", 1e-9, 0.0).within(1e-8)
