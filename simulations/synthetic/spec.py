"""What a synthetic cohort shall be: sites, sizes, signal strength, seed."""

import hashlib
import json
from dataclasses import asdict, dataclass

from shared.errors import Problem, SettingsError
from simulations.synthetic.scanner import SCANNERS, Scanner

GENERATOR_VERSION = 1
"""Raise it whenever the same specification would give other bytes."""

DEMO_EFFECT_SCALE = 5.0
"""Strong enough (Bayes AUC 0.99) that a small network learns it in a few minutes on a CPU."""

PAPER_EFFECT_SCALE = 1.0
"""Bayes AUC 0.82, near the 0.80 that Liao 2024 reports."""

_SITE_SCANNERS = ("siemens", "ge", "philips", "uih")
_SITE_SHIFTS = (0.0, 0.6, -0.6, 0.3)
"""Sites differ in prevalence by as much as referral patterns do; on the log-odds scale."""


@dataclass(frozen=True)
class SiteSpec:
    """One hospital.

    Attributes:
        name: Folder and site name, such as ``site-a``.
        patients: How many patients it has.
        scanner: Key of `scanner.SCANNERS`.
        log_odds_shift: Log-odds of objective response that its images do not explain.
    """

    name: str
    patients: int
    scanner: str
    log_odds_shift: float = 0.0

    @property
    def scanner_profile(self) -> Scanner:
        """Look up the scanner."""
        return SCANNERS[self.scanner]


@dataclass(frozen=True)
class CohortSpec:
    """A whole cohort; together with the generator's version it fixes every byte.

    Attributes:
        sites: The hospitals.
        seed: Root of all randomness, at least 0.
        matrix: Rows and columns of every image.
        slices: Slices per phase at the nominal spacing; thick-slice scanners have fewer.
        effect_scale: Strength of the image signal; see `outcome.bayes_auc`.
        misregistration_mm: Standard deviation of a phase's vertical and belly displacement;
            sideways it is 0.3 of it.
    """

    sites: tuple[SiteSpec, ...]
    seed: int
    matrix: int = 96
    slices: int = 20
    effect_scale: float = DEMO_EFFECT_SCALE
    misregistration_mm: float = 2.5

    def __post_init__(self) -> None:
        """Refuse what cannot be a cohort, naming every problem."""
        problems = tuple(_problems(self))
        if problems:
            raise SettingsError("The cohort's specification cannot be used.", problems)

    def as_json(self) -> str:
        """Write the specification and the generator's version as canonical JSON."""
        record = {"generator_version": GENERATOR_VERSION, **asdict(self)}
        return json.dumps(record, ensure_ascii=False, sort_keys=True)

    def digest(self) -> str:
        """Give a hash that differs whenever any written byte could differ."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


def even_sites(sites: int, patients_per_site: int) -> tuple[SiteSpec, ...]:
    """Name sites site-a, site-b, ... that differ in scanner and prevalence."""
    return tuple(
        SiteSpec(
            name=f"site-{chr(ord('a') + index)}" if index < 26 else f"site-{index + 1}",  # noqa: PLR2004 - letters
            patients=patients_per_site,
            scanner=_SITE_SCANNERS[index % len(_SITE_SCANNERS)],
            log_odds_shift=_SITE_SHIFTS[index % len(_SITE_SHIFTS)],
        )
        for index in range(sites)
    )


def demo_spec(seed: int, *, sites: int = 4, patients_per_site: int = 30) -> CohortSpec:
    """Specify the demonstration: small images and a signal strong enough to learn in minutes."""
    return CohortSpec(sites=even_sites(sites, patients_per_site), seed=seed)


def published_spec(seed: int, *, sites: int = 4, patients_per_site: int = 30) -> CohortSpec:
    """Specify images of the published size (Liao 2024, section 2.2: 512 x 512, 5 mm).

    The signal is as strong as the published model's AUC suggests.
    """
    return CohortSpec(
        sites=even_sites(sites, patients_per_site),
        seed=seed,
        matrix=512,
        slices=42,
        effect_scale=PAPER_EFFECT_SCALE,
    )


def _problems(spec: CohortSpec) -> list[Problem]:
    found = []
    names = [site.name for site in spec.sites]
    checks = (
        ("sites", f"{len(names)} sites", "at least one site", len(names) > 0),
        ("sites", "a repeated name", "different names", len(set(names)) == len(names)),
        ("seed", str(spec.seed), "0 or more", spec.seed >= 0),
        ("matrix", str(spec.matrix), "32 to 1024", 32 <= spec.matrix <= 1024),  # noqa: PLR2004
        ("slices", str(spec.slices), "8 to 400", 8 <= spec.slices <= 400),  # noqa: PLR2004
        ("effect_scale", str(spec.effect_scale), "0 or more", spec.effect_scale >= 0),
        ("misregistration_mm", str(spec.misregistration_mm), "0 to 8 mm",
         0 <= spec.misregistration_mm <= 8),  # noqa: PLR2004 - beyond it a breath could fold rows
    )  # fmt: skip
    for where, got, expected, good in checks:
        if not good:
            found.append(Problem(where, got, expected, f"Change {where}."))
    for number, site in enumerate(spec.sites, start=1):
        where = f"site {number}"
        if site.patients < 1:
            found.append(Problem(where, "no patients", "at least 1", "Raise patients."))
        if site.scanner not in SCANNERS:
            known = ", ".join(SCANNERS)
            found.append(Problem(where, site.scanner, f"a scanner of {known}", "Change scanner."))
        if not site.name or "/" in site.name or site.name.startswith("."):
            found.append(Problem(where, "a name no folder can have", "a word", "Rename the site."))
    return found
