"""What the catalogue holds, as values: files, volumes with their roles, and what a person said."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from client.image_settings import ImageSettings
from shared.errors import Problem
from shared.tasks.liver_range import LiverRange
from shared.tasks.preparation_settings import MRI_PREPARATION_VERSION, PREPARATION_VERSION
from shared.vocabulary import ImageRole

NO_ROLE = "none"
"""What a person answers for a series that is no phase or sequence of the study."""

_ROLE_RULES = "2"
"""Raised when headers come to name other roles without any prepared value changing."""


class Status(StrEnum):
    """What is to be done with a study or a series."""

    UNCHECKED = "not checked"
    USABLE = "usable"
    QUESTION = "question"
    QUARANTINED = "quarantined"
    SET_ASIDE = "set aside"
    """Not wanted rather than broken: a localizer, a dose report."""


@dataclass(frozen=True)
class FileRecord:
    """One file of the archive.

    Attributes:
        path: Relative to the DICOM folder.
        size: Bytes.
        modified_ns: Time of the last change.
        kind: ``image``, ``rejected`` or ``other``.
        reason: Why it was rejected; empty otherwise.
        patient_id: As in DICOM, or the name of the first folder where DICOM has none.
        study_uid: Its study.
        series_uid: Its series.
        series_number: The number a console shows.
        sop_uid: Its own UID; part of the cache key.
        transfer_syntax: How its pixels are stored, as a UID.
        modality: As in DICOM.
    """

    path: str
    size: int
    modified_ns: int
    kind: str
    reason: str = ""
    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    series_number: int | None = None
    sop_uid: str = ""
    transfer_syntax: str = ""
    modality: str = ""


@dataclass(frozen=True)
class StudyRecord:
    """One study of the archive.

    Attributes:
        study_uid: Its UID.
        patient_id: Whose it is.
        files: Its images.
    """

    study_uid: str
    patient_id: str
    files: tuple[FileRecord, ...]

    @property
    def modalities(self) -> frozenset[str]:
        """Give the modalities of its images."""
        return frozenset(f.modality for f in self.files)

    def series_uids(self, name: str) -> tuple[str, ...]:
        """Find the series of a number or UID as a person wrote it."""
        found = {f.series_uid for f in self.files if name in (f.series_uid, str(f.series_number))}
        return tuple(sorted(found))

    def content(self) -> list[tuple[str, int, int]]:
        """Give what tells this state of the study from any other, in a fixed order."""
        return sorted((f.sop_uid or f.path, f.size, f.modified_ns) for f in self.files)

    def digest(self, images: ImageSettings) -> str:
        """Give a digest of the content and of the rules and words that name series."""
        rules = [_ROLE_RULES, PREPARATION_VERSION, MRI_PREPARATION_VERSION]
        document = json.dumps([rules, images.words, self.content()])
        return hashlib.sha256(document.encode()).hexdigest()


@dataclass(frozen=True)
class SeriesRecord:
    """One volume of a study and what it was taken for.

    Attributes:
        volume_id: SeriesInstanceUID, with ``#n`` for further volumes of it.
        number: Series number; None where the header has none.
        name: Number and image count in words, without texts of the header.
        images: How many images it has.
        modality: As in DICOM.
        role: The phase or sequence that the headers name, or None.
        evidence: What speaks for it.
        confidence: In [0, 1].
        status: What is to be done with it.
        reason: Why it is quarantined or set aside, or what a person is asked.
        step_mm: Distance of slices; None where there is no regular volume.
        pixel_mm: Distance of rows.
        transfer_syntax: How its pixels are stored, as a UID.
    """

    volume_id: str
    number: int | None
    name: str
    images: int
    modality: str
    role: ImageRole | None
    evidence: tuple[str, ...]
    confidence: float
    status: Status
    reason: str
    step_mm: float | None
    pixel_mm: float | None
    transfer_syntax: str


@dataclass(frozen=True)
class Confirmation:
    """What a person decided, and who and when.

    Attributes:
        study_uid: Of the study.
        volume_id: Of the series; empty for the liver range.
        value: A role, ``none``, or the two ends of the liver in millimetres and what they come
            from, as ``low high a NIfTI mask``.
        who: The person, as they named themselves.
        when: ISO time with zone.
    """

    study_uid: str
    volume_id: str
    value: str
    who: str
    when: str


@dataclass(frozen=True)
class Confirmed:
    """The last word of a person on one study.

    Attributes:
        roles: What series are, by volume id; None for a series that is nothing of the study.
        liver: Where the liver lies, signed, or None where nobody said.
        entries: All entries that count, oldest first.
    """

    roles: Mapping[str, ImageRole | None]
    liver: LiverRange | None
    entries: tuple[Confirmation, ...]


@dataclass(frozen=True)
class Catalogue:
    """All studies of the archive.

    Attributes:
        root: The DICOM folder.
        studies: By StudyInstanceUID.
        problems: Files that cannot be read and files that are no DICOM, as counts.
    """

    root: Path
    studies: Mapping[str, StudyRecord]
    problems: tuple[Problem, ...]
