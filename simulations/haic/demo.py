"""The demonstration on MRI and clinic: invented hospitals, one command, minutes without a GPU."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.manifest import read_manifest
from client.site_settings import read_site_settings
from shared.errors import DataError
from shared.release.haic_bundle import read_haic_release
from shared.report.console import progress_printer, say
from shared.settings import HAIC_MRI, ConfigValue, parse_run_settings
from shared.tasks.haic_prediction import predict_haic_study
from shared.tasks.haic_prediction_record import (
    HaicPrediction,
    haic_prediction_json,
    haic_prediction_text,
)
from shared.tasks.recipe import recipe_for
from shared.training.device import choose_device
from shared.vocabulary import Split
from simulations.haic.study import HaicStudyResult, prepare_sites, run_haic_study
from simulations.study import SITE_FILE, StepClock, StudyPlan, find_sites
from simulations.synthetic.mri_cohort import mri_study_folder, write_mri_cohort
from simulations.synthetic.mri_patient import draw_mri_patient
from simulations.synthetic.mri_spec import MriCohortSpec, demo_mri_spec

HAIC_DEMO_SETTINGS: Mapping[str, ConfigValue] = {
    "task": HAIC_MRI,
    "image-height": 80,
    "image-width": 112,
    "slices-per-patient": 4,
    "network-width": 0.125,
    "network-blocks": "1,1,1",
    "reading": "five_channel",
    "rounds": 14,
    "local-epochs": 1,
    "batch-size": 8,
    "optimizer": "adam",
    "learning-rate": 2e-3,
    # Lowered soon: sites that move little between rounds agree on the statistics of batch norm.
    "schedule": "halving",
    "halve-every": 4,
    "weight-decay": 0.0,
    "loss": "softmax",
    "augmented-copies": 1,
    "min-sites": 3,
}
"""Departures from the published setting, which does not learn in minutes without a GPU: small
slices, few of them, an eighth of InceptionV4's filters in one block of each kind, Adam. The
sequences are five channels of one network: a pass costs a third of one score per sequence, and half
as many passes are enough. All folds start from the same weights, so that the n-th of five features
means much the same in each."""


@dataclass(frozen=True)
class HaicDemoResult:
    """What the demonstration shows.

    Attributes:
        study: The federation and its comparison.
        prediction: Of one held-out invented patient, by the release.
        happened: What did happen to that patient.
        overlays: Folder with the patient's heat maps.
    """

    study: HaicStudyResult
    prediction: HaicPrediction
    happened: str
    overlays: Path

    def json(self) -> dict[str, object]:
        """Give the result for machines."""
        return {
            "study": self.study.json(),
            "prediction": haic_prediction_json(self.prediction),
            "happened": self.happened,
            "overlays": str(self.overlays),
        }

    def text(self) -> str:
        """Give the result for people."""
        return "\n".join(
            [
                "One held-out invented patient:",
                haic_prediction_text(self.prediction),
                f"What happened: {self.happened}.",
                f"Heat maps: {self.overlays}",
                "",
                self.study.text(),
            ]
        )


def run_haic_demo(  # noqa: PLR0913  # the options of the command, one by one
    out: Path,
    *,
    seed: int,
    sites: int,
    patients_per_site: int,
    overrides: Mapping[str, ConfigValue],
    baselines: bool,
    workers: int,
) -> HaicDemoResult:
    """Run everything on invented MRI, or go on where an interrupted start stopped.

    Args:
        out: Run folder; the cohort goes into it as well.
        seed: Of the patients and the training.
        sites: Hospitals.
        patients_per_site: Patients of each.
        overrides: Run settings that replace the demonstration's.
        baselines: Whether pooled-central and each site alone are trained as well.
        workers: Processes that write and prepare studies and train baselines.

    Returns:
        Results of the study and one prediction.

    Raises:
        HepafedError: What any step refuses.
    """
    # Settings first: a slip of the keyboard should not cost the time of writing a cohort.
    settings = parse_run_settings({**HAIC_DEMO_SETTINGS, "seed": seed, **overrides})
    spec = demo_mri_spec(seed, sites=sites, patients_per_site=patients_per_site)
    cohort = out / "cohort"
    out.mkdir(parents=True, exist_ok=True)
    with StepClock(out).step("cohort"):
        printer = progress_printer("inventing patients")
        write_mri_cohort(spec, cohort, workers=workers, progress=printer)
    plan = StudyPlan(
        cohort=cohort,
        run_dir=out,
        settings=settings,
        baselines=baselines,
        workers=workers,
    )
    study = run_haic_study(plan)
    if study.release is None:
        raise DataError(
            "Expected three fitted models to release, got fewer; the report says which is missing. "
            "Invent more patients per site."
        )
    say("Predicting one held-out patient with the release folder.")
    patient = held_out_patient(spec, plan)
    overlays = out / "overlays"
    prediction = predict_haic_study(
        read_haic_release(study.release),
        patient.folder,
        patient.clinical,
        device=choose_device(),
        overlays_dir=overlays,
        liver_range_mm=patient.liver_range_mm,
    )
    endpoint = recipe_for(settings).endpoint
    happened = endpoint.event if patient.event else endpoint.no_event
    return HaicDemoResult(study, prediction, happened, overlays)


@dataclass(frozen=True)
class HeldOutPatient:
    """One invented patient whom no network and no model has seen.

    Attributes:
        site: The patient's hospital.
        case: Row of its manifest.
        folder: The study.
        clinical: Row of the clinical table.
        event: Whether the disease progressed.
        liver_range_mm: Where the liver lies.
    """

    site: str
    case: int
    folder: Path
    clinical: Mapping[str, str]
    event: bool
    liver_range_mm: tuple[float, float] | None


def held_out_patient(spec: MriCohortSpec, plan: StudyPlan) -> HeldOutPatient:
    """Find the first held-out patient of the first site; the images are prepared already.

    Args:
        spec: Of the cohort.
        plan: Of the study.

    Returns:
        The patient.

    Raises:
        HepafedError: If the site's data cannot be opened.
    """
    file = find_sites(plan.cohort)[0]
    name = spec.sites[0].name
    data = prepare_sites((file,), plan, recipe_for(plan.settings))[name]
    patient = next(one for one in data.patients if one.split is Split.HELD_OUT)
    site = read_site_settings(plan.cohort / name / SITE_FILE)
    row = next(row for row in read_manifest(site.manifest).rows if row.case == patient.case)
    # Case n is row n of the manifest, and the generator numbers patients from 0.
    drawn = draw_mri_patient(spec, 0, patient.case - 1)
    with (plan.cohort / name / "clinical.csv").open(encoding="utf-8", newline="") as stream:
        rows = {one["patient_id"]: one for one in csv.DictReader(stream)}
    return HeldOutPatient(
        site=name,
        case=patient.case,
        folder=mri_study_folder(spec, plan.cohort, drawn),
        clinical=rows[drawn.patient_id],
        event=patient.event,
        liver_range_mm=row.liver_range_mm,
    )
