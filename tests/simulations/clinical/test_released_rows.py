import json
import re

import pytest

from simulations.clinical.released_baseline import baseline_rows, withheld_categories
from simulations.clinical.released_rows import (
    difference_rows,
    regression_rows,
    survival_rows,
)
from simulations.clinical.statistics_files import write_statistics
from simulations.clinical.study import FEDERATED, POOLED, Choices, compute_statistics

SMALL_TABLES = {
    "sex_male",
    "high_dose_regimen",
    "multiple_tumours",
    "tumour_thrombus",
    "extrahepatic_metastasis",
    "hbsag_present",
}


def counts(rows, variable):
    return {row["group"]: row["count"] for row in rows if row["variable"] == variable}


def test_tables_with_a_cell_below_five_are_withheld_whole(full):
    baseline = full.results[FEDERATED].baseline
    assert withheld_categories(baseline, 5) == SMALL_TABLES
    rows = baseline_rows(baseline, 5)
    for name in SMALL_TABLES:
        found = counts(rows, name)
        assert found["disease_control"] is found["progressive_disease"] is None
        assert found["all"] is not None
        assert all(row["p"] is None for row in rows if row["variable"] == name)
    assert counts(rows, "aged_50_or_more") == {
        "all": 97,
        "disease_control": 88,
        "progressive_disease": 9,
    }


def test_two_complete_responses_are_hidden_behind_the_partial_ones(full):
    rows = baseline_rows(full.results[FEDERATED].baseline, 5)
    shown = [row["count"] for row in rows if row["variable"] == "response"]
    assert shown == [None, None, 86, 17]


def test_the_odds_ratio_of_a_withheld_table_is_withheld_its_joint_one_not(full):
    rows = regression_rows(full.results[FEDERATED].regression, SMALL_TABLES, paper_mode=False)
    hidden = {row["variable"] for row in rows if row["withheld"]}
    assert hidden == (SMALL_TABLES - {"sex_male"}) | {"sex_female"}
    for row in rows:
        if row["withheld"]:
            assert row["model"] == "univariable"
            assert row["odds_ratio"] is row["lower"] is row["upper"] is row["p"] is None
    joint = {row["variable"]: row for row in rows if row["model"] == "multivariable"}
    assert joint["tumour_thrombus"]["odds_ratio"] > 1


def test_events_of_a_group_with_few_censored_are_withheld_with_the_other_groups(full):
    results = full.results[FEDERATED].survival
    rows = survival_rows(results, 5)
    for outcome, divided in {(row["outcome"], row["divided_by"]) for row in rows}:
        own = [r for r in rows if (r["outcome"], r["divided_by"]) == (outcome, divided)]
        shown = [row["events"] is not None for row in own]
        assert all(shown) or not any(shown)
    assert any(row["events"] is None for row in rows)
    assert all(row["events"] is not None for row in survival_rows(results, 1))


def test_differences_name_withheld_numbers_without_their_values(full):
    rows = difference_rows(full)
    assert len(rows) == len(full.differences)
    for row in rows:
        name = next((n for n in SMALL_TABLES if f"categories/{n}/" in row["quantity"]), None)
        if name:
            assert row["federated"] is row["pooled"] is None
            assert row["absolute_difference"] < 1e-11
    shown = {row["quantity"]: row for row in rows}
    assert shown["univariable/aged_50_or_more/rows/aged_50_or_more/odds_ratio"]["pooled"]
    assert shown["univariable/sex_female/rows/sex_female/odds_ratio"]["pooled"] is None


@pytest.mark.parametrize("show", [False, True])
def test_no_withheld_odds_ratio_is_in_any_file_unless_asked_for(cohort, tmp_path, show):
    choices = Choices(models=False, show_small=show)
    written = write_statistics(compute_statistics(cohort, choices), tmp_path)
    texts = [p.read_text("utf-8") for p in written.files if p.suffix in {".csv", ".json", ".html"}]
    # 2.142857 is 15 / 7 of the sex row, 5.5952 the thrombus row of Table 2.
    found = [bool(re.search(r"2\.1428|2\.143|5\.5952|5\.595\b", text)) for text in texts]
    assert any(found) is show
    assert any("5.595" in line for line in written.text.splitlines()) is show
    rows = json.loads((tmp_path / "statistics.json").read_text("utf-8"))["table1"]
    for how in (FEDERATED, POOLED):
        own = [row for row in rows if row["computed"] == how]
        assert counts(own, "tumour_thrombus")["progressive_disease"] == (15 if show else None)
