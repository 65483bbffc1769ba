"""From DICOM folders of three hospitals to a report, a release and a prediction."""

import json

import pytest
import torch

from client.dataset import open_site
from client.manifest import read_manifest
from client.site_settings import read_site_settings
from server.run_folder import read_best
from shared.errors import CheckpointError, DataError
from shared.fusion.voting import vote
from shared.models.weights import load_arrays
from shared.release.bundle import read_release
from shared.report.run_files import read_run_record
from shared.settings import parse_run_settings
from shared.tasks.prediction import predict_study
from shared.tasks.recipe import recipe_for
from shared.training.inference import slice_probabilities
from shared.training.initial import initial_network
from shared.vocabulary import Split
from simulations.study import StudyPlan, run_study
from simulations.synthetic.cohort import study_folder, write_cohort
from simulations.synthetic.patient import draw_patient
from simulations.synthetic.spec import CohortSpec, even_sites

SPEC = CohortSpec(sites=even_sites(3, 16), seed=5, matrix=48, slices=12)
CONFIG = {
    "image-size": 32,
    "slices-per-patient": 2,
    "rounds": 2,
    "batch-size": 8,
    "min-sites": 3,
    "seed": 5,
}


def plan_for(cohort, run_dir, **changes):
    return StudyPlan(
        cohort=cohort,
        run_dir=run_dir,
        settings=parse_run_settings({**CONFIG, **changes}),
        baselines=True,
        workers=2,
    )


def held_out_of(plan, letter):
    recipe = recipe_for(plan.settings)
    site = read_site_settings(plan.cohort / f"site-{letter}" / "site.toml")
    data = open_site(site, plan.settings, recipe.preparation, recipe.endpoint)
    return [patient for patient in data.patients if patient.split is Split.HELD_OUT]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(SPEC, folder, workers=2, progress=None)
    return folder


@pytest.fixture(scope="module")
def finished(cohort, tmp_path_factory):
    plan = plan_for(cohort, tmp_path_factory.mktemp("run") / "first")
    return plan, run_study(plan)


def test_the_report_and_the_record_tell_the_run(finished):
    plan, result = finished
    record = read_run_record(plan.run_dir)
    page = result.report.read_text(encoding="utf-8")
    assert len(record.rounds) == 2
    assert len(record.sites) == 3
    assert record.synthetic
    assert [arm.name for arm in record.arms] == [
        "federated",
        "pooled-central",
        "site alone: site-a",
        "site alone: site-b",
        "site alone: site-c",
    ]
    assert len({arm.patients for arm in record.arms}) == 1
    # Two patients of a site choose its best round: too few to tell, and so the count of the
    # held-out ones, which would give them away, is withheld as well.
    assert {site.held_out_patients for site in record.sites} == {None}
    assert {site.patients for site in record.sites} == {16}
    assert record.arms[0].patients == sum(len(held_out_of(plan, site)) for site in "abc")
    assert "objective response" in page
    assert "Research use only" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_released_model_predicts_the_number_of_the_evaluation(finished, cohort):
    plan, result = finished
    recipe = recipe_for(plan.settings)
    site = read_site_settings(cohort / "site-a" / "site.toml")
    rows = {row.case: row for row in read_manifest(site.manifest).rows}
    network = initial_network(recipe.network, 0)
    load_arrays(network, read_best(plan.run_dir)[1])
    release = read_release(result.release)
    held_out = held_out_of(plan, "a")[:2]
    for patient in held_out:
        evaluated = vote(slice_probabilities(network, patient.images, torch.device("cpu")))
        prediction = predict_study(
            release,
            study_folder(SPEC, cohort, draw_patient(SPEC, 0, patient.case - 1)),
            device=torch.device("cpu"),
            liver_range_mm=rows[patient.case].liver_range_mm,
        )
        assert prediction.probability == pytest.approx(evaluated.mean_probability, abs=1e-5)
        assert prediction.votes_for_event == evaluated.event_slices
    assert held_out


def test_running_again_repeats_no_round_and_gives_the_same(finished):
    plan, result = finished
    before = json.loads((plan.run_dir / "history.json").read_text(encoding="utf-8"))
    again = run_study(plan)
    assert json.loads((plan.run_dir / "history.json").read_text(encoding="utf-8")) == before
    assert again.auc == result.auc


def test_another_setting_in_the_same_folder_is_refused(finished, cohort):
    plan, _ = finished
    changed = plan_for(cohort, plan.run_dir, **{"learning-rate": 0.5})
    with pytest.raises(CheckpointError):
        run_study(changed)


def test_a_folder_without_sites_is_answered_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match="hepafed cohort synth"):
        run_study(plan_for(tmp_path, tmp_path / "run"))
