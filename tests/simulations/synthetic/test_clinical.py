"""The invented clinical cohort has the margins and the 2x2 tables of Quan 2024."""

import io

import numpy as np
import pytest

from shared.cohort.clinical_table import parse_clinical_table
from simulations.synthetic.clinical import draw_clinical_rows, write_clinical_csv


def table(patients=127, seed=0, sites=("a", "b", "c")):
    rows = draw_clinical_rows(patients, sites, np.random.default_rng(seed))
    return parse_clinical_table(list(rows[0]), [list(row.values()) for row in rows])


@pytest.mark.parametrize("seed", range(5))
def test_every_row_passes_the_schema(seed):
    parsed, problems = table(seed=seed)
    assert problems == ()
    assert len(parsed.responses) == 127


def test_responses_are_the_counts_of_table_1():
    parsed, _ = table()
    counts = {word: parsed.responses.count(word) for word in ("CR", "PR", "SD", "PD")}
    assert counts == {"CR": 2, "PR": 22, "SD": 86, "PD": 17}


# Exposed with and without progressive disease; Quan 2024 Table 2, solved from its odds ratios.
@pytest.mark.parametrize(
    ("name", "with_pd", "without_pd"),
    [
        ("sex_male", 14, 100),
        ("pre_haic_treatment", 12, 86),
        ("high_dose_regimen", 15, 75),
        ("multiple_tumours", 16, 99),
        ("tumour_thrombus", 15, 63),
        ("extrahepatic_metastasis", 13, 50),
        ("hbsag_present", 14, 87),
        ("albi_grade_3", 6, 51),
    ],
)
def test_two_by_two_tables_are_those_behind_table_2(name, with_pd, without_pd):
    parsed, _ = table()
    progressive = np.array([word == "PD" for word in parsed.responses])
    exposed = parsed.columns[name] == 1
    assert (exposed & progressive).sum() == with_pd
    assert (exposed & ~progressive).sum() == without_pd


def test_age_above_50_is_the_table_behind_table_2():
    parsed, _ = table()
    progressive = np.array([word == "PD" for word in parsed.responses])
    older = parsed.columns["age_years"] >= 50
    assert ((older & progressive).sum(), (older & ~progressive).sum()) == (9, 88)


def test_medians_of_a_large_cohort_come_close_to_table_1():
    parsed, _ = table(patients=6000)
    medians = {name: float(np.nanmedian(column)) for name, column in parsed.columns.items()}
    for name, printed in {"ast_u_l": 56, "afp_ng_ml": 166, "albumin_g_l": 38}.items():
        assert medians[name] == pytest.approx(printed, rel=0.12)


def test_the_same_seed_draws_the_same_file():
    def text(seed):
        stream = io.StringIO()
        write_clinical_csv(draw_clinical_rows(40, ["a"], np.random.default_rng(seed)), stream)
        return stream.getvalue()

    assert text(3) == text(3)
    assert text(3) != text(4)
