import numpy as np
import pytest

from shared.cohort.analysis_columns import MODEL_COLUMNS, site_columns
from shared.cohort.clinical import VARIABLES
from shared.cohort.clinical_table import parse_clinical_table
from shared.errors import ManifestError
from shared.tasks.clinical_values import clinical_values, values_by_name

CELLS = {
    "patient_id": "P-17",
    "site": "north",
    "response": "PD",
    "age_years": "63",
    "sex_male": "1",
    "neutrophils_e9_l": "3.3",
    "lymphocytes_e9_l": "1.1",
    "platelets_e9_l": "134",
    "ast_u_l": "56",
    "tumour_thrombus": "1",
    "crp_mg_l": "",
}


def test_values_become_the_columns_that_a_site_makes_of_its_table():
    names = [variable.name for variable in VARIABLES]
    table, _ = parse_clinical_table(
        ["response", *names], [["PD", *(CELLS.get(name, "") for name in names)]]
    )
    site = site_columns(table)

    found = clinical_values(CELLS).columns

    assert set(found) == set(MODEL_COLUMNS)
    for name, values in found.items():
        assert np.array_equal(values, site[name], equal_nan=True)


def test_given_derived_and_missing_variables_are_told_apart():
    values = clinical_values(CELLS)

    assert "ast_u_l" in values.given
    assert values.derived == ("nlr", "plr")
    assert {"crp_mg_l", "albi_grade_3", "haic_cycles"} <= set(values.missing)
    assert len(values.given) + len(values.derived) + len(values.missing) == len(VARIABLES)
    assert values.columns["nlr"][0] == pytest.approx(3.0)
    assert values.columns["aged_50_or_more"][0] == 1


def test_a_derived_value_that_the_hospital_gives_is_its_own():
    values = clinical_values({**CELLS, "NLR": "3.38", "plr": " n/a "})

    assert "nlr" in values.given
    assert values.columns["nlr"][0] == 3.38
    assert values.derived == ("plr",)


def test_a_value_in_another_unit_stops_the_prediction_and_is_named():
    with pytest.raises(ManifestError, match="off by 10 or 1000") as refusal:
        clinical_values({**CELLS, "albumin_g_l": "3.8", "platelets_e9_l": "134000"})

    assert [problem.where for problem in refusal.value.problems] == [
        "platelets_e9_l",
        "albumin_g_l",
    ]


def test_a_response_is_not_asked_for_and_not_looked_at():
    with_it, without = clinical_values(CELLS), clinical_values({"ast_u_l": "56"})

    assert clinical_values({**CELLS, "response": "CR"}).given == with_it.given
    assert without.given == ("ast_u_l",)
    assert with_it.notices == without.notices == ()


def test_a_column_with_an_unknown_name_is_not_silently_lost():
    (notice,) = clinical_values({**CELLS, "ast_ul": "400"}).notices

    assert notice == "The clinical column 'ast_ul' was not used. Did you mean 'ast_u_l'?"


def test_values_on_a_command_line_are_read_by_name():
    assert values_by_name(["ast_u_l=56", " Age_Years = 63 "]) == {
        "ast_u_l": "56",
        "age_years": "63",
    }


def test_every_wrong_value_on_a_command_line_is_named_at_once():
    with pytest.raises(ManifestError) as refusal:
        values_by_name(["ast_ul=56", "age_years", "sex_male=1", "sex_male=0"])

    assert [problem.where for problem in refusal.value.problems] == [
        "value 1",
        "value 2",
        "value 4",
    ]
    assert "Did you mean 'ast_u_l'?" in str(refusal.value)
