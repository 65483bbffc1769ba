"""A small site with MRI and a clinical table, prepared once and copied for every test."""

import csv
import shutil
from contextlib import closing

from client.catalogue import CatalogueStore
from client.fusion_site import open_fusion_site
from client.site_settings import read_site_settings
from shared.cohort.endpoint import PROGRESSIVE_DISEASE
from shared.cohort.fusion_columns import READERS
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.preparation_settings import MriPreparation
from simulations.synthetic.mri_cohort import write_mri_cohort
from simulations.synthetic.mri_spec import MriCohortSpec, MriSiteSpec

PREPARATION = MriPreparation(height=32, width=48, slices_per_patient=2)
RUN = RunSettings(task=HAIC_MRI, image_height=32, image_width=48, slices_per_patient=2, folds=3)
RESPONSES = ("SD", "PD", "PR", "PD", "SD", "CR", "PD", "SD")
PATIENTS = len(RESPONSES)
_MANIFEST = ("patient_id", "study_uid")


def write_site(folder, scanner="siemens"):
    """Write a site with the responses above; its tables hold only what has to be there."""
    spec = MriCohortSpec((MriSiteSpec("site-a", PATIENTS, scanner),), seed=3, columns=40, slices=8)
    write_mri_cohort(spec, folder, workers=1, progress=None)
    site = folder / "site-a"
    for path, columns in ((site / "manifest.csv", _MANIFEST), (site / "clinical.csv", None)):
        rows = [
            {name: cell for name, cell in row.items() if name in (columns or row)}
            | {"response": response}
            for row, response in zip(rows_of(path), RESPONSES, strict=True)
        ]
        write_rows(path, [{k: v for k, v in row.items() if k not in READERS} for row in rows])
    return site


def copy_site(source, target):
    """Copy a site's files; its images are linked."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.is_relative_to(source / "dicom"):
            place.hardlink_to(path)
        else:
            shutil.copy2(path, place)
    return read_site_settings(target / "site.toml")


def open_it(site, run=RUN):
    """Open a site as a run would."""
    return open_fusion_site(site, run, PREPARATION, PROGRESSIVE_DISEASE)


def rows_of(path):
    """Read a table as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows):
    """Write a table; its columns are those of all rows together."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def series_files(site, case, role):
    """Give the files of the series that the headers call by a role, and its number."""
    uid = rows_of(site.manifest)[case - 1]["study_uid"]
    with closing(CatalogueStore(site.work)) as store:
        (series,) = [s for s in store.series()[uid] if s.role is role]
        files = store.files().values()
    own = series.volume_id.partition("#")[0]
    return series, [site.dicom / f.path for f in files if f.series_uid == own]
