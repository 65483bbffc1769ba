"""Bring the studies of the site's archive into its DICOM folder."""

from dataclasses import dataclass
from pathlib import Path

from client.archive.opening import open_archive
from client.archive.settings import ArchiveSettings, LocalSource
from client.archive.study import Study
from client.archive.transfer import Progress, TransferReport, fetch_studies
from client.manifest import read_manifest
from client.secret_keys import MadeKey, site_key
from client.site_settings import SiteSettings
from shared.errors import Problem, SettingsError


@dataclass(frozen=True)
class Ingest:
    """What an ingest brought.

    Attributes:
        listed: Studies that the archive has and the settings want.
        wanted: Those of them that were to be fetched.
        transfer: What became of these.
        problems: What the list left out, and studies that could not be had.
        key: Where the key of the pseudonyms lies.
    """

    listed: int
    wanted: int
    transfer: TransferReport
    problems: tuple[Problem, ...]
    key: MadeKey


def ingest(
    site: SiteSettings,
    archive: ArchiveSettings,
    *,
    manifest_only: bool,
    progress: Progress | None = None,
) -> Ingest:
    """Fetch what the archive has and the DICOM folder lacks.

    Args:
        site: The hospital's settings.
        archive: Where studies are.
        manifest_only: Whether only patients of the manifest are fetched.
        progress: Called with studies done and studies in all.

    Returns:
        Counts and problems.

    Raises:
        ArchiveError: If the archive cannot be used.
        SettingsError: If the archive is the DICOM folder itself.
        ManifestError: If only patients of a manifest are wanted and it cannot be read.
    """
    _refuse_own_folder(archive, site.dicom)
    patients = read_manifest(site.manifest).patient_ids if manifest_only else None
    key, made = site_key(site)
    with open_archive(archive.source) as source:
        source.check()
        listing = source.list_studies(archive.wanted)
        wanted = [s for s in listing.studies if patients is None or _is_of(s, patients)]
        transfer = fetch_studies(source, wanted, site.dicom, key, archive.limits, progress)
    problems = (*listing.problems, *transfer.failures)
    return Ingest(len(listing.studies), len(wanted), transfer, problems, made)


def _is_of(study: Study, patients: frozenset[str]) -> bool:
    return study.patient_id.strip() in patients


def _refuse_own_folder(archive: ArchiveSettings, dicom: Path) -> None:
    source = archive.source
    if not isinstance(source, LocalSource):
        return
    inside = dicom.resolve().is_relative_to(source.path.resolve())
    if inside or source.path.resolve().is_relative_to(dicom.resolve()):
        raise SettingsError(
            "Expected an archive apart from the site's DICOM folder, got one inside the other. "
            "Studies that lie there already need no ingest; go on with 'hepafed site scan'."
        )
