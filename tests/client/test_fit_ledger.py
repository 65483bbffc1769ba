import json

import numpy as np
import pytest

from client.fit_ledger import FILE_NAME, MOST_GRADIENTS, FitLedger
from shared.errors import DataError, DisclosureError, Refusal


def test_a_fit_gets_so_many_gradients_and_no_more(tmp_path):
    for _ in range(MOST_GRADIENTS):
        FitLedger(tmp_path).spend_gradients(["salt/0.1/0"])
    with pytest.raises(DisclosureError, match="33 gradients") as caught:
        FitLedger(tmp_path).spend_gradients(["salt/0.1/0"])
    assert caught.value.refusal is Refusal.SPENT
    FitLedger(tmp_path).spend_gradients(["other salt/0.1/0"])


def test_a_question_about_several_fits_is_counted_for_all_or_none(tmp_path):
    ledger = FitLedger(tmp_path, most=2)
    ledger.spend_gradients(["a", "a"])
    with pytest.raises(DisclosureError):
        ledger.spend_gradients(["b", "a"])
    ledger.spend_gradients(["b", "b"])


def test_naming_a_fit_twice_in_one_question_counts_twice(tmp_path):
    with pytest.raises(DisclosureError):
        FitLedger(tmp_path, most=2).spend_gradients(["a"] * 3)


def test_one_model_of_a_fit_is_turned_back(tmp_path):
    point = np.array([1.0, 2.0])
    FitLedger(tmp_path).spend_model("a", point)
    FitLedger(tmp_path).spend_model("a", point)
    with pytest.raises(DisclosureError, match="one model") as caught:
        FitLedger(tmp_path).spend_model("a", point + 1e-12)
    assert caught.value.refusal is Refusal.SPENT


def test_counts_do_not_name_the_fit(tmp_path):
    FitLedger(tmp_path).spend_gradients(["Jane Doe"])
    text = (tmp_path / FILE_NAME).read_text()
    assert "Jane" not in text
    assert list(json.loads(text).values()) == [{"gradients": 1}]


def test_a_damaged_ledger_answers_nothing(tmp_path):
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(DataError, match="damaged"):
        FitLedger(tmp_path).spend_gradients(["a"])
