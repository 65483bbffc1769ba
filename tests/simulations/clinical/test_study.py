"""A cohort's statistics over sites equal those of the pooled patients, and the published ones."""

import dataclasses
import math

import numpy as np
import pytest
import statsmodels.api as sm
from lifelines.statistics import logrank_test
from scipy import stats as scipy_stats

from client.clinical_file import ClinicalCohort
from shared.cohort.analysis_columns import EVENT, site_columns
from shared.errors import DataError, DisclosureError, SettingsError
from shared.stats.logistic import FitMethod
from shared.vocabulary import RecistResponse
from simulations.clinical.clinical_models import LOGISTIC, SVM
from simulations.clinical.cohort_file import pooled_columns
from simulations.clinical.differences import largest
from simulations.clinical.study import FEDERATED, POOLED, TOLERANCES, Choices, compute_statistics

# Quan 2024, Table 2: odds ratio, limits, P as printed. The sex and regimen rows fit the counts in
# the direction named here only.
PUBLISHED = {
    "aged_50_or_more": ("0.281", "0.097", "0.812", "0.019"),
    "sex_female": ("2.143", "0.525", "8.744", "0.288"),
    "pre_haic_treatment": ("0.670", "0.215", "2.088", "0.490"),
    "high_dose_regimen": ("3.500", "0.759", "16.147", "0.108"),
    "multiple_tumours": ("1.778", "0.215", "14.724", "0.594"),
    "tumour_thrombus": ("5.595", "1.220", "25.660", "0.027"),
    "extrahepatic_metastasis": ("3.900", "1.196", "12.715", "0.024"),
    "hbsag_present": ("1.234", "0.327", "4.660", "0.757"),
    "albi_grade_3": ("0.631", "0.218", "1.827", "0.396"),
}


def changed(cohort, **columns):
    table = cohort.table
    return ClinicalCohort(
        dataclasses.replace(table, columns={**table.columns, **columns}), (), cohort.rows
    )


def quick(cohort, **choices):
    return compute_statistics(cohort, Choices(models=False, **choices))


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("how", [FEDERATED, POOLED])
def test_odds_ratios_of_the_nine_tables_are_the_published_ones(full, how, name):
    (row,) = full.results[how].regression.univariable[name].rows
    printed = tuple(f"{value:.3f}" for value in (row.odds_ratio, row.lower, row.upper, row.p))
    assert printed == PUBLISHED[name]


@pytest.mark.parametrize("sites", [1, 3, 6])
@pytest.mark.parametrize("paper_mode", [False, True])
def test_tables_and_survival_equal_the_pooled_ones(cohort, sites, paper_mode):
    result = quick(cohort, sites=sites, paper_mode=paper_mode, show_small=True)
    assert len(result.site_patients) == sites
    found = {item.table: item for item in largest(result.differences)}
    assert set(found) == {"table 1", "table 2", "survival"}
    assert sum(item.numbers for item in found.values()) > 2000
    beyond = [d for d in result.differences if not d.within(TOLERANCES[d.table])]
    assert beyond == []
    assert all(item.one_sided == 0 for item in found.values())
    ours, theirs = (result.results[how] for how in (FEDERATED, POOLED))
    assert ours.regression.entered == theirs.regression.entered
    assert ours.survival.refusals == theirs.survival.refusals == {}


def test_clinical_models_equal_the_pooled_ones(full):
    found = {item.table: item for item in largest(full.differences)}
    for table in ("models: areas and calls", "models: weights, svm", "models: weights, logistic"):
        assert found[table].absolute <= TOLERANCES[table]
        assert found[table].numbers > 40
    ours, theirs = (full.results[how].models for how in (FEDERATED, POOLED))
    assert [f.penalty for f in ours.fits[SVM]] == [f.penalty for f in theirs.fits[SVM]]
    assert {score.name: score.counts for score in ours.scores} == {
        score.name: score.counts for score in theirs.scores
    }
    assert all(score.counts.events == 17 and score.counts.patients == 127 for score in ours.scores)
    assert all(score.auc.auc > 0.5 for score in ours.scores)
    assert set(full.rocs) == {SVM, LOGISTIC}


