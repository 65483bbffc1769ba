"""Jobs run beside the caller, and results are named by what they depend on."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.settings import RunSettings
from simulations.side_processes import result_file, work_beside


def test_results_come_in_the_order_of_the_jobs():
    with work_beside(len, {"b": "four", "a": "no"}, 2) as collect:
        assert list(collect().items()) == [("b", 4), ("a", 2)]


def test_no_jobs_start_no_processes():
    with work_beside(len, {}, 2) as collect:
        assert collect() == {}


def test_an_error_of_a_job_reaches_the_caller():
    with work_beside(int, {"a": "no number"}, 1) as collect, pytest.raises(ValueError, match="no"):
        collect()


def test_a_result_is_found_again_unless_a_setting_that_matters_changes():
    run, settings = Path("run"), RunSettings()
    kept = result_file(run, "pooled-central", settings)
    assert kept == result_file(run, "pooled-central", replace(settings, wait_seconds=99))
    assert kept != result_file(run, "pooled-central", replace(settings, seed=2))
    assert kept != result_file(run, "site alone: a", settings)
