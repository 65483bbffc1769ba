"""A cohort on disk: study folders, manifests and settings per site, and the truth beside them."""

import datetime as dt
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from simulations.synthetic.cohort_folder import (
    Progress,
    claim_folder,
    replace_file,
    replace_json,
    run_each,
)
from simulations.synthetic.ct_dicom import write_study
from simulations.synthetic.outcome import bayes_auc, drawn_auc
from simulations.synthetic.patient import (
    PHASES,
    SyntheticPatient,
    draw_patient,
    paint_phase,
    render_phase,
)
from simulations.synthetic.scanner import Scanner
from simulations.synthetic.spec import CohortSpec
from simulations.synthetic.study import CtSeries, StudyHeader
from simulations.synthetic.tissue import liver_range_mm

_SITE_TOML = """\
# A hospital's own settings. The coordinating centre cannot override them.
[site]
name = "{name}"
dicom = "dicom"
manifest = "manifest.csv"
work = "work"            # catalogue, prepared tensors, audit log: never leaves

[device]
accelerator = "auto"     # auto | cpu | cuda

[policy]
minimum_count = 5
"""


@dataclass(frozen=True)
class SiteSummary:
    """One site of a written cohort.

    Attributes:
        name: The site's name and folder.
        patients: How many it has.
        events: How many had an objective response.
    """

    name: str
    patients: int
    events: int


@dataclass(frozen=True)
class CohortSummary:
    """What was written, and how good a reader could possibly be.

    Attributes:
        folder: The cohort's folder.
        sites: One entry per site.
        bayes_auc: Expected AUC of the true probabilities over the population.
        drawn_auc: AUC of the true probabilities against this cohort's outcomes.
    """

    folder: Path
    sites: tuple[SiteSummary, ...]
    bayes_auc: float
    drawn_auc: float

    @property
    def patients(self) -> int:
        """Count patients over all sites."""
        return sum(site.patients for site in self.sites)

    @property
    def events(self) -> int:
        """Count objective responses over all sites."""
        return sum(site.events for site in self.sites)


def write_cohort(
    spec: CohortSpec, out: Path, *, workers: int, progress: Progress | None
) -> CohortSummary:
    """Write a cohort, or complete one of the same specification that was interrupted.

    The same specification gives the same bytes, whatever the number of workers. Readers get
    ``<site>/dicom``, ``<site>/manifest.csv`` and ``<site>/site.toml``; ``truth/`` is for
    simulations and tests only.

    Args:
        spec: What to write.
        out: The cohort's folder: absent, empty, or holding the same specification.
        workers: Processes that render; 1 renders in this one.
        progress: Called with (patients done, patients in all) after each patient.

    Returns:
        Counts per site, and the best AUC any reader could reach.

    Raises:
        HepafedError: The folder holds something else.
    """
    claim_folder(out, spec.digest())
    everyone = [
        draw_patient(spec, site, number)
        for site, place in enumerate(spec.sites)
        for number in range(place.patients)
    ]
    summary = _summarise(spec, out, everyone)
    _write_description(spec, summary, complete=False)
    waiting = [one for one in everyone if not _truth_path(out, one).exists()]
    done = len(everyone) - len(waiting)
    calls = [(spec, out, one.site, one.number) for one in waiting]
    for finished, _ in enumerate(run_each(_write_patient, calls, workers), start=done + 1):
        if progress is not None:
            progress(finished, len(everyone))
    for site, place in enumerate(spec.sites):
        folder = out / place.name
        replace_file(
            folder / "manifest.csv", _manifest(out, [p for p in everyone if p.site == site])
        )
        replace_file(folder / "site.toml", _SITE_TOML.format(name=place.name))
    _write_description(spec, summary, complete=True)
    return summary


def study_folder(spec: CohortSpec, out: Path, patient: SyntheticPatient) -> Path:
    """Tell where a patient's study lies; the name does not reveal who it is."""
    name = _header(spec, patient).uid("folder").rsplit(".", 1)[-1]
    return out / spec.sites[patient.site].name / "dicom" / f"ST{int(name) % 16**8:08X}"


