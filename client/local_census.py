"""A site's part of the census: counts over its prepared patients."""

from collections.abc import Sequence

from client.dataset import SiteData
from shared.cohort.patient import PreparedPatient
from shared.messages.census import CensusReply
from shared.vocabulary import Split


def answer_census(site: str, code_digest: str, data: SiteData, seconds: float) -> CensusReply:
    """Count what a site brings to a run.

    Args:
        site: Display name of the site.
        code_digest: Of the code that runs here.
        data: The site's patients.
        seconds: What preparing them took.

    Returns:
        True counts; the release gate withholds those that are too small.
    """
    patients = data.patients
    return CensusReply(
        site=site,
        code_digest=code_digest,
        patients=len(patients),
        events=sum(patient.event for patient in patients),
        training_patients=_count(patients, Split.TRAINING),
        inner_validation_patients=_count(patients, Split.INNER_VALIDATION),
        held_out_patients=_count(patients, Split.HELD_OUT),
        slices=sum(len(patient.images) for patient in patients),
        excluded_patients=data.excluded,
        seconds=seconds,
    )


def _count(patients: Sequence[PreparedPatient], split: Split) -> int:
    return sum(patient.split is split for patient in patients)
