"""An MRI cohort on disk: studies, manifest, clinical table and settings per site, and the truth."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from simulations.synthetic.cohort_folder import (
    Progress,
    claim_folder,
    replace_json,
    run_each,
)
from simulations.synthetic.mri_dicom import MrSeries, write_mri_study
from simulations.synthetic.mri_outcome import BayesAucs, Probabilities, bayes_aucs
from simulations.synthetic.mri_patient import (
    MriPatient,
    draw_mri_patient,
    paint_image,
    patient_generator,
    render_image,
)
from simulations.synthetic.mri_scanner import DUAL_ECHO, DYNAMIC, MrImage, MrScanner
from simulations.synthetic.mri_site_files import write_site_files
from simulations.synthetic.mri_spec import MriCohortSpec
from simulations.synthetic.outcome import drawn_auc
from simulations.synthetic.study import StudyHeader
from simulations.synthetic.tissue import liver_range_mm

_SHUFFLE, _HEADER = 20, 21
"""Streams of a patient's generator that are neither drawing nor rendering."""


@dataclass(frozen=True)
class MriSiteSummary:
    """One site of a written cohort.

    Attributes:
        name: The site's name and folder.
        patients: How many it has.
        events: How many had progressive disease.
    """

    name: str
    patients: int
    events: int


@dataclass(frozen=True)
class MriCohortSummary:
    """What was written, and how good a reader could possibly be.

    Attributes:
        folder: The cohort's folder.
        sites: One entry per site.
        bayes: AUC of progressive disease that no reader can beat in expectation.
        drawn: AUC of the same probabilities against this cohort's outcomes.
    """

    folder: Path
    sites: tuple[MriSiteSummary, ...]
    bayes: BayesAucs
    drawn: BayesAucs

    @property
    def patients(self) -> int:
        """Count patients over all sites."""
        return sum(site.patients for site in self.sites)

    @property
    def events(self) -> int:
        """Count progressive disease over all sites."""
        return sum(site.events for site in self.sites)


def write_mri_cohort(
    spec: MriCohortSpec, out: Path, *, workers: int, progress: Progress | None
) -> MriCohortSummary:
    """Write a cohort, or complete one of the same specification that was interrupted.

    The same specification gives the same bytes, whatever the number of workers. Readers get
    ``dicom``, ``manifest.csv``, ``clinical.csv`` and ``site.toml`` per site; ``truth/`` lies
    outside the sites and is for simulations and tests only.

    Args:
        spec: What to write.
        out: The cohort's folder: absent, empty, or holding the same specification.
        workers: Processes that render; 1 renders in this one.
        progress: Called with (patients done, patients in all) after each patient.

    Returns:
        Counts per site, and the best AUCs any reader could reach.

    Raises:
        HepafedError: The folder holds something else.
    """
    claim_folder(out, spec.digest())
    everyone = [
        draw_mri_patient(spec, site, number)
        for site, place in enumerate(spec.sites)
        for number in range(place.patients)
    ]
    summary = _summarise(spec, out, everyone)
    _describe(spec, summary, complete=False)
    waiting = [one for one in everyone if not _truth_path(out, one).exists()]
    done = len(everyone) - len(waiting)
    calls = [(spec, out, one.site, one.number) for one in waiting]
    for finished, _ in enumerate(run_each(_write_patient, calls, workers), start=done + 1):
        if progress is not None:
            progress(finished, len(everyone))
    for site, place in enumerate(spec.sites):
        here = [one for one in everyone if one.site == site]
        write_site_files(spec, out / place.name, here, lambda one: _truth_path(out, one))
    _describe(spec, summary, complete=True)
    return summary


def mri_study_folder(spec: MriCohortSpec, out: Path, patient: MriPatient) -> Path:
    """Tell where a patient's study lies; the name does not reveal who it is."""
    name = _header(spec, patient).uid("folder").rsplit(".", 1)[-1]
    return out / spec.sites[patient.site].name / "dicom" / f"ST{int(name) % 16**8:08X}"


def _summarise(spec: MriCohortSpec, out: Path, everyone: list[MriPatient]) -> MriCohortSummary:
    events = np.array([one.outcome.event for one in everyone])

    def auc(known: Callable[[Probabilities], float]) -> float:
        return drawn_auc(np.array([known(one.outcome.probabilities) for one in everyone]), events)

    return MriCohortSummary(
        folder=out,
        sites=tuple(
            MriSiteSummary(
                place.name,
                place.patients,
                sum(one.outcome.event for one in everyone if one.site == site),
            )
            for site, place in enumerate(spec.sites)
        ),
        bayes=bayes_aucs(spec.effects),
        drawn=BayesAucs(
            image_only=auc(lambda p: p.image_only),
            clinical_only=auc(lambda p: p.clinical_only),
            fusion=auc(lambda p: p.fusion),
        ),
    )


