"""Small counts stay in, also where margins would give them away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DisclosureError, SettingsError
from shared.privacy.disclosure_rules import (
    may_release_auc,
    may_release_count,
    may_release_parts,
    refuse_differenced_question,
    refuse_many_parameters,
    refuse_small_cohort,
    refuse_small_parts,
    site_minimum,
    suppressed_cells,
)


@pytest.mark.parametrize(("count", "released"), [(0, True), (1, False), (4, False), (5, True)])
def test_counts_from_one_to_four_are_withheld(count, released):
    assert may_release_count(count) is released


def test_parts_of_a_known_total_are_released_together_or_not_at_all():
    assert may_release_parts((12, 0, 5))
    assert not may_release_parts((12, 4))


@pytest.mark.parametrize(
    ("events", "no_events", "released"), [(5, 5, True), (4, 50, False), (50, 4, False)]
)
def test_an_area_needs_five_patients_in_both_classes(events, no_events, released):
    assert may_release_auc(events, no_events) is released


def test_a_site_may_raise_the_minimum_but_not_lower_it():
    assert site_minimum(10) == 10
    with pytest.raises(SettingsError, match="at least 5"):
        site_minimum(3)


tables = st.integers(0, 2**32).map(
    lambda seed: np.random.default_rng(seed).integers(
        0, 14, tuple(np.random.default_rng(seed + 1).integers(2, 5, 2))
    )
)


@given(tables)
def test_no_line_lets_a_withheld_cell_be_worked_out_from_its_margin(table):
    hidden = suppressed_cells(table)
    assert hidden[(table > 0) & (table < 5)].all()
    for counts, mask in [*zip(table, hidden, strict=True), *zip(table.T, hidden.T, strict=True)]:
        assert mask.sum() != 1
        if mask.any() and not mask.all():
            assert counts[mask].sum() >= 5


def test_a_table_without_small_counts_is_shown_whole():
    assert not suppressed_cells(np.array([[15, 75], [5, 35]])).any()


def test_a_small_cell_of_a_fourfold_table_hides_all_four():
    assert suppressed_cells(np.array([[15, 75], [2, 35]])).all()


def test_a_small_cell_takes_the_smallest_partner_with_it():
    hidden = suppressed_cells(np.array([[3, 9, 30], [20, 8, 40], [10, 11, 12]]))
    assert hidden[0].tolist() == [True, True, False]
    assert not hidden[:, 2].any()


def test_a_cohort_that_changed_by_a_few_patients_is_refused():
    before = frozenset(range(50))
    for change in (before | {50}, before - {1, 2, 3, 4}, before - {1, 2} | {60, 61}):
        with pytest.raises(DisclosureError, match="at least 5"):
            refuse_differenced_question([before], frozenset(change))


def test_the_same_cohort_or_a_much_larger_one_is_answered():
    before = frozenset(range(50))
    refuse_differenced_question([], before)
    refuse_differenced_question([before], before)
    refuse_differenced_question([before], frozenset(range(55)))


def test_a_cohort_is_compared_with_every_earlier_one():
    first, second = frozenset(range(50)), frozenset(range(60))
    with pytest.raises(DisclosureError):
        refuse_differenced_question([first, second], frozenset(range(51)))


def test_a_question_about_four_patients_is_refused():
    refuse_small_cohort(0)
    refuse_small_cohort(5)
    with pytest.raises(DisclosureError):
        refuse_small_cohort(4)


def test_parameters_are_limited_to_a_third_of_the_patients():
    refuse_many_parameters(33, 99)
    with pytest.raises(DisclosureError, match="at most 32"):
        refuse_many_parameters(33, 98)


def test_a_part_with_a_few_patients_is_refused():
    refuse_small_parts(np.array([[0, 5], [12, 0]]))
    with pytest.raises(DisclosureError, match="got 2 smaller parts"):
        refuse_small_parts(np.array([[0, 1], [12, 4]]))
