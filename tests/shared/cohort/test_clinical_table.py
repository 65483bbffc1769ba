"""A clinical table is checked whole: every problem named, good rows kept."""

import numpy as np
import pytest

from shared.cohort.clinical import VARIABLES, albi_score
from shared.cohort.clinical_table import parse_clinical_table
from shared.errors import Level, ManifestError

VALUES = {
    "age_years": "60",
    "sex_male": "1",
    "pre_haic_treatment": "0",
    "haic_cycles": "2",
    "high_dose_regimen": "1",
    "multiple_tumours": "1",
    "largest_tumour_cm": "6.9",
    "tumour_thrombus": "0",
    "extrahepatic_metastasis": "0",
    "hbsag_present": "1",
    "afp_ng_ml": "166",
    "pivka_ii_mau_ml": "3898",
    "prothrombin_time_s": "12.9",
    "platelets_e9_l": "134",
    "neutrophils_e9_l": "3.3",
    "lymphocytes_e9_l": "1.1",
    "monocytes_e9_l": "0.48",
    "total_bilirubin_umol_l": "15.8",
    "alt_u_l": "39",
    "ast_u_l": "56",
    "akp_u_l": "155",
    "ggt_u_l": "138",
    "albumin_g_l": "38",
    "crp_mg_l": "10.4",
    "response": "PR",
}


def parse(*rows):
    header = list(VALUES)
    return parse_clinical_table(header, [[row.get(name, "") for name in header] for row in rows])


def test_there_are_the_27_variables_of_the_paper():
    assert len(VARIABLES) == 27
    assert len({variable.name for variable in VARIABLES}) == 27


def test_ratios_and_grade_are_derived_where_they_are_empty():
    table, _ = parse(VALUES)
    assert table.columns["nlr"][0] == pytest.approx(3.0)
    assert table.columns["plr"][0] == pytest.approx(134 / 1.1)
    assert table.columns["albi_grade_3"][0] == 0


def test_albi_score_is_johnsons():
    # Grade 1 needs at most -2.60; 10 umol/L with 40 g/L is -2.74.
    assert albi_score(np.array([10.0]), np.array([40.0]))[0] == pytest.approx(-2.74)


def test_a_missing_laboratory_value_stays_missing():
    table, problems = parse(VALUES | {"crp_mg_l": "NA"})
    assert np.isnan(table.columns["crp_mg_l"][0])
    assert problems == ()


def test_all_problems_of_all_rows_come_at_once_and_good_rows_stay():
    table, problems = parse(
        VALUES,
        VALUES | {"ast_u_l": "56000", "response": "better"},
        VALUES | {"sex_male": "m", "albumin_g_l": "3.8"},
    )
    assert len(table.responses) == 1
    where = [problem.where for problem in problems]
    assert where == [
        "row 3, response",
        "row 3, ast_u_l",
        "row 4, sex_male",
        "row 4, albumin_g_l",
    ]
    assert "unit" in problems[1].fix


def test_missing_columns_are_named_together():
    header = [name for name in VALUES if name not in {"ast_u_l", "response"}]
    with pytest.raises(ManifestError) as caught:
        parse_clinical_table(header, [["1"] * len(header)])
    assert {p.where for p in caught.value.problems} == {"column 'ast_u_l'", "column 'response'"}


def test_unknown_columns_are_a_note_and_not_an_error():
    header = [*VALUES, "shoe_size"]
    table, problems = parse_clinical_table(header, [[*VALUES.values(), "42"]])
    assert len(table.responses) == 1
    assert [problem.level for problem in problems] == [Level.INFO]


def test_a_table_without_a_usable_row_is_refused():
    with pytest.raises(ManifestError, match="No row"):
        parse(VALUES | {"response": "?"})
