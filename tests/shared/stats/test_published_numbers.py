"""Numbers printed in Quan 2024 and Liao 2024: reproduced where they can be, flagged where not.

`oracles.json` holds each printed number, its inputs, and whether our method gives its digits.
A number matches within half a unit of its last printed digit.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from shared.stats.association import compare_categories
from shared.stats.confusion import ConfusionCounts
from shared.stats.contingency import chi_square, odds_ratio
from shared.stats.delong import auc_delong, delong_paired_test
from shared.stats.feasibility import PrintedRow, check_row, check_row_of_unknown_classes
from shared.stats.hard_call_auc import hanley_mcneil_standard_error, hard_call_auc
from shared.stats.intervals import IntervalMethod, proportion
from shared.stats.printed_ratio import implied_p

ORACLES = json.loads((Path(__file__).parent / "reference" / "oracles.json").read_text())["oracles"]
METHODS = {
    "wilson_cc": IntervalMethod.WILSON_CORRECTED,
    "wald_truncated": IntervalMethod.WALD_CUT,
}
LIAO_VALIDATION = {"events": 13, "no_events": 35}


def of_kind(kind: str, *, matches: bool | None = True):
    chosen = [o for o in ORACLES if o["kind"] == kind and o["matches"] is matches]
    assert chosen
    return pytest.mark.parametrize("oracle", chosen, ids=[o["id"] for o in chosen])


def prints_as(value: float, printed: float, decimals: int) -> bool:
    return abs(value - printed) <= 0.5 * 10.0**-decimals + 1e-9


def sizes_of(oracle) -> tuple[int, int]:
    events, patients = map(int, oracle["inputs"]["prevalence"].split("/"))
    return events, patients - events


def table_of(counts) -> ConfusionCounts:
    return ConfusionCounts(
        event_called=counts["TP"],
        event_missed=counts["FN"],
        no_event_called=counts["FP"],
        no_event_cleared=counts["TN"],
    )


@of_kind("proportion_ci")
def test_proportions_and_intervals_of_quan_table_3(oracle) -> None:
    result = proportion(
        oracle["inputs"]["k"], oracle["inputs"]["n"], method=METHODS[oracle["method"]]
    )
    printed = oracle["published"]
    # The oracle's rule: a value may be cut instead of rounded (one NPV is).
    assert prints_as(result.value, printed["value"], 3) or int(result.value * 1000) == round(
        printed["value"] * 1000
    )
    assert prints_as(result.lower, printed["lo"], 3)
    assert prints_as(result.upper, printed["hi"], 3)


@of_kind("proportion_ci")
def test_clopper_pearson_does_not_print_as_quan_table_3(oracle) -> None:
    result = proportion(oracle["inputs"]["k"], oracle["inputs"]["n"])
    printed = oracle["published"]
    assert not (
        prints_as(result.lower, printed["lo"], 3) and prints_as(result.upper, printed["hi"], 3)
    )


@of_kind("binary_auc_ci")
def test_areas_of_yes_no_calls_in_quan_table_3(oracle) -> None:
    estimate = hard_call_auc(table_of(oracle["inputs"]))
    printed = oracle["published"]
    assert prints_as(estimate.auc, printed["value"], 3)
    assert prints_as(estimate.lower, printed["lo"], 3)
    assert prints_as(estimate.upper, printed["hi"], 3)


@of_kind("binary_auc_ci")
def test_delong_does_not_print_as_quan_table_3(oracle) -> None:
    table = table_of(oracle["inputs"])
    sizes = [
        table.event_called,
        table.event_missed,
        table.no_event_called,
        table.no_event_cleared,
    ]
    calls = np.repeat([1.0, 0.0, 1.0, 0.0], sizes)
    estimate = auc_delong(calls, np.repeat([True, True, False, False], sizes))
    assert not prints_as(estimate.lower, oracle["published"]["lo"], 3)


@of_kind("delong_paired")
def test_delong_test_of_quan(oracle) -> None:
    inputs = oracle["inputs"]
    ours, reader = table_of(inputs["inception"]), table_of(inputs["reader"])
    both, neither = inputs["both_TP"], inputs["both_TN"]

    def paired(first: int, second: int, total: int, agree: int):
        """Lay out calls of two readers with these totals and this many calls in common."""
        cells = [agree, first - agree, second - agree, total - first - second + agree]
        return np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], cells, axis=0).astype(float)

    of_events = paired(ours.event_called, reader.event_called, ours.events, both)
    cleared = paired(ours.no_event_cleared, reader.no_event_cleared, ours.no_events, neither)
    calls = np.concatenate([of_events, 1 - cleared])
    events = np.arange(len(calls)) < ours.events
    test = delong_paired_test(calls[:, 0].copy(), calls[:, 1].copy(), events)
    assert prints_as(test.z, oracle["published"]["Z"], 2)
    assert prints_as(test.p, oracle["published"]["P"], 2)


@of_kind("z_to_p")
def test_p_of_a_printed_z(oracle) -> None:
    p = 2 * scipy_stats.norm.sf(oracle["inputs"]["Z"])
    assert prints_as(p, oracle["published"]["P"], 2)


@of_kind("percent")
def test_percentages_of_the_baseline_tables(oracle) -> None:
    rows = oracle["inputs"]["table"]
    percentages = [100 * proportion(k, sum(row)).value for row in rows for k in row]
    printed = oracle["published"]["pct"]
    if len(printed) == len(rows):
        percentages = percentages[:: len(rows[0])]
    assert all(prints_as(v, p, 1) for v, p in zip(percentages, printed, strict=True))


@of_kind("percent", matches=False)
def test_misprinted_percentages_are_noticed(oracle) -> None:
    rows = oracle["inputs"]["table"]
    firsts = [100 * proportion(row[0], sum(row)).value for row in rows]
    printed = oracle["published"]["pct"][:: len(oracle["published"]["pct"]) // len(rows)]
    assert not all(prints_as(v, p, 1) for v, p in zip(firsts, printed, strict=True))


@of_kind("chi2_2xk")
def test_p_of_quan_table_1_is_pearson_without_correction(oracle) -> None:
    p = chi_square(np.array(oracle["inputs"]["table"])).p
    assert prints_as(p, oracle["published"]["P"], 3)


@of_kind("chi2_2xk", matches=False)
def test_p_that_no_test_gives_are_noticed(oracle) -> None:
    table = np.array(oracle["inputs"]["table"])
    candidates = [
        chi_square(table).p,
        chi_square(table, yates=True).p,
        compare_categories(table).p,
    ]
    assert not any(prints_as(p, oracle["published"]["P"], 3) for p in candidates)
    assert round(candidates[0], 4) == oracle["recomputed"]["P"]


@of_kind("odds_ratio_2x2")
def test_univariable_odds_ratios_of_quan_table_2(oracle) -> None:
    i, printed = oracle["inputs"], oracle["published"]
    ratio = odds_ratio(
        np.array(
            [
                [i["exposed_event"], i["exposed_no_event"]],
                [i["unexposed_event"], i["unexposed_no_event"]],
            ]
        )
    )
    assert prints_as(ratio.value, printed["OR"], 3)
    assert prints_as(ratio.lower, printed["lo"], 3)
    assert prints_as(ratio.upper, printed["hi"], 3)
    assert prints_as(ratio.p, printed["P"], 3)


@of_kind("wald_consistency")
def test_printed_ratios_and_p_belong_together(oracle) -> None:
    i = oracle["inputs"]
    implied = implied_p(i["estimate"], i["lo"], i["hi"])
    assert implied.allows(oracle["published"]["P"], decimals=3)
    expected = (oracle["recomputed"]["P_min"], oracle["recomputed"]["P_max"])
    assert (implied.lowest, implied.highest) == pytest.approx(expected, abs=1e-4)


@of_kind("wald_consistency", matches=False)
def test_printed_ratios_and_p_of_different_tests_are_noticed(oracle) -> None:
    i = oracle["inputs"]
    assert not implied_p(i["estimate"], i["lo"], i["hi"]).allows(
        oracle["published"]["P"], decimals=4
    )


@of_kind("arithmetic")
def test_counts_and_shares_add_up(oracle) -> None:
    i = oracle["inputs"]
    if "k" in i:
        result = 100 * proportion(i["k"], i["n"]).value
    elif "CR" in i:
        result = 100 * proportion(i["CR"] + i["PR"], i["n"]).value
    elif "events" in i:
        result = sum(i["events"]) - i["overlap"]
    elif "images" in i:
        result = i["images"] % 3
    else:
        result = sum(i.values())
    assert prints_as(result, oracle["published"], 1)


@of_kind("arithmetic", matches=False)
def test_shares_of_the_wrong_denominator_are_noticed(oracle) -> None:
    share = proportion(oracle["inputs"]["k"], oracle["inputs"]["n"]).value
    assert not prints_as(share, oracle["published"], 3)
    assert not prints_as(100 * share, oracle["published"], 1)


@of_kind("proportion_ci", matches=False)
def test_intervals_too_narrow_for_patients_are_noticed(oracle) -> None:
    n, printed = oracle["inputs"]["n"], oracle["published"]
    if n is None:
        n = 127
    k = round(printed["value"] * n)
    widths = [proportion(k, n, method=method) for method in IntervalMethod]
    assert min(r.upper - r.lower for r in widths) > 2 * (printed["hi"] - printed["lo"])


@of_kind("confusion_feasibility", matches=False)
def test_rows_of_liao_cannot_come_from_one_table_of_patients(oracle) -> None:
    i = oracle["inputs"]
    row = PrintedRow(sensitivity=i["sens"], specificity=i["spec"], accuracy=i["acc"])
    verdict = check_row(row, *sizes_of(oracle))
    assert not verdict.feasible
    assert verdict.reasons


@of_kind("confusion_feasibility", matches=False)
def test_validation_rows_of_liao_fit_no_split_of_the_patients(oracle) -> None:
    i = oracle["inputs"]
    row = PrintedRow(sensitivity=i["sens"], specificity=i["spec"], accuracy=i["acc"])
    verdict = check_row_of_unknown_classes(row, sum(sizes_of(oracle)))
    between = any("does not lie between" in reason for reason in verdict.reasons)
    assert between is not oracle["recomputed"]["feasible_for_any_prevalence"]


@of_kind("ppv_from_sens_spec", matches=False)
def test_precision_of_liao_does_not_follow_from_its_row(oracle) -> None:
    i = oracle["inputs"]
    row = PrintedRow(
        sensitivity=i["sens"], specificity=i["spec"], ppv=oracle["published"]["precision"]
    )
    assert not check_row(row, **LIAO_VALIDATION).feasible


@of_kind("auc_ci_width", matches=False)
def test_area_intervals_of_liao_are_too_narrow_for_patients(oracle) -> None:
    i = oracle["inputs"]
    half = 1.959964 * hanley_mcneil_standard_error(i["AUC"], i["n_pos"], i["n_neg"])
    assert round(half, 4) == oracle["recomputed"]["hanley_mcneil_half_width_at_patient_n"]
    assert half > 1.3 * oracle["published"]["half_width"]


def test_the_checker_finds_the_tables_behind_quan_table_3() -> None:
    row = PrintedRow(sensitivity=0.824, specificity=0.918, ppv=0.609, npv=0.971)
    assert check_row(row, 17, 110).tables == (ConfusionCounts(14, 3, 9, 101),)
    row = PrintedRow(sensitivity=0.923, specificity=0.431, ppv=0.293, npv=0.957)
    assert check_row(row, 13, 51).tables == (ConfusionCounts(12, 1, 29, 22),)


def test_the_checker_flags_the_clinical_model_of_quan_in_training() -> None:
    row = PrintedRow(sensitivity=0.941, specificity=0.651, ppv=0.288, npv=0.987)
    assert check_row(row, 17, 110).reasons == ("specificity 0.651 is not k/110 for any whole k",)
