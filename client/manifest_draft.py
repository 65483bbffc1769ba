"""Draft a manifest from the DICOM that was found; what a person must fill in is left empty."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.catalogue_records import Catalogue, SeriesRecord, Status, StudyRecord
from client.image_roles import modality_of
from client.manifest import GUESS, KNOWN_COLUMNS, SERIES_COLUMNS
from shared.errors import DataError
from shared.vocabulary import ImageRole


@dataclass(frozen=True)
class Draft:
    """A drafted manifest.

    Attributes:
        text: The table as CSV.
        studies: Rows.
        guessed: Series that the headers name.
        open_roles: Roles of studies that no header names, or more than one series claims.
    """

    text: str
    studies: int
    guessed: int
    open_roles: int


def draft_manifest(
    catalogue: Catalogue,
    series: Mapping[str, tuple[SeriesRecord, ...]],
    roles: Sequence[ImageRole],
) -> Draft:
    """Write one row per study that holds a volume of the model's modality.

    Args:
        catalogue: What lies in the DICOM folder.
        series: Roles by study.
        roles: Phases or sequences that the model needs; at least one.

    Returns:
        The draft; a series number behind ``?`` is a guess.
    """
    modality = modality_of(roles[0])
    named = {c: role for c, role in SERIES_COLUMNS.items() if modality_of(role) is modality}
    columns = [c for c in KNOWN_COLUMNS if c in named or c not in SERIES_COLUMNS]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    guessed = open_roles = rows = 0
    for study in sorted(catalogue.studies.values(), key=_by_patient):
        volumes = [
            s
            for s in series.get(study.study_uid, ())
            if s.status is not Status.SET_ASIDE and s.modality == modality
        ]
        if not volumes:
            continue
        cells = {"patient_id": study.patient_id, "study_uid": study.study_uid}
        for column, role in named.items():
            claims = [s for s in volumes if s.role is role and s.status is Status.USABLE]
            if len(claims) == 1:
                cells[column] = f"{GUESS}{_name(claims[0])}"
                guessed += 1
            elif role in roles:
                open_roles += 1
        writer.writerow(cells)
        rows += 1
    return Draft(stream.getvalue(), rows, guessed, open_roles)


def write_draft(draft: Draft, path: Path) -> None:
    """Write a draft as Excel reads it; an existing file is never touched.

    Args:
        draft: What to write.
        path: Where to.

    Raises:
        DataError: If there is a file of that name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise DataError(
            f"Expected a new name for the draft, got {path.name}, which exists. "
            "Choose another name with --to; nothing was overwritten."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
        file.write(draft.text)


def _by_patient(study: StudyRecord) -> tuple[str, str]:
    return study.patient_id, study.study_uid


def _name(series: SeriesRecord) -> str:
    return series.volume_id if series.number is None else str(series.number)
