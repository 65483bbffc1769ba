"""What an invented hospital keeps beside its MRI studies: manifest, clinical table, settings."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.cohort.fusion_columns import READERS
from simulations.synthetic.clinical import COLUMNS
from simulations.synthetic.cohort_folder import replace_file
from simulations.synthetic.mri_clinical import clinical_cells
from simulations.synthetic.mri_patient import MriPatient, patient_generator
from simulations.synthetic.mri_readers import reader_calls
from simulations.synthetic.mri_spec import MriCohortSpec

_CELLS, _READERS = 22, 23
"""Streams of a patient's generator, besides those of `mri_patient` and `mri_cohort`."""

_SITE_TOML = """\
# A hospital's own settings. The coordinating centre cannot override them.
[site]
name = "{name}"
dicom = "dicom"
manifest = "manifest.csv"
clinical = "clinical.csv"
work = "work"            # catalogue, prepared tensors, audit log: never leaves

[device]
accelerator = "auto"     # auto | cpu | cuda

[policy]
minimum_count = 5

[secrets]
rotation_secret_file = "rotation.key"  # the same at all sites; the centre must not know it
"""


def write_site_files(
    spec: MriCohortSpec,
    folder: Path,
    patients: Sequence[MriPatient],
    truth_of: Callable[[MriPatient], Path],
) -> None:
    """Write ``manifest.csv``, ``clinical.csv``, ``site.toml`` and ``rotation.key``.

    Args:
        spec: Of the cohort.
        folder: Of the site; its name is the site's.
        patients: Of the site.
        truth_of: Where a patient's truth file lies; the manifest's liver range is read there.
    """
    replace_file(folder / "manifest.csv", _manifest(patients, truth_of))
    replace_file(folder / "clinical.csv", _clinical_table(spec, patients))
    replace_file(folder / "site.toml", _SITE_TOML.format(name=folder.name))
    _write_secret(folder / "rotation.key", spec)


def clinical_row(spec: MriCohortSpec, patient: MriPatient) -> dict[str, str]:
    """Write a patient's row of ``clinical.csv``, cells by column, readers' calls last."""
    words = {
        "patient_id": patient.patient_id,
        "site": spec.sites[patient.site].name,
        "response": patient.outcome.response.value,
    }
    rng = patient_generator(spec, patient.site, patient.number, stream=_CELLS)
    cells = clinical_cells(patient.baseline, patient.course, words, rng)
    reading = patient_generator(spec, patient.site, patient.number, stream=_READERS)
    calls = reader_calls(patient.causes, spec.effects, reading)
    return cells | {name: str(int(called)) for name, called in calls.items()}


def _write_secret(path: Path, spec: MriCohortSpec) -> None:
    """Write the secret that all invented hospitals share; a cohort's bytes follow from its seed."""
    secret = hashlib.sha256(f"rotation/{spec.digest()}".encode()).hexdigest()
    path.touch(mode=0o600)
    path.write_text(secret, encoding="utf-8")


def _manifest(patients: Sequence[MriPatient], truth_of: Callable[[MriPatient], Path]) -> str:
    rows = ["patient_id,study_uid,response,liver_lower_mm,liver_upper_mm"]
    for one in patients:
        truth = json.loads(truth_of(one).read_text(encoding="utf-8"))
        low, high = truth["liver_mm"]
        rows.append(
            f"{one.patient_id},{truth['study_uid']},{one.outcome.response},{low:.3f},{high:.3f}"
        )
    return "\n".join(rows) + "\n"


def _clinical_table(spec: MriCohortSpec, patients: Sequence[MriPatient]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, (*COLUMNS, *READERS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(clinical_row(spec, one) for one in patients)
    return stream.getvalue()
