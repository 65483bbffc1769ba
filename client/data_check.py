"""Check a site's data and write its two reports: a private one, and what will leave."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from client.clinical_join import clinical_patients
from client.dataset import SiteData, patients_of
from client.fusion_site import fusion_patients, with_clinic
from client.manifest import read_manifest
from client.private_report import render_private_report
from client.shareable_report import shareable_report
from client.site_preparation import SitePreparation, prepare_site
from client.site_settings import SiteSettings
from shared.errors import DataError
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.recipe import Recipe

PRIVATE_NAME = "report.private.html"
SHAREABLE_NAME = "report.shareable.json"


@dataclass(frozen=True)
class DataCheck:
    """What a data check found.

    Attributes:
        prepared: What became of every row.
        data: The patients, or None where the site cannot take part.
        refusal: Why it cannot; None where it can.
        private_report: For the site only.
        shareable_report: What will leave.
    """

    prepared: SitePreparation
    data: SiteData | None
    refusal: DataError | None
    private_report: Path
    shareable_report: Path


def check_data(
    site: SiteSettings,
    run: RunSettings,
    recipe: Recipe,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> DataCheck:
    """Prepare the site's patients as a run would and write the reports.

    Args:
        site: The hospital's settings.
        run: Of the run to come: seed, split, image size.
        recipe: Of the run to come.
        workers: Processes that decode DICOM.
        progress: Called with patients done and patients in all.

    Returns:
        Everything found; a site that cannot take part is an answer, too.

    Raises:
        ManifestError: If the manifest or the clinical file is no table of patients.
        SettingsError: If the run needs a clinical table and there is none.
        DataError: If the DICOM folder holds no image.
    """
    # First, so that a table that cannot be read does not cost the time of preparing images.
    clinic = clinical_patients(site, read_manifest(site.manifest)) if _joins(run) else None
    prepared = prepare_site(site, recipe.preparation, workers=workers, progress=progress)
    data: SiteData | None = None
    refusal: DataError | None = None
    try:
        if clinic is None:
            data = patients_of(prepared, site, run, recipe.endpoint)
        else:
            prepared = with_clinic(prepared, clinic)
            joined = fusion_patients(prepared, clinic, site, run, recipe.endpoint)
            prepared = replace(prepared, problems=joined.problems)
            data = SiteData(joined.patients, joined.problems, joined.excluded)
    except DataError as error:
        refusal = error
    page = render_private_report(
        site.name,
        prepared,
        data,
        recipe,
        datetime.now().astimezone(),
        refusal.message if refusal else "",
    )
    counts = shareable_report(site.name, data, site.minimum_count)
    private, shareable = site.work / PRIVATE_NAME, site.work / SHAREABLE_NAME
    _write(private, page, 0o600)
    _write(shareable, json.dumps(counts, indent=1, ensure_ascii=False) + "\n", 0o644)
    return DataCheck(prepared, data, refusal, private, shareable)


def _joins(run: RunSettings) -> bool:
    """Say whether the run joins images and clinic."""
    return run.task == HAIC_MRI


def _write(path: Path, text: str, mode: int) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
