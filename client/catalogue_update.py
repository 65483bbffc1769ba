"""Bring the catalogue up to date with the DICOM folder: files first, then the roles of series.

A file whose path, size and time are unchanged is not opened again; a study whose files are
unchanged is not decided again. Both are written in small steps, so that a scan that is killed goes
on where it was.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from client.archive.study_folder import MARKER
from client.catalogue import CatalogueStore
from client.catalogue_records import Catalogue, FileRecord, StudyRecord
from client.catalogue_series import series_of
from client.image_settings import ImageSettings
from shared.dicom.header import InstanceHeader
from shared.dicom.scan import scan_files, walk
from shared.errors import DataError, Level, Problem

Progress = Callable[[int, int], None]

_BATCH = 200  # files per write: at most a second of reading is lost when the process is killed
_MOST_FRESH = 20_000  # headers kept from reading to deciding, about 60 MB; others are read again


def update_catalogue(
    store: CatalogueStore,
    dicom: Path,
    images: ImageSettings,
    progress: Progress | None = None,
) -> Catalogue:
    """Read what is new or changed in the DICOM folder and decide the roles of its series.

    Args:
        store: The open catalogue.
        dicom: The site's DICOM folder.
        images: The site's words for series; with other words every series is decided again.
        progress: Called with files done and files in all.

    Returns:
        The studies found.

    Raises:
        DataError: If the folder holds no DICOM image.
    """
    known = store.files()
    paths = {
        path.relative_to(dicom).as_posix(): path for path in walk(dicom) if path.name != MARKER
    }
    new: list[FileRecord] = []
    fresh: dict[str, tuple[InstanceHeader, ...]] = {}
    for done, (name, path) in enumerate(paths.items(), 1):
        found = _read_if_changed(path, name, known.get(name))
        if found is not None:
            new.append(found[0])
            if len(fresh) < _MOST_FRESH:
                fresh[name] = found[1]
        if len(new) == _BATCH or done == len(paths):
            store.put_files(new)
            new.clear()
        if progress is not None and (done % _BATCH == 0 or done == len(paths)):
            progress(done, len(paths))
    gone = known.keys() - paths.keys()
    if gone:
        store.forget_files(gone)
    records = [record for _, record in sorted(store.files().items())]
    if not any(record.kind == "image" for record in records):
        told = f"{len(records)} files that are none" if records else "an empty folder"
        raise DataError(
            f"Expected DICOM studies in the site's DICOM folder, got {told}. "
            "Correct 'dicom' in the site settings, or export the studies there."
        )
    studies = _studies(records)
    _decide(store, dicom, studies, fresh, images)
    return Catalogue(dicom, studies, _file_problems(records))


def _read_if_changed(
    path: Path, name: str, known: FileRecord | None
) -> tuple[FileRecord, tuple[InstanceHeader, ...]] | None:
    """Read a file that is new or changed; an object of many frames gives many headers."""
    try:
        status = path.stat()
    except OSError:
        return FileRecord(name, 0, 0, "rejected", "It vanished while it was read."), ()
    if known and (known.size, known.modified_ns) == (status.st_size, status.st_mtime_ns):
        return None
    scan = scan_files([path])
    if scan.rejected:
        reason = scan.rejected[0].reason
        return FileRecord(name, status.st_size, status.st_mtime_ns, "rejected", reason), ()
    if not scan.instances:
        return FileRecord(name, status.st_size, status.st_mtime_ns, "other"), ()
    header = scan.instances[0]
    record = FileRecord(
        path=name,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        kind="image",
        patient_id=_text(header.patient_id or name.partition("/")[0]),
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        series_number=header.series_number,
        sop_uid=header.sop_uid,
        transfer_syntax=header.transfer_syntax,
        modality=header.modality,
    )
    return record, scan.instances


def _text(name: str) -> str:
    """Read bytes that are no UTF-8 as GB18030, which old file systems in China have."""
    return name.encode("utf-8", "surrogateescape").decode(
        "gb18030" if any("\ud800" <= letter <= "\udfff" for letter in name) else "utf-8", "replace"
    )


def _studies(records: Sequence[FileRecord]) -> dict[str, StudyRecord]:
    files: dict[str, list[FileRecord]] = defaultdict(list)
    for record in records:
        if record.kind == "image":
            files[record.study_uid].append(record)
    return {uid: StudyRecord(uid, many[0].patient_id, tuple(many)) for uid, many in files.items()}


def _decide(
    store: CatalogueStore,
    root: Path,
    studies: Mapping[str, StudyRecord],
    fresh: Mapping[str, tuple[InstanceHeader, ...]],
    images: ImageSettings,
) -> None:
    decided = store.decided_for()
    for uid, study in studies.items():
        digest = study.digest(images)
        if decided.get(uid) == digest:
            continue
        if all(record.path in fresh for record in study.files):
            headers = [header for record in study.files for header in fresh[record.path]]
        else:
            headers = list(headers_of(study, root))
        store.put_series(uid, digest, series_of(headers, images))


def headers_of(study: StudyRecord, root: Path) -> tuple[InstanceHeader, ...]:
    """Read the headers of one study.

    Args:
        study: Of the catalogue.
        root: The DICOM folder.
    """
    instances = scan_files(root / record.path for record in study.files).instances
    return tuple(header for header in instances if header.study_uid == study.study_uid)


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
