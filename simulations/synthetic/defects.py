"""Damage a written cohort on purpose: the faults that real archives have.

Every function changes one thing in a site's folder and nothing else, so that a test or an
exercise can tell what the software makes of exactly that.
"""

import csv
import io
import re
from pathlib import Path

from shared.errors import HepafedError
from shared.vocabulary import CtPhase, RecistResponse
from simulations.synthetic.dicom_export import Instance, copy_as, list_instances, rewrite

_SAGITTAL = ["0", "1", "0", "0", "0", "-1"]


def find_study(site: Path, patient_id: str) -> Path:
    """Find a patient's study folder in a site's folder."""
    for study in sorted((site / "dicom").iterdir()):
        if study.is_dir() and list_instances(study)[0].patient_id == patient_id:
            return study
    raise HepafedError("Expected a patient of this cohort; none has that number. Check the site.")


def truncate_file(study: Path, phase: CtPhase) -> Path:
    """Cut one image of a phase in the middle of its pixels, as a broken transfer does."""
    path = _images(study, phase)[2].path
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def add_text_file(study: Path) -> Path:
    """Leave a note among the images."""
    path = study / "README.txt"
    path.write_text("Exported for the study. 请勿删除。\n", encoding="utf-8")
    return path


def remove_phase(study: Path, phase: CtPhase) -> None:
    """Delete a whole phase."""
    for image in _images(study, phase):
        image.path.unlink()


def add_second_candidate(study: Path, phase: CtPhase) -> None:
    """Add a second series that could equally be the phase, as a repeated reconstruction does."""
    for image in _images(study, phase):
        path = image.path.with_name(f"R{image.path.name}")
        copy_as(
            image.path,
            path,
            series_suffix=".1",
            SeriesNumber=image.series_number + 10,
        )


def share_patient_id(one: Path, other: Path) -> None:
    """Give the other study's patient the first one's PatientID."""
    patient_id = list_instances(one)[0].patient_id
    for image in list_instances(other):
        rewrite(image.path, PatientID=patient_id)


def remove_slice(study: Path, phase: CtPhase) -> None:
    """Delete a slice from the middle of a phase."""
    images = _images(study, phase)
    images[len(images) // 2].path.unlink()


def mix_orientations(study: Path, phase: CtPhase) -> None:
    """Turn the upper third of a phase's slices sagittal, as a reformat stored beside them."""
    images = _images(study, phase)
    for image in images[2 * len(images) // 3 :]:
        rewrite(image.path, ImageOrientationPatient=_SAGITTAL)


def forget_orientation(study: Path, phase: CtPhase) -> None:
    """Delete ImageOrientationPatient from every slice of a phase."""
    for image in _images(study, phase):
        rewrite(image.path, ImageOrientationPatient=None)


def write_unknown_response(site: Path, row: int, word: str = "NE") -> None:
    """Put a word that RECIST categories do not know into a manifest row (from 0)."""
    rows = _read_manifest(site)
    rows[row]["response"] = word
    _write_manifest(site, rows)


def make_one_class(site: Path) -> None:
    """Let every patient of a site be a partial responder."""
    rows = _read_manifest(site)
    for row in rows:
        row["response"] = RecistResponse.PARTIAL
    _write_manifest(site, rows)


def repeat_manifest_row(site: Path, row: int) -> None:
    """List one patient twice in the manifest."""
    rows = _read_manifest(site)
    _write_manifest(site, [*rows, dict(rows[row])])


def break_site_settings(site: Path) -> None:
    """Make three mistakes in ``site.toml``: a wrong key, a wrong word and a wrong number."""
    path = site / "site.toml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^manifest =", "manifets =", text, flags=re.MULTILINE)
    text = re.sub(r'accelerator = "\w+"', 'accelerator = "quantum"', text)
    text = re.sub(r"minimum_count = \d+", "minimum_count = -1", text)
    path.write_text(text, encoding="utf-8")


def _images(study: Path, phase: CtPhase) -> list[Instance]:
    """List the images of a phase from the feet up."""
    found = [image for image in list_instances(study) if image.phase is phase]
    return sorted(found, key=lambda image: image.height_mm)


def _read_manifest(site: Path) -> list[dict[str, str]]:
    text = (site / "manifest.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _write_manifest(site: Path, rows: list[dict[str, str]]) -> None:
    with (site / "manifest.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
