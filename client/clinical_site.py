"""A site's clinical patients for one run: columns, split, and what was wrong with the file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from client.archive.secret import read_secret_file
from client.clinical_file import read_clinical_csv
from client.data_report import write_data_report
from client.site_settings import SiteSettings
from shared.cohort.analysis_columns import EVENT, site_columns
from shared.cohort.split import split_patients
from shared.errors import DataError, SettingsError
from shared.fusion.rotation import SHORTEST_SECRET
from shared.messages.moments import SiteColumns
from shared.settings import RunSettings
from shared.vocabulary import Split

REPORT_NAME = "clinical_report.json"


@dataclass(frozen=True)
class ClinicalSite:
    """A site's clinical table as the run sees it.

    Attributes:
        columns: Every column of the analyses; NaN is missing.
        held_out: Patients that no model is fitted on.
        excluded: Rows of the file that could not be used.
    """

    columns: SiteColumns
    held_out: Bool[np.ndarray, " patient"]
    excluded: int

    @property
    def patients(self) -> int:
        """Count the usable patients."""
        return int(self.held_out.size)

    def part(self, *, held_out: bool) -> Mapping[str, np.ndarray]:
        """Give the columns of the held-out patients, or of those that models are fitted on."""
        chosen = self.held_out if held_out else ~self.held_out
        return {name: values[chosen] for name, values in self.columns.items()}


def open_clinical_site(site: SiteSettings, run: RunSettings) -> ClinicalSite:
    """Read the site's clinical file and hold patients out.

    What was wrong goes to ``clinical_report.json`` in the work folder, with row numbers.

    Args:
        site: The hospital's settings.
        run: The coordinator's settings: seed and share of held-out patients.

    Returns:
        The patients.

    Raises:
        SettingsError: If the site names no clinical file.
        ManifestError: If the file is no table of patients, or no row can be used.
        DataError: If all patients have the same outcome.
    """
    if site.clinical is None:
        raise SettingsError(
            "Expected a clinical table for a run of clinical statistics, got none. "
            "Add 'clinical = \"clinical.csv\"' under [site]."
        )
    cohort = read_clinical_csv(site.clinical)
    usable = len(cohort.table.responses)
    write_data_report(site.work, cohort.problems, usable, cohort.excluded, name=REPORT_NAME)
    columns = site_columns(cohort.table)
    events = columns[EVENT] == 1
    if not 0 < events.sum() < events.size:
        raise DataError(
            f"Expected patients with and without progressive disease, got {usable} of one kind. "
            "Add patients of the other outcome."
        )
    return ClinicalSite(columns, _held_out(events, site, run), cohort.excluded)


def rotation_secret(site: SiteSettings) -> bytes:
    """Read the secret that all sites share and the server must not know.

    Args:
        site: The hospital's settings.

    Returns:
        At least 16 bytes.

    Raises:
        SettingsError: If no file is named, or it is missing, short, or open to others.
    """
    if site.rotation_secret_file is None:
        raise SettingsError(
            "Expected a rotation secret, got none. Add 'rotation_secret_file = \"rotation.key\"' "
            "under [secrets]; the same file at every site, sent past the server."
        )
    secret = read_secret_file(site.rotation_secret_file)
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            f"Expected a rotation secret of at least {SHORTEST_SECRET} bytes, got {len(secret)}. "
            "Write 32 random bytes into the file and give every site the same."
        )
    return secret


def _held_out(
    events: Bool[np.ndarray, " patient"], site: SiteSettings, run: RunSettings
) -> Bool[np.ndarray, " patient"]:
    # The site's name is in the seed, so that equal sites do not hold out the same places.
    seed = hashlib.sha256(f"clinical\0{run.seed}\0{site.name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:8]))
    splits = split_patients(events.tolist(), run.held_out_fraction, 0.0, rng)
    return np.array([split is Split.HELD_OUT for split in splits], dtype=np.bool_)
