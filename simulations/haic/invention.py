"""What a cohort's folder says about how it was invented."""

import json
from dataclasses import dataclass
from pathlib import Path

from shared.report.haic_record import BayesAucs
from simulations.study import COHORT_FILE
from simulations.synthetic.mri_spec import published_mri_spec

_GENERATOR = "mri_generator_version"


@dataclass(frozen=True)
class Invention:
    """An invented MRI cohort.

    Attributes:
        bayes: Areas that no model beats in expectation.
        departures: Where its patients differ from the published ones, one sentence each.
    """

    bayes: BayesAucs
    departures: tuple[str, ...]


def invented_cohort(cohort: Path) -> Invention | None:
    """Read how a cohort was invented.

    Args:
        cohort: The folder above the sites.

    Returns:
        The invention; None where nothing says that the patients are invented.
    """
    path = cohort / COHORT_FILE
    if not path.is_file():
        return None
    facts = json.loads(path.read_text(encoding="utf-8"))
    if _GENERATOR not in facts.get("spec", {}):
        return None
    best = facts["bayes_auc"]
    return Invention(
        BayesAucs(best["image_only"], best["clinical_only"], best["fusion"]),
        _departures(facts["spec"]),
    )


def _departures(spec: dict[str, float]) -> tuple[str, ...]:
    life = published_mri_spec(0)
    rows = (
        ("T1 images have {} columns", "columns", life.columns),
        ("T1 images have {} slices", "slices", life.slices),
        ("{} of the patients progress", "prevalence", life.prevalence),
        ("log-odds per standard deviation of what the images show: {}", "image_effect", None),
        ("log-odds per standard deviation of what the clinic knows: {}", "clinical_effect", None),
    )
    said = []
    for words, key, published in rows:
        if spec[key] != published:
            sentence = f"Invented patients: {words.format(f'{spec[key]:g}')}"
            told = "chosen so that it can be learned from few" if published is None else ""
            said.append(f"{sentence}; {told or f'in the publication {published:g}'}.")
    return tuple(said)
