"""A written cohort is complete, deterministic, resumable, and keeps its truth to itself."""

import csv
import hashlib
import json
import shutil
import tomllib

import pytest

from shared.errors import HepafedError
from simulations.synthetic.cohort import study_folder, write_cohort
from simulations.synthetic.patient import draw_patient
from simulations.synthetic.spec import CohortSpec, SiteSpec, demo_spec

SPEC = CohortSpec(
    sites=(SiteSpec("site-a", 2, "ge"), SiteSpec("site-b", 2, "uih")),
    seed=5,
    matrix=40,
    slices=8,
)


def bytes_of(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("cohort") / "out"
    calls = []
    summary = write_cohort(SPEC, out, workers=1, progress=lambda *done: calls.append(done))
    return out, summary, calls


def test_same_specification_gives_the_same_bytes_with_any_number_of_workers(written, tmp_path):
    out, _, _ = written
    write_cohort(SPEC, tmp_path / "again", workers=2, progress=None)
    assert bytes_of(tmp_path / "again") == bytes_of(out)


def test_another_seed_gives_other_patients():
    other = CohortSpec(sites=SPEC.sites, seed=6, matrix=40, slices=8)
    assert draw_patient(other, 0, 0).factors != draw_patient(SPEC, 0, 0).factors


def test_an_interrupted_cohort_is_completed_to_the_same_bytes(written, tmp_path):
    out, _, _ = written
    partial = tmp_path / "partial"
    shutil.copytree(out, partial)
    (partial / "truth" / "S1-0002.json").unlink()
    broken = study_folder(SPEC, partial, draw_patient(SPEC, 0, 1))
    next(path for path in broken.rglob("*") if path.is_file()).unlink()
    calls = []
    write_cohort(SPEC, partial, workers=1, progress=lambda *done: calls.append(done))
    assert calls == [(4, 4)]
    assert bytes_of(partial) == bytes_of(out)


def test_progress_counts_every_patient(written):
    assert written[2] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_folder_with_another_cohort_is_refused(written):
    other = CohortSpec(sites=SPEC.sites, seed=6, matrix=40, slices=8)
    with pytest.raises(HepafedError, match="another folder"):
        write_cohort(other, written[0], workers=1, progress=None)


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(HepafedError, match="other files"):
        write_cohort(SPEC, tmp_path, workers=1, progress=None)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_manifest_lists_every_patient_with_response_and_liver_range(written):
    out, summary, _ = written
    with (out / "site-b" / "manifest.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["patient_id"] for row in rows] == ["S2-0001", "S2-0002"]
    assert {row["response"] for row in rows} <= {"CR", "PR", "SD", "PD"}
    assert all(80 < float(r["liver_upper_mm"]) - float(r["liver_lower_mm"]) < 220 for r in rows)
    assert sum(row["response"] in {"CR", "PR"} for row in rows) == summary.sites[1].events


def test_site_settings_name_the_data(written):
    settings = tomllib.loads((written[0] / "site-a" / "site.toml").read_text(encoding="utf-8"))
    assert settings["site"] == {
        "name": "site-a",
        "dicom": "dicom",
        "manifest": "manifest.csv",
        "work": "work",
    }
    assert settings["policy"]["minimum_count"] == 5


def test_description_tells_the_best_possible_auc_and_the_counts(written):
    out, summary, _ = written
    record = json.loads((out / "cohort.json").read_text(encoding="utf-8"))
    assert record["complete"] is True
    assert record["bayes_auc"] == pytest.approx(summary.bayes_auc, abs=1e-4)
    assert record["objective_responses"] == summary.events
    assert record["spec"]["seed"] == 5


def test_truth_holds_the_displacement_of_each_phase_and_lies_outside_the_sites(written):
    out, _, _ = written
    truth = json.loads((out / "truth" / "S1-0001.json").read_text(encoding="utf-8"))
    patient = draw_patient(SPEC, 0, 0)
    assert truth["displacement"]["plain"]["superior_mm"] == 0.0
    assert (
        truth["displacement"]["portal"]["superior_mm"] == patient.scans[2].displacement.superior_mm
    )
    for site in ("site-a", "site-b"):
        assert {entry.name for entry in (out / site).iterdir()} == {
            "dicom",
            "manifest.csv",
            "site.toml",
        }


def test_folder_and_file_names_carry_no_patient_number(written):
    names = [str(path.relative_to(written[0])) for path in (written[0] / "site-a").rglob("*")]
    assert not any("S1-" in name for name in names)


def test_demo_has_both_classes_at_every_site():
    spec = demo_spec(0)
    for site in range(len(spec.sites)):
        events = [draw_patient(spec, site, number).outcome.event for number in range(30)]
        assert 6 <= sum(events) <= 24
