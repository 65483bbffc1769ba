"""The stage that waits for masked sums gives the pooled result once there are some."""

import csv

import numpy as np
import pytest
from clinical_sites import SETTINGS, write_sites

from client.clinical_site import open_clinical_site
from client.site_settings import Needs, read_site_settings
from server.clinical_results import ClinicalStatistics
from server.clinical_stages import compare_subgroups
from server.run_folder import read_statistics, write_statistics
from server.statistics_table import write_statistics_csv
from shared.settings import parse_run_settings
from simulations.clinical.cohort_file import pooled_columns
from simulations.clinical.masked_sites import MaskedSites
from simulations.clinical.subgroup_survival import pooled_survival

RUN = parse_run_settings(SETTINGS)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    files = write_sites(tmp_path_factory.mktemp("sites"), (60, 70, 80))
    return {
        file.parent.name: open_clinical_site(
            read_site_settings(file, {Needs.CLINICAL}), RUN
        ).columns
        for file in files
    }


def test_survival_over_masked_sums_equals_the_pooled_patients(tables, tmp_path):
    found = compare_subgroups(MaskedSites(tables, seed=1))
    expected = pooled_survival(pooled_columns(tables), 5).comparisons
    assert set(found) == set(expected)
    for name, survival in found.items():
        assert survival.patients == expected[name].patients
        assert survival.events == expected[name].events
        if survival.log_rank is not None:
            assert survival.log_rank.chi_square == pytest.approx(
                expected[name].tests.chi_square, rel=1e-10
            )
            assert survival.hazard_ratio.value == pytest.approx(
                expected[name].tests.hazard_ratio, rel=1e-10
            )
    statistics = ClinicalStatistics(survival=found)
    write_statistics(tmp_path, RUN, statistics)
    kept = read_statistics(tmp_path, RUN).survival
    name = "os/ast_u_l_above_40"
    assert kept[name].log_rank.chi_square == found[name].log_rank.chi_square
    assert np.array_equal(kept[name].medians[0].median, found[name].medians[0].median)
    write_statistics_csv(tmp_path / "statistics.csv", statistics)
    with (tmp_path / "statistics.csv").open(encoding="utf-8") as stream:
        rows = {(r["item"], r["quantity"]): r["value"] for r in csv.DictReader(stream)}
    assert float(rows[name, "hazard ratio"]) == found[name].hazard_ratio.value
