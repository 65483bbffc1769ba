"""Studies and sites to measure the road from DICOM with, written from invented patients."""

from pathlib import Path

from pydicom import dcmread
from pydicom.uid import UID, JPEG2000Lossless

from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, SiteSpec


def write_study(folder: Path, matrix: int, slices: int) -> Path:
    """Write one invented three-phase study, uncompressed; give the folder that holds it."""
    spec = CohortSpec((SiteSpec("site-a", 1, "siemens"),), seed=5, matrix=matrix, slices=slices)
    write_cohort(spec, folder, workers=1, progress=None)
    return folder / "site-a" / "dicom"


def compress(study: Path, target: Path, syntax: str) -> Path:
    """Copy a study, compressed; localizer and dose screen stay as they are."""
    for source in (path for path in study.rglob("*") if path.is_file()):
        copy = target / source.relative_to(study)
        copy.parent.mkdir(parents=True, exist_ok=True)
        dataset = dcmread(source)
        if dataset.Rows == dataset.Columns and dataset.BitsAllocated == 16:  # noqa: PLR2004
            plugin = "pylibjpeg" if syntax == JPEG2000Lossless else ""
            dataset.compress(UID(syntax), encoding_plugin=plugin, generate_instance_uid=False)
        dataset.save_as(copy)
    return target


def write_site(study: Path, folder: Path, patients: int) -> Path:
    """Make a site out of copies of one study, each of a patient of its own."""
    rows = ["patient_id,study_uid,response"]
    for number in range(1, patients + 1):
        study_uid = ""
        for source in (path for path in study.rglob("*") if path.is_file()):
            dataset = dcmread(source)
            dataset.PatientID = f"P{number}"
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                dataset[keyword].value = UID(f"{dataset[keyword].value}.{number}")
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            study_uid = dataset.StudyInstanceUID
            copy = folder / "dicom" / f"study{number}" / source.relative_to(study)
            copy.parent.mkdir(parents=True, exist_ok=True)
            dataset.save_as(copy)
        rows.append(f"P{number},{study_uid},{'PR' if number % 2 else 'PD'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "site.toml").write_text(
        '[site]\nname = "site-a"\ndicom = "dicom"\nmanifest = "manifest.csv"\nwork = "work"\n',
        encoding="utf-8",
    )
    return folder
