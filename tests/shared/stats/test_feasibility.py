"""The checker finds the table behind a printed row, and says why there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DataError
from shared.stats.confusion import ConfusionCounts, confusion_measures
from shared.stats.feasibility import PrintedRow, check_row, check_row_of_unknown_classes


def printed(counts: ConfusionCounts, decimals: int = 3) -> PrintedRow:
    measures = confusion_measures(counts)
    names = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
    values = {name: getattr(measures, name).value for name in names}
    return PrintedRow(
        **{name: round(v, decimals) for name, v in values.items() if v == v},  # noqa: PLR0124
        decimals=decimals,
    )


@given(st.builds(ConfusionCounts, *([st.integers(0, 30)] * 4)), st.sampled_from([2, 3]))
def test_a_row_printed_from_a_table_is_traced_back_to_it(counts, decimals: int) -> None:
    if counts.patients:
        found = check_row(printed(counts, decimals), counts.events, counts.no_events)
        assert counts in found.tables
        assert found.reasons == ()


@given(st.builds(ConfusionCounts, *([st.integers(1, 8)] * 4)))
def test_a_row_is_traced_back_without_the_class_sizes(counts: ConfusionCounts) -> None:
    assert counts in check_row_of_unknown_classes(printed(counts), counts.patients).tables


def test_every_table_found_prints_as_the_row() -> None:
    row = PrintedRow(sensitivity=0.7, accuracy=0.8, decimals=1, may_be_truncated=False)
    found = check_row(row, 13, 35)
    assert len(found.tables) > 1
    for table in found.tables:
        measures = confusion_measures(table)
        assert measures.sensitivity.value == pytest.approx(0.7, abs=0.0501)
        assert measures.accuracy.value == pytest.approx(0.8, abs=0.0501)


def test_truncated_print_is_accepted_only_where_allowed() -> None:
    assert check_row(PrintedRow(sensitivity=0.416), 12, 5).feasible
    strict = PrintedRow(sensitivity=0.416, may_be_truncated=False)
    assert not check_row(strict, 12, 5).feasible


def test_reasons_name_each_impossible_number() -> None:
    row = PrintedRow(sensitivity=0.706, specificity=0.794, accuracy=0.671)
    reasons = check_row(row, 13, 35).reasons
    assert reasons == (
        "sensitivity 0.706 is not k/13 for any whole k",
        "specificity 0.794 is not k/35 for any whole k",
        "accuracy 0.671 is not k/48 for any whole k",
        "accuracy 0.671 does not lie between sensitivity 0.706 and specificity 0.794",
    )


def test_numbers_possible_alone_may_be_impossible_together() -> None:
    row = PrintedRow(sensitivity=0.769, specificity=0.882, ppv=0.5)
    assert check_row(row, 13, 51).reasons == (
        "each number is possible alone, but no one table gives them all",
    )


@pytest.mark.parametrize("row", [PrintedRow(), PrintedRow(sensitivity=76.9)])
def test_rows_that_hold_no_shares_are_refused(row: PrintedRow) -> None:
    with pytest.raises(DataError, match="at least one measure"):
        check_row(row, 13, 51)
