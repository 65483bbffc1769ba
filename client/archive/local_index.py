"""Files of a folder or a ZIP sorted into studies by what stands in them, never by their names."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from client.archive.study import Listing, Study, StudyFilter, parse_day
from shared.dicom.instance_identity import ByteSource, InstanceIdentity, read_identity
from shared.errors import DicomError, Level, Problem


@dataclass
class LocalIndex:
    """Which file belongs to which study.

    Attributes:
        places: For each study the places of its files: paths below the root, or ZIP entries.
    """

    places: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _first: dict[str, InstanceIdentity] = field(default_factory=dict, repr=False)
    _modalities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)
    _patients: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)
    _not_dicom: int = 0
    _unreadable: int = 0
    _without_uid: int = 0

    def add(self, place: str, source: ByteSource) -> None:
        """Read the start of a file and note where it belongs; count it where it cannot be used.

        Args:
            place: Where the file is, with ``/`` between folders.
            source: The open file.
        """
        try:
            identity = read_identity(source)
        except DicomError:
            self._not_dicom += 1
            return
        except OSError:
            self._unreadable += 1
            return
        if identity.is_directory:
            return
        if not identity.study_uid:
            self._without_uid += 1
        uid = identity.study_uid or f"folder:{PurePosixPath(place).parent}"
        self.places[uid].append(place)
        self._first.setdefault(uid, identity)
        self._patients[uid].add(identity.patient_id)
        if identity.modality:
            self._modalities[uid].add(identity.modality)

    def skip_unreadable(self) -> None:
        """Count a file that cannot be opened."""
        self._unreadable += 1

    def listing(self, wanted: StudyFilter) -> Listing:
        """Give the studies in a stable order, and what was left out in counts."""
        studies = [self._study(uid) for uid in sorted(self.places)]
        mixed = {uid for uid, patients in self._patients.items() if len(patients) > 1}
        return Listing(
            tuple(s for s in studies if wanted.accepts(s) and s.uid not in mixed),
            tuple(self._problems(len(mixed))),
        )

    def _study(self, uid: str) -> Study:
        first = self._first[uid]
        return Study(
            uid=uid,
            patient_id=first.patient_id,
            patient_name=first.patient_name,
            day=parse_day(first.study_date),
            modalities=tuple(sorted(self._modalities[uid])),
            instances=len(self.places[uid]),
        )

    def _problems(self, mixed: int) -> list[Problem]:
        found = [
            _counted(
                self._not_dicom,
                ("not DICOM or damaged at the start", "DICOM files"),
                "Nothing to do if these are other documents; otherwise export them again.",
                Level.INFO,
            ),
            _counted(
                self._unreadable,
                ("not readable", "files that may be read"),
                "Correct the rights of the files, or unlock the ZIP.",
                Level.ERROR,
            ),
            _counted(
                self._without_uid,
                ("without a study number", "files with a StudyInstanceUID"),
                "Each of their folders is taken for one study; check that this is so.",
                Level.WARNING,
            ),
        ]
        if mixed:
            found.append(
                Problem(
                    "archive",
                    f"{mixed} studies with files of more than one patient",
                    "one patient per study",
                    "Correct the patient numbers in the PACS and export these studies again.",
                )
            )
        return [problem for problem in found if problem is not None]


def _counted(count: int, words: tuple[str, str], fix: str, level: Level) -> Problem | None:
    got, expected = words
    return Problem("archive", f"{count} files {got}", expected, fix, level) if count else None