def test_pooled_numbers_are_those_of_other_implementations(full, cohort):
    parts = {"all": site_columns(cohort.table)}
    columns = pooled_columns(parts)
    event = columns[EVENT] == 1
    results = full.results[FEDERATED]
    ast = columns["ast_u_l"]
    known = ~np.isnan(ast)
    item = next(m for m in results.baseline.measurements if m.name == "ast_u_l")
    reference = scipy_stats.mannwhitneyu(
        ast[known & ~event], ast[known & event], method="asymptotic"
    )
    assert item.p == pytest.approx(reference.pvalue, rel=1e-12)
    assert item.quartiles[0] == pytest.approx(tuple(np.nanquantile(ast, [0.25, 0.5, 0.75])))
    design = sm.add_constant(np.log2(ast[known]))
    fit = sm.Logit(event[known].astype(float), design).fit(disp=0, tol=1e-14)
    (row,) = results.regression.univariable["ast_u_l"].rows
    assert row.coefficient == pytest.approx(fit.params[1], rel=1e-8)
    assert row.p == pytest.approx(fit.pvalues[1], rel=1e-8)
    high = known & (ast > 40)
    test = logrank_test(
        columns["os_days"][high],
        columns["os_days"][known & ~high],
        columns["os_event"][high],
        columns["os_event"][known & ~high],
    )
    comparison = results.survival.comparisons["os/ast_u_l_above_40"]
    assert comparison.tests.log_rank_p == pytest.approx(test.p_value, rel=1e-10)


def test_cycles_enter_in_paper_mode_only(cohort, full):
    paper = quick(cohort, paper_mode=True).results[FEDERATED]
    assert "haic_cycles" in paper.regression.univariable
    assert "haic_cycles" not in full.results[FEDERATED].regression.univariable
    assert any(m.name == "haic_cycles" for m in full.results[FEDERATED].baseline.measurements)


def test_a_separating_variable_is_answered_by_firth_on_both_sides(cohort):
    progressive = np.array([r is RecistResponse.PROGRESSIVE for r in cohort.table.responses])
    marker = np.where(progressive, 300.0, 20.0) + np.arange(127) % 7
    result = quick(changed(cohort, alt_u_l=marker), show_small=True)
    fits = [result.results[how].regression.univariable["alt_u_l"] for how in (FEDERATED, POOLED)]
    assert [fit.method for fit in fits] == [FitMethod.FIRTH, FitMethod.FIRTH]
    assert math.isnan(fits[0].rows[0].lower)
    assert fits[0].rows[0].odds_ratio == pytest.approx(fits[1].rows[0].odds_ratio, rel=1e-5)
    assert fits[0].rows[0].p == pytest.approx(fits[1].rows[0].p, rel=1e-4)


def test_a_constant_and_an_empty_variable_are_named_not_fitted(cohort):
    nothing, constant = np.full(127, np.nan), np.ones(127)
    result = quick(changed(cohort, crp_mg_l=nothing, multiple_tumours=constant))
    for how in (FEDERATED, POOLED):
        regression = result.results[how].regression
        assert set(regression.refusals) == {"crp_mg_l", "multiple_tumours"}
        assert "crp_mg_l" not in regression.univariable
        item = next(m for m in result.results[how].baseline.measurements if m.name == "crp_mg_l")
        assert item.present == (0, 0, 0)
        assert math.isnan(item.p)


def test_without_follow_up_survival_is_refused_and_the_rest_stands(cohort):
    nothing = np.full(127, np.nan)
    table = dataclasses.replace(cohort.table, os_days=nothing, os_event=nothing)
    result = quick(ClinicalCohort(table, (), 127))
    refused = {n for n in result.results[FEDERATED].survival.refusals if n.startswith("os/")}
    assert len(refused) == 6
    assert len(result.results[FEDERATED].survival.comparisons) == 6


def test_one_outcome_is_refused(cohort):
    table = dataclasses.replace(cohort.table, responses=(RecistResponse.STABLE,) * 127)
    with pytest.raises(DataError, match="progressive disease"):
        quick(ClinicalCohort(table, (), 127))


def test_an_outcome_of_a_few_patients_is_refused_unless_asked_for(cohort):
    progressive = [RecistResponse.PROGRESSIVE] * 4 + [RecistResponse.STABLE] * 123
    few = ClinicalCohort(dataclasses.replace(cohort.table, responses=tuple(progressive)), (), 127)
    with pytest.raises(DisclosureError, match="show-small-counts"):
        quick(few)
    assert quick(few, show_small=True).results[FEDERATED].baseline.patients == (127, 123, 4)


def test_a_minimum_below_five_is_refused(cohort):
    with pytest.raises(SettingsError):
        quick(cohort, minimum=4)
