"""A study as an archive announces it, and what an archive is asked to do."""

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, runtime_checkable

from client.archive.study_folder import StudyFolder
from shared.errors import Problem


@dataclass(frozen=True)
class Study:
    """One study of an archive; whatever could tell who the patient is stays out of its text form.

    Attributes:
        uid: StudyInstanceUID, or a name of its own for files that have none.
        patient_id: PatientID.
        patient_name: PatientName, decoded, such as ``Wang^XiaoDong=王^小东``.
        day: StudyDate, where it is a date.
        modalities: Such as ``("CT",)``, sorted.
        instances: How many instances the archive announces; None where it does not say.
    """

    uid: str = field(repr=False)
    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    day: date | None = field(repr=False)
    modalities: tuple[str, ...]
    instances: int | None


@dataclass(frozen=True)
class StudyFilter:
    """Which studies are wanted.

    Attributes:
        first: Earliest study date; None for no limit.
        last: Latest study date; None for no limit.
        modalities: At least one of them is in the study; empty for any.
    """

    first: date | None = None
    last: date | None = None
    modalities: tuple[str, ...] = ()

    def accepts(self, study: Study) -> bool:
        """Tell whether a study is wanted; one without a date or modality is, to be looked at."""
        early = study.day is not None and self.first is not None and study.day < self.first
        late = study.day is not None and self.last is not None and study.day > self.last
        known = bool(self.modalities and study.modalities)
        other = known and not set(self.modalities) & set(study.modalities)
        return not (early or late or other)


@dataclass(frozen=True)
class Listing:
    """The studies of an archive and what was left out, in counts.

    Attributes:
        studies: In a stable order; the position counts from 1 in reports.
        problems: Files and studies that cannot be used.
    """

    studies: tuple[Study, ...]
    problems: tuple[Problem, ...] = ()


@runtime_checkable
class Archive(Protocol):
    """Where studies come from."""

    def check(self) -> None:
        """Try the connection.

        Raises:
            ArchiveError: When the archive cannot be used, with what to do about it.
        """

    def list_studies(self, wanted: StudyFilter) -> Listing:
        """List what the archive has.

        Raises:
            ArchiveError: When the archive cannot be listed.
        """

    def fetch(self, study: Study, folder: StudyFolder) -> int:
        """Bring the instances of a study that the folder lacks.

        Args:
            study: One that `list_studies` gave.
            folder: Where instances are stored; those already there are not fetched again.

        Returns:
            How many instances the archive has of the study now.

        Raises:
            PassingError: When it is worth trying again.
            StudyError: When this study cannot be had.
            ArchiveError: When nothing can be had.
            OSError: When the folder cannot be written.
        """

    def close(self) -> None:
        """End connections; the archive is not used afterwards."""


def parse_day(text: str) -> date | None:
    """Read a DICOM date, ``20210315`` or the retired ``2021.03.15``; None for anything else."""
    digits = text.replace(".", "").strip()
    try:
        return date.fromisoformat(digits) if len(digits) == len("20210315") else None
    except ValueError:
        return None
