import pytest

from server.site_failures import refusal_sentence, site_failure
from shared.errors import Refusal

REFERENCE = "0123456789ab"


@pytest.mark.parametrize("refusal", Refusal)
def test_every_word_of_refusal_is_understood(refusal):
    failure = site_failure(2, f"site refusal {refusal.value} ref {REFERENCE}")
    assert failure.refusal is refusal
    assert failure.reason.startswith("the site refuses to answer: ")
    assert failure.reason.endswith(f"ask the site for error ref {REFERENCE}")


def test_an_error_with_a_reference_is_no_refusal():
    failure = site_failure(2, f"site error ref {REFERENCE}")
    assert failure.refusal is None
    assert failure.reason.endswith(REFERENCE)


@pytest.mark.parametrize(
    "text",
    [
        "Jane Doe, row 12",
        f"site refusal jane-doe ref {REFERENCE} and more",
        f"site refusal few-patients: Jane ref {REFERENCE}",
    ],
)
def test_no_other_text_is_kept(text):
    failure = site_failure(2, text)
    assert (failure.reason, failure.refusal) == ("the app failed at the site", None)


def test_an_unknown_word_is_not_repeated():
    failure = site_failure(2, f"site refusal jane-doe ref {REFERENCE}")
    assert failure.refusal is None
    assert "jane" not in failure.reason


def test_sites_with_one_reason_are_named_together():
    refusals = {"b": Refusal.SPENT, "a": Refusal.SPENT, "c": Refusal.NEEDS_MASKS}
    sentence = refusal_sentence(3, 1, refusals)
    assert sentence.startswith("Expected answers from at least 3 sites, got 1.")
    assert "a, b: the answers permitted for this fit are used up" in sentence
    assert "c: only a masked sum may answer this" in sentence
