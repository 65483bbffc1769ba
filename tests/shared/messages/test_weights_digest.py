import numpy as np

from shared.messages.weights_digest import weights_digest

WEIGHTS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float32)}


def test_equal_weights_have_equal_digests_in_any_order():
    swapped = {"b": WEIGHTS["b"].copy(), "a": WEIGHTS["a"].copy()}
    assert weights_digest(swapped) == weights_digest(WEIGHTS)


def test_one_changed_bit_name_or_shape_changes_the_digest():
    nudged = {**WEIGHTS, "b": np.nextafter(WEIGHTS["b"], np.float32(2))}
    renamed = {"a": WEIGHTS["a"], "c": WEIGHTS["b"]}
    reshaped = {**WEIGHTS, "a": WEIGHTS["a"].reshape(3, 2)}
    digests = {weights_digest(w) for w in (WEIGHTS, nudged, renamed, reshaped)}
    assert len(digests) == 4
