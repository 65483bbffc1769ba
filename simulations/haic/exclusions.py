"""Why patients were left out, in a closed set of words and as counts only."""

from collections.abc import Mapping

from client.fusion_site import FusionSite
from shared.errors import Level, Problem
from shared.report.haic_record import Exclusion

IMAGES, CLINICAL, UNMATCHED = (
    "no usable images",
    "a clinical value that cannot be right",
    "no row of their own in both tables",
)


def exclusions_of(sites: Mapping[str, FusionSite], minimum: int) -> tuple[Exclusion, ...]:
    """Count the patients that every site left out, by reason.

    A patient with several problems counts under the first.

    Args:
        sites: By name.
        minimum: Smaller counts are withheld; 1 tells all, for invented patients.

    Returns:
        One row per site and reason.
    """
    rows: list[Exclusion] = []
    for name, data in sites.items():
        reasons: dict[str, str] = {}
        for problem in data.problems:
            if problem.level is Level.ERROR:
                reasons.setdefault(problem.where.partition(",")[0], _reason(problem))
        told = list(reasons.values())
        for reason in (IMAGES, CLINICAL, UNMATCHED):
            count = told.count(reason)
            if count:
                rows.append(Exclusion(name, reason, count if count >= minimum else None))
    return tuple(rows)


def _reason(problem: Problem) -> str:
    about = problem.where.partition(",")[2].strip()
    if not about.startswith("column "):
        return IMAGES
    column = about.removeprefix("column ").partition(" ")[0]
    # A duplicate identifier, or images without a clinical row.
    return UNMATCHED if column == "patient_id" else CLINICAL
