"""What lies in the site's DICOM folder, and which study belongs to which patient.

A folder is read once: headers of files whose size and time are unchanged come from
``work/catalogue.json``, which names patients and therefore stays in the site's work folder with
rights for its owner only.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from client.manifest import Manifest, ManifestRow
from shared.dicom.header import InstanceHeader
from shared.dicom.scan import scan_files, walk
from shared.errors import DataError, Level, Problem

CATALOGUE_VERSION = 1
_BATCH = 200  # files per progress call


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

    def series_uids(self, name: str) -> tuple[str, ...]:
        """Find the series of a number or UID as a person wrote it."""
        found = {f.series_uid for f in self.files if name in (f.series_uid, str(f.series_number))}
        return tuple(sorted(found))


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


def open_catalogue(
    dicom: Path, work: Path, progress: Callable[[int, int], None] | None = None
) -> Catalogue:
    """Bring the catalogue up to date with the folder and give it.

    Args:
        dicom: The site's DICOM folder.
        work: The site's work folder; holds the catalogue file.
        progress: Called with files done and files in all.

    Returns:
        The studies found.

    Raises:
        DataError: If the folder holds no DICOM image.
    """
    known = _load(work / "catalogue.json")
    records: list[FileRecord] = []
    paths = list(walk(dicom))
    for done, path in enumerate(paths, 1):
        status = path.stat()
        name = path.relative_to(dicom).as_posix()
        record = known.get(name)
        if record is None or (record.size, record.modified_ns) != (
            status.st_size,
            status.st_mtime_ns,
        ):
            record = _read(path, name, status.st_size, status.st_mtime_ns)
        records.append(record)
        if progress is not None and (done % _BATCH == 0 or done == len(paths)):
            progress(done, len(paths))
    if not any(record.kind == "image" for record in records):
        found = f"{len(records)} files that are none" if records else "an empty folder"
        raise DataError(
            f"Expected DICOM studies in the site's DICOM folder, got {found}. "
            "Correct 'dicom' in the site settings, or export the studies there."
        )
    if known != {record.path: record for record in records}:
        _save(work / "catalogue.json", records)
    return _catalogue(dicom, records)


def _read(path: Path, name: str, size: int, modified_ns: int) -> FileRecord:
    scan = scan_files([path])
    if scan.rejected:
        return FileRecord(name, size, modified_ns, "rejected", scan.rejected[0].reason)
    if not scan.instances:
        return FileRecord(name, size, modified_ns, "other")
    header: InstanceHeader = scan.instances[0]
    return FileRecord(
        path=name,
        size=size,
        modified_ns=modified_ns,
        kind="image",
        patient_id=header.patient_id or name.partition("/")[0],
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        series_number=header.series_number,
        sop_uid=header.sop_uid,
    )


def _load(path: Path) -> dict[str, FileRecord]:
    """Give the records of the last run; a missing, old or damaged file only costs time."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != CATALOGUE_VERSION:
            return {}
        return {entry["path"]: FileRecord(**entry) for entry in document["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _save(path: Path, records: Sequence[FileRecord]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    document = {"version": CATALOGUE_VERSION, "files": [asdict(record) for record in records]}
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
    draft.replace(path)


def _catalogue(root: Path, records: Sequence[FileRecord]) -> Catalogue:
    files: dict[str, list[FileRecord]] = defaultdict(list)
    for record in records:
        if record.kind == "image":
            files[record.study_uid].append(record)
    studies = {
        uid: StudyRecord(uid, many[0].patient_id, tuple(many)) for uid, many in files.items()
    }
    return Catalogue(root, studies, _file_problems(records))


def _file_problems(records: Sequence[FileRecord]) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    rejected: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records, 1):
        if record.kind == "rejected":
            rejected[record.reason].append(number)
    problems += [
        Problem(
            f"file {numbers[0]} of the DICOM folder"
            + (f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""),
            reason.rstrip("."),
            "a readable DICOM image",
            "Export it again; until then it is left out.",
            Level.WARNING,
        )
        for reason, numbers in rejected.items()
    ]
    others = sum(record.kind == "other" for record in records)
    if others:
        problems.append(
            Problem(
                "DICOM folder",
                f"{others} file(s) that are not DICOM",
                "DICOM files",
                "Nothing to do: they are ignored.",
                Level.INFO,
            )
        )
    return tuple(problems)


def join(
    manifest: Manifest, catalogue: Catalogue
) -> tuple[tuple[tuple[ManifestRow, StudyRecord], ...], tuple[Problem, ...]]:
    """Give every row of the manifest its study.

    Args:
        manifest: Rows; a StudyInstanceUID decides, else the PatientID must have one study.
        catalogue: Studies.

    Returns:
        Rows with their study, and a problem per row without exactly one, plus one note on studies
        that no row asks for.
    """
    by_patient: dict[str, list[StudyRecord]] = defaultdict(list)
    for study in catalogue.studies.values():
        by_patient[study.patient_id].append(study)
    pairs: list[tuple[ManifestRow, StudyRecord]] = []
    problems: list[Problem] = []
    for row in manifest.rows:
        found = _studies_of(row, catalogue, by_patient)
        problem = _join_problem(row, found)
        if problem is None:
            pairs.append((row, found[0]))
        else:
            problems.append(problem)
    idle = sum(
        study.patient_id not in manifest.patient_ids and study.study_uid not in manifest.study_uids
        for study in catalogue.studies.values()
    )
    if idle:
        problems.append(
            Problem(
                "DICOM folder",
                f"{idle} study(ies) without a row in the manifest",
                "one row per patient",
                "Add the patients to the manifest if they belong to the cohort.",
                Level.INFO,
            )
        )
    return tuple(pairs), tuple(problems)


def _studies_of(
    row: ManifestRow, catalogue: Catalogue, by_patient: Mapping[str, list[StudyRecord]]
) -> list[StudyRecord]:
    if row.study_uid:
        study = catalogue.studies.get(row.study_uid)
        return [] if study is None else [study]
    return by_patient.get(row.patient_id, [])


def _join_problem(row: ManifestRow, found: Sequence[StudyRecord]) -> Problem | None:
    where = f"case {row.case}"
    if not found:
        key = "study_uid" if row.study_uid else "patient_id"
        return Problem(
            where,
            f"no study with its {key} in the DICOM folder",
            "one study",
            f"Export the study, or correct {key} in the manifest.",
        )
    if len(found) > 1:
        return Problem(
            where,
            f"{len(found)} studies of this patient",
            "one study",
            "Write the StudyInstanceUID of the study before treatment into study_uid.",
        )
    if found[0].patient_id != row.patient_id:
        return Problem(
            where,
            "a study that carries another PatientID",
            "the PatientID of the manifest",
            "Correct patient_id or study_uid in the manifest.",
        )
    return None
