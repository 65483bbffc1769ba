"""Check a site's data and write its two reports: a private one, and what will leave."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from client.dataset import SiteData, patients_of
from client.private_report import render_private_report
from client.shareable_report import shareable_report
from client.site_preparation import SitePreparation, prepare_site
from client.site_settings import SiteSettings
from shared.errors import DataError
from shared.settings import RunSettings
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
        ManifestError: If the manifest is no table of patients.
        DataError: If the DICOM folder holds no image.
    """
    prepared = prepare_site(site, recipe.preparation, workers=workers, progress=progress)
    data: SiteData | None = None
    refusal: DataError | None = None
    try:
        data = patients_of(prepared, site, run, recipe.endpoint)
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


def _write(path: Path, text: str, mode: int) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
