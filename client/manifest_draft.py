"""Draft a manifest from the DICOM that was found; what a person must fill in is left empty."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from client.catalogue_records import Catalogue, SeriesRecord, Status, StudyRecord
from client.manifest import GUESS, KNOWN_COLUMNS, SERIES_COLUMNS
from shared.errors import DataError
from shared.vocabulary import CtPhase


@dataclass(frozen=True)
class Draft:
    """A drafted manifest.

    Attributes:
        text: The table as CSV.
        studies: Rows.
        guessed: Phases that the headers name.
        open_phases: Phases of studies that no header names, or more than one series claims.
    """

    text: str
    studies: int
    guessed: int
    open_phases: int


def draft_manifest(
    catalogue: Catalogue,
    series: Mapping[str, tuple[SeriesRecord, ...]],
    phases: Sequence[CtPhase],
) -> Draft:
    """Write one row per study that holds a CT volume.

    Args:
        catalogue: What lies in the DICOM folder.
        series: Roles by study.
        phases: Phases that the model needs.

    Returns:
        The draft; a series number behind ``?`` is a guess.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, KNOWN_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    guessed = open_phases = rows = 0
    for study in sorted(catalogue.studies.values(), key=_by_patient):
        volumes = [s for s in series.get(study.study_uid, ()) if s.status is not Status.SET_ASIDE]
        if not volumes:
            continue
        cells = {"patient_id": study.patient_id, "study_uid": study.study_uid}
        for column, phase in SERIES_COLUMNS.items():
            claims = [s for s in volumes if s.phase is phase and s.status is Status.USABLE]
            if len(claims) == 1:
                cells[column] = f"{GUESS}{_name(claims[0])}"
                guessed += 1
            elif phase in phases:
                open_phases += 1
        writer.writerow(cells)
        rows += 1
    return Draft(stream.getvalue(), rows, guessed, open_phases)


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
