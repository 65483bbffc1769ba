"""A run of clinical statistics through refusals, faults and a kill, over the real apps."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clinical_sites import SETTINGS, contents, run_statistics, write_site, write_sites

from client.clinical_site import open_clinical_site
from client.error_log import FILE_NAME as ERRORS
from client.site_settings import Needs, read_site_settings
from server.run_folder import read_census, read_statistics
from shared.cohort.analysis_columns import EVENT
from shared.errors import CheckpointError, QuorumError
from shared.settings import parse_run_settings
from simulations.synthetic.clinical import draw_clinical_rows

ROOT = Path(__file__).parents[2]


def questions(grid):
    return {message.content["config"]["message"] for message in grid.messages}


def events_of(file):
    site = read_site_settings(file, {Needs.CLINICAL})
    return open_clinical_site(site, parse_run_settings(SETTINGS)).columns[EVENT] == 1


def few_events(rows, kept):
    """Make patients with progressive disease stable, but for a few."""
    progressive = [row for row in rows if row["response"] == "PD"]
    for row in progressive[kept:]:
        row["response"] = "SD"
    return rows


@pytest.fixture(scope="module")
def with_a_small_site(tmp_path_factory):
    """Four sites, one of which has three patients with the event."""
    folder = tmp_path_factory.mktemp("small")
    files = write_sites(folder, (97, 103, 109))
    rows = few_events(draw_clinical_rows(90, ["small"], np.random.default_rng(9)), 3)
    files.append(write_site(folder / "small", "small", rows))
    lines: list[str] = []
    grid = run_statistics(files, folder / "run", progress=lines.append)
    return files, folder / "run", grid, lines


def test_a_site_with_few_events_refuses_by_a_word_and_the_stage_goes_on(with_a_small_site):
    files, run_dir, grid, lines = with_a_small_site
    stages = {record.name: record for record in read_statistics(run_dir).stages}
    assert stages["baseline"].left_out == {"small": "few-patients"}
    assert stages["baseline"].sites == ("site-0", "site-1", "site-2")
    assert stages["regression"].sites == ("site-0", "site-1", "site-2", "small")
    reasons = {r.error.reason for r in grid.replies if r.has_error()}
    assert any(reason.startswith("site refusal few-patients ref ") for reason in reasons)
    assert all(len(reason.split()) == 5 for reason in reasons)
    said = next(line for line in lines if line.startswith("small: "))
    assert "too few patients stand behind some part of the answer" in said
    assert "smaller parts" in (files[-1].parent / "work" / ERRORS).read_text()


def test_the_result_of_a_stage_is_over_the_sites_that_answered(with_a_small_site):
    files, run_dir, _, _ = with_a_small_site
    event = np.concatenate([events_of(file) for file in files[:3]])
    assert read_statistics(run_dir).baseline.patients == (np.sum(~event), np.sum(event))


def test_the_census_withholds_a_small_count(with_a_small_site):
    _, run_dir, _, _ = with_a_small_site
    assert read_census(run_dir).withheld["events"] == 1


def test_a_stage_that_too_many_sites_refuse_is_withheld(tmp_path):
    files = [
        write_site(
            tmp_path / f"s{n}",
            f"s{n}",
            few_events(draw_clinical_rows(60, ["s"], np.random.default_rng(n)), 3),
        )
        for n in range(3)
    ]
    run_statistics(files, tmp_path / "run")
    found = read_statistics(tmp_path / "run")
    stages = {record.name: record for record in found.stages}
    assert stages["baseline"].state.value == "withheld"
    assert "s0, s1, s2: too few patients" in stages["baseline"].reason
    assert found.regression is not None


def test_sites_with_different_secrets_fit_no_machine(tmp_path):
    files = write_sites(tmp_path, (97, 103, 109))
    (tmp_path / "site-1" / "rotation.key").write_bytes(b"another secret of thirty-two bytes")
    run_statistics(files, tmp_path / "run")
    found = read_statistics(tmp_path / "run")
    stages = {record.name: record for record in found.stages}
    assert "one rotation secret at all sites" in stages["model"].reason
    assert "Expected a model to evaluate" in stages["evaluation"].reason
    assert found.regression is not None


def test_a_secret_that_others_can_read_stops_the_fit_by_name(tmp_path):
    files = write_sites(tmp_path, (97, 103, 109))
    (tmp_path / "site-1" / "rotation.key").chmod(0o644)
    with pytest.raises(QuorumError, match="site-1"):
        run_statistics(files, tmp_path / "run")
    assert read_statistics(tmp_path / "run").finished == {"baseline", "regression", "survival"}
    assert "chmod 600" in (tmp_path / "site-1" / "work" / ERRORS).read_text()
    (tmp_path / "site-1" / "rotation.key").chmod(0o600)
    grid = run_statistics(files, tmp_path / "run")
    assert "LogisticRequest" not in questions(grid)
    assert read_statistics(tmp_path / "run").evaluation is not None


def test_a_killed_run_goes_on_after_its_last_stage(tmp_path):
    files = write_sites(tmp_path, (97, 103, 109))
    script = (
        "import os, signal, sys, clinical_sites\n"
        "def before(message):\n"
        "    if message.content['config']['message'] == 'SvmRequest':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "clinical_sites.run_statistics(sys.argv[2:], sys.argv[1], before=before)"
    )
    folders = [str(ROOT), str(ROOT / "tests")]
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "run"), *map(str, files)],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    before = read_statistics(tmp_path / "run")
    assert before.finished == {"baseline", "regression", "survival"}
    lines: list[str] = []
    grid = run_statistics(files, tmp_path / "run", progress=lines.append)
    assert lines[0] == "Going on after baseline, regression, survival."
    assert not questions(grid) & {"LogisticRequest", "FollowUpRequest"}
    run_statistics(files, tmp_path / "steady")
    resumed, steady = (read_statistics(tmp_path / name) for name in ("run", "steady"))
    assert resumed.stages[:3] == before.stages
    assert np.abs(resumed.model.model.weights - steady.model.model.weights).max() < 1e-6
    assert resumed.evaluation.auc.auc == steady.evaluation.auc.auc
    with pytest.raises(CheckpointError, match="other settings"):
        run_statistics(files, tmp_path / "run", seed=7)


def test_rows_that_cannot_be_used_stay_at_the_site(tmp_path):
    files = write_sites(tmp_path, (97, 103, 109))
    table = tmp_path / "site-2" / "clinical.csv"
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for row in rows[:6]:
        row["albumin_g_l"] = "4200"
    shutil.rmtree(tmp_path / "site-2")
    files[2] = write_site(tmp_path / "site-2", "site-2", rows)
    grid = run_statistics(files, tmp_path / "run")
    census = read_census(tmp_path / "run").sites["site-2"]
    assert (census.patients, census.excluded_patients) == (103, 6)
    report = (tmp_path / "site-2" / "work" / "clinical_report.json").read_text()
    assert "row 2, albumin_g_l" in report
    assert not any(b"4200" in contents(message) for message in grid.replies)
