"""What a synthetic MRI cohort shall be: sites, sizes, strengths of image and clinic, seed."""

import hashlib
import json
from dataclasses import asdict, dataclass

from shared.errors import Problem, SettingsError
from simulations.synthetic.mri_outcome import Effects
from simulations.synthetic.mri_scanner import MrScanner
from simulations.synthetic.mri_vendors import MR_SCANNERS

MRI_GENERATOR_VERSION = 2
"""Raise it whenever the same specification would give other bytes."""

DEMO_IMAGE_EFFECT, DEMO_CLINICAL_EFFECT = 6.0, 3.5
"""Log-odds per standard deviation of each cause: Bayes AUC 0.93 image, 0.72 clinic, 0.98 both."""

DEMO_PREVALENCE = 0.45
"""Departure: with the 0.13 to 0.20 of Quan 2024 the folds of a small site would hold one event or
none, and a network would have to learn from a dozen."""

_SITE_SCANNERS = ("uih", "siemens", "ge", "philips")
_SITE_SHIFTS = (0.0, 0.6, -0.6, 0.3)
"""Sites differ in prevalence beyond their patients' causes; on the log-odds scale."""


@dataclass(frozen=True)
class MriSiteSpec:
    """One hospital.

    Attributes:
        name: Folder and site name, such as ``site-a``.
        patients: How many patients it has.
        scanner: Key of `mri_vendors.MR_SCANNERS`.
        log_odds_shift: Log-odds of progressive disease that neither image nor clinic explains.
    """

    name: str
    patients: int
    scanner: str
    log_odds_shift: float = 0.0

    @property
    def scanner_profile(self) -> MrScanner:
        """Look up the scanner."""
        return MR_SCANNERS[self.scanner]


@dataclass(frozen=True)
class MriCohortSpec:
    """A whole cohort; together with the generator's version it fixes every byte.

    Attributes:
        sites: The hospitals.
        seed: Root of all randomness, at least 0.
        columns: Columns of a T1 image; the other sequences' matrices are in proportion.
        slices: Slices of a T1 image at the nominal spacing.
        image_effect: Strength of the image's causes; see `mri_outcome.bayes_aucs`.
        clinical_effect: Strength of the clinical causes.
        prevalence: Share of progressive disease in the population without site shifts.
        misregistration_mm: Standard deviation of an image's vertical and belly displacement
            against the arterial phase; sideways it is 0.3 of it, in free breathing 1.3 times.
    """

    sites: tuple[MriSiteSpec, ...]
    seed: int
    columns: int = 112
    slices: int = 16
    image_effect: float = DEMO_IMAGE_EFFECT
    clinical_effect: float = DEMO_CLINICAL_EFFECT
    prevalence: float = DEMO_PREVALENCE
    misregistration_mm: float = 2.5

    def __post_init__(self) -> None:
        """Refuse what cannot be a cohort, naming every problem."""
        problems = tuple(_problems(self))
        if problems:
            raise SettingsError("The cohort's specification cannot be used.", problems)

    @property
    def effects(self) -> Effects:
        """Give the strengths of the causes and the prevalence."""
        return Effects(self.image_effect, self.clinical_effect, self.prevalence)

    def as_json(self) -> str:
        """Write the specification and the generator's version as canonical JSON."""
        record = {"mri_generator_version": MRI_GENERATOR_VERSION, **asdict(self)}
        return json.dumps(record, ensure_ascii=False, sort_keys=True)

    def digest(self) -> str:
        """Give a hash that differs whenever any written byte could differ."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


def even_mri_sites(sites: int, patients_per_site: int) -> tuple[MriSiteSpec, ...]:
    """Name sites site-a, site-b, ... that differ in scanner and prevalence."""
    return tuple(
        MriSiteSpec(
            name=f"site-{chr(ord('a') + index)}" if index < 26 else f"site-{index + 1}",  # noqa: PLR2004 - letters
            patients=patients_per_site,
            scanner=_SITE_SCANNERS[index % len(_SITE_SCANNERS)],
            log_odds_shift=_SITE_SHIFTS[index % len(_SITE_SHIFTS)],
        )
        for index in range(sites)
    )


def demo_mri_spec(seed: int, *, sites: int = 4, patients_per_site: int = 30) -> MriCohortSpec:
    """Specify the demonstration: small images, strong signal, both classes at every site."""
    return MriCohortSpec(sites=even_mri_sites(sites, patients_per_site), seed=seed)


def published_mri_spec(seed: int, *, sites: int = 4, patients_per_site: int = 30) -> MriCohortSpec:
    """Specify images of a clinical size (T1 320 columns, 64 slices), and the paper's prevalence.

    Quan 2024, Table 1: 17 of 127 patients with progressive disease.
    """
    return MriCohortSpec(
        sites=even_mri_sites(sites, patients_per_site),
        seed=seed,
        columns=320,
        slices=64,
        prevalence=0.134,
    )


def _problems(spec: MriCohortSpec) -> list[Problem]:
    found = []
    names = [site.name for site in spec.sites]
    checks = (
        ("sites", f"{len(names)} sites", "at least one site", len(names) > 0),
        ("sites", "a repeated name", "different names", len(set(names)) == len(names)),
        ("seed", str(spec.seed), "0 or more", spec.seed >= 0),
        ("columns", str(spec.columns), "40 to 1024", 40 <= spec.columns <= 1024),  # noqa: PLR2004
        ("slices", str(spec.slices), "8 to 400", 8 <= spec.slices <= 400),  # noqa: PLR2004
        ("image_effect", str(spec.image_effect), "0 or more", spec.image_effect >= 0),
        ("clinical_effect", str(spec.clinical_effect), "0 or more", spec.clinical_effect >= 0),
        ("prevalence", str(spec.prevalence), "0.02 to 0.98",
         0.02 <= spec.prevalence <= 0.98),  # noqa: PLR2004 - the intercept is sought within +-60
        ("misregistration_mm", str(spec.misregistration_mm), "0 to 6 mm",
         0 <= spec.misregistration_mm <= 6),  # noqa: PLR2004 - beyond it a breath could fold rows
    )  # fmt: skip
    for where, got, expected, good in checks:
        if not good:
            found.append(Problem(where, got, expected, f"Change {where}."))
    for number, site in enumerate(spec.sites, start=1):
        where = f"site {number}"
        if site.patients < 1:
            found.append(Problem(where, "no patients", "at least 1", "Raise patients."))
        if site.scanner not in MR_SCANNERS:
            known = ", ".join(MR_SCANNERS)
            found.append(Problem(where, site.scanner, f"a scanner of {known}", "Change scanner."))
        if not site.name or "/" in site.name or site.name.startswith("."):
            found.append(Problem(where, "a name no folder can have", "a word", "Rename the site."))
    return found
