import pytest

from shared.report.run_record import Measure
from shared.report.wording import (
    bytes_text,
    count_text,
    duration_text,
    interval_text,
    listed,
    number_text,
    plural,
    shortened,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (381.2, "6 min 21 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, words):
    assert duration_text(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (552e6, "552.0 MB"), (8.7e9, "8.7 GB")],
)
def test_a_size_is_told_in_decimal_units(count, words):
    assert bytes_text(int(count)) == words


def test_an_interval_needs_all_three_numbers():
    assert interval_text(Measure(0.844, 0.711, 0.95)) == "0.84 (0.71–0.95)"
    assert interval_text(Measure(0.844, None, 0.95)) == "0.84"
    assert interval_text(Measure()) == "–"


def test_small_words():
    assert number_text(-0.5, 1) == "−0.5"
    assert count_text(12345) == "12\u202f345"
    assert plural(1, "site") == "1 site"
    assert plural(0, "site") == "0 sites"
    assert listed(("plain", "arterial", "portal")) == "plain, arterial and portal"
    assert listed(("plain",)) == "plain"
    assert listed(()) == ""


def test_a_long_name_keeps_both_ends():
    assert shortened("Clinic North", 22) == "Clinic North"
    assert shortened("University Hospital Shanghai Zhongshan", 22) == "University…i Zhongshan"
    assert len(shortened("x" * 99, 22)) == 22
