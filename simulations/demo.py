"""The demonstration: invented hospitals, one command, a few minutes without a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.dataset import open_site
from client.manifest import read_manifest
from client.site_settings import read_site_settings
from shared.release.bundle import read_release
from shared.report.console import progress_printer, say
from shared.settings import ConfigValue, parse_run_settings
from shared.tasks.prediction import Prediction, predict_study, prediction_json, prediction_text
from shared.tasks.recipe import recipe_for
from shared.training.device import choose_device
from shared.vocabulary import Split
from simulations.study import SITE_FILE, StepClock, StudyPlan, StudyResult, run_study
from simulations.synthetic.cohort import study_folder, write_cohort
from simulations.synthetic.patient import draw_patient
from simulations.synthetic.spec import CohortSpec, demo_spec

# Departures from the published setting, so that training ends in minutes on two cores: 64 pixels
# instead of 224, few slices, smaller batches at a higher learning rate, few rounds.
DEMO_SETTINGS: Mapping[str, ConfigValue] = {
    "image-size": 64,
    "slices-per-patient": 4,
    "rounds": 5,
    "local-epochs": 2,
    "batch-size": 10,
    "learning-rate": 5e-4,
    "patience": 0,
    "min-sites": 3,
    # 0.4 is held out; of the rest enough choose the best round that a site may report it (5).
    "inner-validation-fraction": 0.3,
}


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration shows.

    Attributes:
        study: The federation and its comparison.
        prediction: Of one held-out invented patient, by the released model.
        happened: What did happen to that patient.
        overlays: Folder with the patient's heat maps.
    """

    study: StudyResult
    prediction: Prediction
    happened: str
    overlays: Path

    def json(self) -> dict[str, object]:
        """Give the result for machines."""
        return {
            "study": self.study.json(),
            "prediction": prediction_json(self.prediction),
            "happened": self.happened,
            "overlays": str(self.overlays),
        }

    def text(self) -> str:
        """Give the result for people."""
        return "\n".join(
            [
                self.study.text(),
                "",
                "One held-out invented patient:",
                prediction_text(self.prediction),
                f"What happened: {self.happened}.",
                f"Heat maps: {self.overlays}",
            ]
        )


def run_clici_demo(  # noqa: PLR0913  # the options of the command, one by one
    out: Path,
    *,
    seed: int,
    sites: int,
    patients_per_site: int,
    overrides: Mapping[str, ConfigValue],
    baselines: bool,
    workers: int,
) -> DemoResult:
    """Run everything on invented CT, or go on where an interrupted start stopped.

    Args:
        out: Run folder; the cohort goes into it as well.
        seed: Of the patients and the training.
        sites: Hospitals.
        patients_per_site: Patients of each.
        overrides: Run settings that replace the demonstration's.
        baselines: Whether pooled-central and each site alone are trained as well.
        workers: Processes that write and prepare studies.

    Returns:
        Results of the study and one prediction.

    Raises:
        HepafedError: What any step refuses.
    """
    # Settings first: a slip of the keyboard should not cost the time of writing a cohort.
    settings = parse_run_settings({**DEMO_SETTINGS, "seed": seed, **overrides})
    spec = demo_spec(seed, sites=sites, patients_per_site=patients_per_site)
    cohort = out / "cohort"
    out.mkdir(parents=True, exist_ok=True)
    with StepClock(out).step("cohort"):
        write_cohort(spec, cohort, workers=workers, progress=progress_printer("inventing patients"))
    plan = StudyPlan(
        cohort=cohort,
        run_dir=out,
        settings=settings,
        baselines=baselines,
        workers=workers,
    )
    study = run_study(plan)
    say("Predicting one held-out patient with the release folder.")
    patient = _held_out_patient(spec, cohort, plan)
    overlays = out / "overlays"
    prediction = predict_study(
        read_release(study.release),
        patient.folder,
        device=choose_device(),
        overlays_dir=overlays,
        liver_range_mm=patient.liver_range_mm,
    )
    endpoint = recipe_for(settings).endpoint
    happened = endpoint.event if patient.event else endpoint.no_event
    return DemoResult(study, prediction, happened, overlays)


@dataclass(frozen=True)
class _HeldOut:
    folder: Path
    event: bool
    liver_range_mm: tuple[float, float] | None


def _held_out_patient(spec: CohortSpec, cohort: Path, plan: StudyPlan) -> _HeldOut:
    """Find the first held-out patient of the first site; its images are prepared already."""
    recipe = recipe_for(plan.settings)
    site = read_site_settings(cohort / spec.sites[0].name / SITE_FILE)
    data = open_site(site, plan.settings, recipe.preparation, recipe.endpoint)
    patient = next(one for one in data.patients if one.split is Split.HELD_OUT)
    row = next(row for row in read_manifest(site.manifest).rows if row.case == patient.case)
    # Case n is row n of the manifest, and the generator numbers patients from 0.
    folder = study_folder(spec, cohort, draw_patient(spec, 0, patient.case - 1))
    return _HeldOut(folder, patient.event, row.liver_range_mm)