def _write_patient(spec: MriCohortSpec, out: Path, site: int, number: int) -> None:
    """Render and write one patient; the truth file comes last and marks the patient as done."""
    patient = draw_mri_patient(spec, site, number)
    folder = mri_study_folder(spec, out, patient)
    shutil.rmtree(folder, ignore_errors=True)
    # More threads would race the other workers and could change the order of summation.
    with threadpool_limits(limits=1):
        seen = {image: paint_image(patient, image) for image in (MrImage.T2_FSE, *DYNAMIC)}
        seen |= dict.fromkeys(DUAL_ECHO, paint_image(patient, DUAL_ECHO[0]))  # one breath hold
        stacks = [
            MrSeries(
                image,
                patient.scans[image].seconds,
                render_image(spec, patient, seen[image], image),
                patient.scans[image].geometry,
            )
            for image in (MrImage.T2_FSE, *DUAL_ECHO, *DYNAMIC)
        ]
    # The patient lay still in the arterial phase, whose slices are the reference.
    arterial = patient.scans[MrImage.T1_ARTERIAL].geometry
    liver_mm = liver_range_mm(
        seen[MrImage.T1_ARTERIAL].labels, arterial.heights_mm(), patient.table_mm
    )
    shuffle = patient_generator(spec, site, number, stream=_SHUFFLE)
    write_mri_study(folder, _header(spec, patient), tuple(stacks), shuffle)
    replace_json(_truth_path(out, patient), _truth(spec, patient, liver_mm))


def _header(spec: MriCohortSpec, patient: MriPatient) -> StudyHeader[MrScanner]:
    rng = patient_generator(spec, patient.site, patient.number, stream=_HEADER)
    day = dt.datetime(2020, 1, 2) + dt.timedelta(days=int(rng.integers(0, 700)))  # noqa: DTZ001 - DICOM times are local
    return StudyHeader(
        patient_id=patient.patient_id,
        male=bool(patient.baseline["sex_male"]),
        # Born on 1 January, so the difference of years is the age in the clinical table.
        birth_year=day.year - int(patient.baseline["age_years"]),
        started=day + dt.timedelta(seconds=int(rng.integers(8 * 3600, 17 * 3600))),
        seed=f"{spec.digest()}/{patient.patient_id}",
        scanner=spec.sites[patient.site].scanner_profile,
        table_mm=patient.table_mm,
        bolus_seconds=patient.bolus_seconds,
    )


def _truth_path(out: Path, patient: MriPatient) -> Path:
    return out / "truth" / f"{patient.patient_id}.json"


def _truth(
    spec: MriCohortSpec, patient: MriPatient, liver_mm: tuple[float, float]
) -> dict[str, object]:
    """Describe what no reader may know: causes, probabilities, and where each image really lay."""
    return {
        "patient_id": patient.patient_id,
        "study_uid": _header(spec, patient).uid("study"),
        "response": patient.outcome.response,
        "progressive_disease": patient.outcome.event,
        "probability": asdict(patient.outcome.probabilities),
        "causes": asdict(patient.causes),
        "factors": asdict(patient.factors),
        "liver_mm": liver_mm,
        "table_mm": patient.table_mm,
        "lesions": [
            {
                "centre_mm": [*one.centre_mm[:2], one.centre_mm[2] + patient.table_mm],
                "radii_mm": one.radii_mm,
            }
            for one in patient.lesions
        ],
        "images": {
            image: {
                "displacement": asdict(scan.displacement),
                "gain": scan.reception.gain,
                "bias": scan.reception.field.coefficients,
            }
            for image, scan in patient.scans.items()
        },
    }


def _describe(spec: MriCohortSpec, summary: MriCohortSummary, *, complete: bool) -> None:
    record = {
        "complete": complete,
        "digest": spec.digest(),
        "spec": json.loads(spec.as_json()),
        "bayes_auc": {name: round(value, 4) for name, value in asdict(summary.bayes).items()},
        "drawn_auc": {name: round(value, 4) for name, value in asdict(summary.drawn).items()},
        "patients": summary.patients,
        "progressive_disease": summary.events,
        "sites": [asdict(site) for site in summary.sites],
    }
    replace_json(summary.folder / "cohort.json", record)
