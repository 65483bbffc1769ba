import dataclasses
import json

import numpy as np
import pytest

from client.audit_log import verify_audit_log
from server.events import verify_events
from server.run_folder import events_file, read_evaluation
from shared.errors import SettingsError
from shared.settings import parse_run_settings
from simulations.federation import run_federation
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, even_sites

SETTINGS = parse_run_settings(
    {
        "phases": "portal",
        "image-size": 32,
        "slices-per-patient": 1,
        "rounds": 2,
        "batch-size": 16,
        "inner-validation-fraction": 0.4,
        "held-out-fraction": 0.3,
        "min-sites": 3,
        "wait-seconds": 60,
    }
)


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    spec = CohortSpec(sites=even_sites(3, 20), seed=5, matrix=64, slices=8)
    write_cohort(spec, folder, workers=1, progress=None)
    return sorted(folder.glob("*/site.toml"))


@pytest.fixture(scope="module")
def steady(sites, tmp_path_factory):
    return run_federation(sites, SETTINGS, tmp_path_factory.mktemp("steady"))


def largest_difference(first, second):
    assert set(first) == set(second)
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


@pytest.mark.slow
def test_a_federation_runs_from_dicom_to_its_evaluation(sites, steady):
    assert [record.round for record in steady.history] == [1, 2]
    assert set(steady.census.sites) == {"site-a", "site-b", "site-c"}
    assert all(array.dtype == np.float32 for array in steady.weights.values())
    assert not any("num_batches_tracked" in name for name in steady.weights)
    evaluation = read_evaluation(steady.run_dir)
    assert evaluation.patients == steady.census.totals["held_out_patients"]
    assert evaluation.auc is not None
    assert 0 <= evaluation.auc.auc <= 1
    assert verify_events(events_file(steady.run_dir)).broken_at is None
    assert all(verify_audit_log(site.parent / "work").broken_at is None for site in sites)


@pytest.mark.slow
def test_sites_may_come_in_any_order(sites, steady, tmp_path):
    again = run_federation(sites[::-1], SETTINGS, tmp_path)
    assert largest_difference(again.weights, steady.weights) == 0


@pytest.mark.slow
def test_no_run_file_holds_a_word_of_a_patient(sites, steady):
    rows = [site.with_name("manifest.csv").read_text().splitlines() for site in sites]
    identifiers = {row.split(",")[0] for lines in rows for row in lines[1:]}
    texts = [path.read_text() for path in steady.run_dir.glob("*.json")]
    texts.append(events_file(steady.run_dir).read_bytes().decode("latin-1"))
    assert len(identifiers) == 60
    assert not any(identifier in text for identifier in identifiers for text in texts)


@pytest.mark.slow
def test_rays_engine_gives_the_same_model(sites, steady, tmp_path):
    pytest.importorskip("ray")
    lines: list[str] = []
    ray = run_federation(sites, SETTINGS, tmp_path, engine="ray", progress=lines.append)
    assert largest_difference(ray.weights, steady.weights) < 1e-6
    assert ray.best.round == steady.best.round
    assert any("Round 2/2" in line for line in lines)


def test_a_path_that_is_no_site_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"site\.toml"):
        run_federation([tmp_path], SETTINGS, tmp_path / "run")


@pytest.mark.slow
def test_a_site_that_cannot_take_part_is_named_and_the_others_go_on(sites, tmp_path):
    broken = tmp_path / "broken" / "site.toml"
    (broken.parent / "dicom").mkdir(parents=True)
    (broken.parent / "manifest.csv").write_text("nothing,of,use\n")
    broken.write_text('[site]\nname = "broken"\ndicom = "dicom"\nmanifest = "manifest.csv"\n')
    lines: list[str] = []
    settings = dataclasses.replace(SETTINGS, rounds=1)
    result = run_federation([*sites, broken], settings, tmp_path / "run", progress=lines.append)
    assert len(result.census.sites) == 3
    assert any(line.startswith("Left out: node") and "error ref" in line for line in lines)
    assert json.loads((tmp_path / "run" / "history.json").read_text())[0]["failed"] == []
