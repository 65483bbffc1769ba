import json
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from server.results import from_plain, to_plain


@dataclass(frozen=True)
class Curve:
    counts: Int[np.ndarray, " _"]
    values: Float[np.ndarray, " _"]


def test_arrays_of_any_width_come_back_as_whole_numbers_or_floats():
    curve = Curve(np.array([1, 2]), np.array([0.5, np.nan]))
    back = from_plain(Curve, json.loads(json.dumps(to_plain(curve))))
    assert back.counts.dtype.kind == "i"
    assert np.array_equal(back.counts, curve.counts)
    assert back.values.dtype == np.float64
    assert np.array_equal(back.values, curve.values, equal_nan=True)
