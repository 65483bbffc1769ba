"""From MRI and clinical tables of three hospitals, one with planted defects, to report and release.

The federation runs in Flower's own processes: a SuperLink, the ServerApp and the ClientApps.
"""

import csv

import pydicom
import pytest
import torch

from client.fusion_site import open_fusion_site
from client.kept_scores import KeptScores
from client.manifest import read_manifest
from client.site_settings import read_site_settings
from server.run_folder import read_haic
from shared.errors import CheckpointError
from shared.release.haic_bundle import read_haic_release
from shared.report.haic_files import read_haic_record
from shared.report.haic_models import CLINICAL_ONLY, FUSION, IMAGE_ONLY
from shared.settings import parse_run_settings
from shared.tasks.haic_prediction import predict_haic_study
from shared.tasks.recipe import recipe_for
from shared.vocabulary import Split
from simulations.haic.exclusions import CLINICAL, IMAGES, UNMATCHED
from simulations.haic.study import run_haic_study
from simulations.study import StudyPlan
from simulations.synthetic.mri_cohort import mri_study_folder, write_mri_cohort
from simulations.synthetic.mri_patient import draw_mri_patient
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec

pytestmark = pytest.mark.slow
# The third has six patients more, of whom the planted defects cost it six.
SPEC = MriCohortSpec(
    sites=(
        MriSiteSpec("site-a", 34, "uih"),
        MriSiteSpec("site-b", 34, "siemens"),
        MriSiteSpec("site-c", 40, "ge"),
    ),
    seed=6,
    columns=40,
    slices=8,
    prevalence=0.45,
)
SETTINGS = parse_run_settings(
    {
        "task": "haic-mri",
        "image-height": 75,
        "image-width": 75,
        "slices-per-patient": 1,
        "network-width": 0.05,
        "network-blocks": "1,1,1",
        "rounds": 1,
        "batch-size": 12,
        "optimizer": "adam",
        "learning-rate": 2e-3,
        "augmentation": False,
        "folds": 3,
        "held-out-fraction": 0.3,
        "min-sites": 3,
        "seed": 6,
    }
)
CPU = torch.device("cpu")


def table_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def write_table(path, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def plant_defects(cohort):
    """Spoil six patients of the third site in the ways that hospitals do."""
    site = cohort / "site-c"
    for file in mri_study_folder(SPEC, cohort, draw_mri_patient(SPEC, 2, 0)).rglob("*"):
        if file.is_file() and "T2" in pydicom.dcmread(file).SeriesDescription.upper():
            file.unlink()  # case 1: a sequence is missing
    clinical = table_of(site / "clinical.csv")
    clinical[2][clinical[0].index("albumin_g_l")] = "38000"  # case 2: a unit off by 1000
    del clinical[3]  # case 3: images without a clinical row
    clinical.append(clinical[4])  # case 5: two clinical rows
    write_table(site / "clinical.csv", clinical)
    manifest = table_of(site / "manifest.csv")
    write_table(site / "manifest.csv", [*manifest, manifest[6]])  # cases 6 and 41: one patient


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    cohort = tmp_path_factory.mktemp("cohort") / "c"
    write_mri_cohort(SPEC, cohort, workers=1, progress=None)
    plant_defects(cohort)
    plan = StudyPlan(
        cohort=cohort,
        run_dir=tmp_path_factory.mktemp("run") / "first",
        settings=SETTINGS,
        engine="ray",
        baselines=False,
        workers=1,  # starting others takes longer than preparing so few small studies
    )
    return plan, run_haic_study(plan)


def opened(plan, name):
    recipe = recipe_for(plan.settings)
    site = read_site_settings(plan.cohort / name / "site.toml")
    return site, open_fusion_site(site, plan.settings, recipe.preparation, recipe.endpoint)


def test_report_and_record_tell_all_models_on_the_same_patients(finished):
    plan, result = finished
    record = read_haic_record(plan.run_dir)
    (arm,) = record.arms
    models = [row.model for row in arm.models]
    assert models == [IMAGE_ONLY, CLINICAL_ONLY, FUSION, "reader 1", "reader 2"]
    held_out = sum(
        p.split is Split.HELD_OUT
        for name in ("site-a", "site-b", "site-c")
        for p in opened(plan, name)[1].patients
    )
    assert {row.patients for row in arm.models} == {held_out}
    assert [training.fold for training in record.trainings] == [1, 2, 3, 0]
    assert record.synthetic
    page = result.report.read_text(encoding="utf-8")
    assert "progressive disease" in page
    assert "Research use only" in page
    assert len({picture.sequence for picture in record.overlays}) == 5


def test_planted_defects_cost_their_patients_only_and_are_counted(finished):
    plan, _ = finished
    record = read_haic_record(plan.run_dir)
    assert [(row.site, row.reason, row.patients) for row in record.exclusions] == [
        ("site-c", IMAGES, 1),
        ("site-c", CLINICAL, 1),
        ("site-c", UNMATCHED, 4),
    ]
    assert {site.patients for site in record.sites} == {34, 35}
    told = {site.site: site.excluded_patients for site in record.sites}
    assert told == {"site-a": 0, "site-b": 0, "site-c": 6}


def test_the_release_predicts_the_numbers_of_the_evaluation(finished):
    plan, result = finished
    found = read_haic(plan.run_dir)
    site, data = opened(plan, "site-a")
    rows = {row.case: row for row in read_manifest(site.manifest).rows}
    header, *clinical = table_of(plan.cohort / "site-a" / "clinical.csv")
    release = read_haic_release(result.release)
    held_out = [p for p in data.patients if p.split is Split.HELD_OUT]
    kept = {
        name: KeptScores(site.work / "scores", found.evaluation.digests[name]).read()
        for name in (IMAGE_ONLY, CLINICAL_ONLY, FUSION)
    }
    for place in (0, len(held_out) - 1):
        case = held_out[place].case
        prediction = predict_haic_study(
            release,
            mri_study_folder(SPEC, plan.cohort, draw_mri_patient(SPEC, 0, case - 1)),
            dict(zip(header, clinical[case - 1], strict=True)),
            device=CPU,
            liver_range_mm=rows[case].liver_range_mm,
        )
        for call in prediction.models:
            evaluated = kept[call.model].scores[place]
            assert call.probability == pytest.approx(evaluated, abs=1e-5)


def test_running_again_repeats_nothing_and_another_setting_is_refused(finished):
    plan, result = finished
    again = StudyPlan(plan.cohort, plan.run_dir, plan.settings, baselines=False, workers=1)
    assert run_haic_study(again).auc == result.auc
    other = parse_run_settings({"task": "haic-mri", "seed": 7})
    with pytest.raises(CheckpointError):
        read_haic(plan.run_dir, other)
