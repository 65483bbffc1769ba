from dataclasses import replace

import pytest

from shared.report.run_record import StepSeconds
from shared.report.tables import (
    arms_table,
    cohort_table,
    environment_table,
    rounds_table,
    seeds_table,
    settings_table,
    site_results_table,
    steps_table,
)


def test_every_row_of_every_table_has_a_cell_per_heading(record):
    tables = (
        arms_table(record),
        cohort_table(record),
        environment_table(record),
        rounds_table(record),
        seeds_table(record),
        settings_table(record),
        site_results_table(record.arms[0]),
        steps_table(record),
    )

    for table in tables:
        widths = {len(row) for row in (*table.rows, *([table.total] if table.total else []))}
        assert widths == {len(table.header)}


def test_the_cohort_is_summed_only_where_every_site_told(record):
    assert cohort_table(record).total == ("All sites", "80", "–", "40", "8", "32", "–", "320")


def test_the_kept_round_and_a_failed_site_are_marked(record):
    table = rounds_table(record)

    assert table.rows[4][0] == "5 (kept)"
    assert table.rows[4][-1] == "Clinic South"
    assert table.rows[3][-1] == "none"
    assert table.total[4:6] == ("4.4 GB", "4.3 GB")


def test_the_mean_over_seeds_needs_every_seed(record):
    assert seeds_table(record).total == ("Mean", "0.840", "0.853", "–", "0.910")


def test_only_steps_that_were_run_are_listed(record):
    table = steps_table(replace(record, steps=StepSeconds(training=90, report=2.5)))

    assert table.rows == (("Training", "1 min 30 s"), ("Report", "2.5 s"))
    assert table.total == ("Together", "1 min 32 s")


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), ("", "(empty)"), (1e-4, "0.0001"), (8, "8")]
)
def test_settings_are_written_as_the_run_config_takes_them(record, value, text):
    assert settings_table(replace(record, settings={"key": value})).rows == (("key", text),)