def _summarise(spec: CohortSpec, out: Path, everyone: list[SyntheticPatient]) -> CohortSummary:
    events = [sum(p.outcome.event for p in everyone if p.site == s) for s in range(len(spec.sites))]
    return CohortSummary(
        folder=out,
        sites=tuple(
            SiteSummary(place.name, place.patients, count)
            for place, count in zip(spec.sites, events, strict=True)
        ),
        bayes_auc=bayes_auc(spec.effect_scale),
        drawn_auc=drawn_auc(
            np.array([p.outcome.probability for p in everyone]),
            np.array([p.outcome.event for p in everyone]),
        ),
    )


def _write_patient(spec: CohortSpec, out: Path, site: int, number: int) -> None:
    """Render and write one patient; the truth file comes last and marks the patient as done."""
    patient = draw_patient(spec, site, number)
    folder = study_folder(spec, out, patient)
    shutil.rmtree(folder, ignore_errors=True)
    # More threads would race the other workers and could change the order of summation.
    with threadpool_limits(limits=1):
        seen = [paint_phase(patient, phase) for phase in PHASES]
        series = tuple(
            CtSeries(
                phase=scan.phase,
                seconds=scan.seconds,
                hounsfield=render_phase(spec, patient, seen[index], scan.phase),
                geometry=patient.geometry,
            )
            for index, scan in enumerate(patient.scans)
        )
    shuffle = np.random.default_rng([spec.seed, site, number, 9])
    write_study(folder, _header(spec, patient), series, shuffle)
    liver_mm = liver_range_mm(seen[0].labels, patient.geometry.heights_mm(), patient.table_mm)
    truth = _truth(spec, patient, liver_mm)
    replace_file(_truth_path(out, patient), truth)


def _header(spec: CohortSpec, patient: SyntheticPatient) -> StudyHeader[Scanner]:
    rng = np.random.default_rng([spec.seed, patient.site, patient.number, 8])
    day = dt.datetime(2023, 1, 2) + dt.timedelta(days=int(rng.integers(0, 700)))  # noqa: DTZ001 - DICOM times are local
    return StudyHeader(
        patient_id=patient.patient_id,
        male=bool(rng.random() < 0.8),  # noqa: PLR2004 - liver cancer's sex ratio
        birth_year=int(rng.integers(1940, 1985)),
        started=day + dt.timedelta(seconds=int(rng.integers(8 * 3600, 17 * 3600))),
        seed=f"{spec.digest()}/{patient.patient_id}",
        scanner=spec.sites[patient.site].scanner_profile,
        table_mm=patient.table_mm,
        bolus_seconds=patient.bolus_seconds,
    )


def _truth_path(out: Path, patient: SyntheticPatient) -> Path:
    return out / "truth" / f"{patient.patient_id}.json"


def _truth(spec: CohortSpec, patient: SyntheticPatient, liver_mm: tuple[float, float]) -> str:
    """Describe what no reader may know: causes, probability, and where each phase really lay."""
    record = {
        "patient_id": patient.patient_id,
        "study_uid": _header(spec, patient).uid("study"),
        "response": patient.outcome.response,
        "objective_response": patient.outcome.event,
        "probability": patient.outcome.probability,
        "factors": asdict(patient.factors),
        "liver_mm": [round(height, 3) for height in liver_mm],
        "table_mm": patient.table_mm,
        "lesions": [
            {
                "centre_mm": [*one.centre_mm[:2], one.centre_mm[2] + patient.table_mm],
                "radii_mm": one.radii_mm,
            }
            for one in patient.lesions
        ],
        "displacement": {scan.phase: asdict(scan.displacement) for scan in patient.scans},
    }
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _manifest(out: Path, patients: list[SyntheticPatient]) -> str:
    rows = ["patient_id,study_uid,response,liver_lower_mm,liver_upper_mm,split"]
    for patient in patients:
        truth = json.loads(_truth_path(out, patient).read_text(encoding="utf-8"))
        low, high = truth["liver_mm"]
        rows.append(
            f"{truth['patient_id']},{truth['study_uid']},{truth['response']},{low:.3f},{high:.3f},"
        )
    return "\n".join(rows) + "\n"


def _write_description(spec: CohortSpec, summary: CohortSummary, *, complete: bool) -> None:
    record = {
        "complete": complete,
        "digest": spec.digest(),
        "spec": json.loads(spec.as_json()),
        "bayes_auc": round(summary.bayes_auc, 4),
        "drawn_auc": round(summary.drawn_auc, 4),
        "patients": summary.patients,
        "objective_responses": summary.events,
        "sites": [asdict(site) for site in summary.sites],
    }
    replace_json(summary.folder / "cohort.json", record)
