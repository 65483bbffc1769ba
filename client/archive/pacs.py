"""Studies of a PACS that speaks DIMSE: listed by C-FIND, sent to us on C-MOVE, series by series."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from pynetdicom import AE
from pynetdicom.association import Association

from client.archive.errors import ArchiveError, PassingError, StudyError
from client.archive.settings import PacsSource
from client.archive.storage_scp import StorageService, silence
from client.archive.study import Listing, Study, StudyFilter, parse_day
from client.archive.study_folder import StudyFolder
from shared.dicom.archive_query import (
    Query,
    answer_texts,
    series_query,
    series_request,
    study_query,
)
from shared.errors import Level, Problem

_VERIFICATION = "1.2.840.10008.1.1"
_FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # study root
_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"  # study root
_PENDING = (0xFF00, 0xFF01)
_SUCCESS = 0x0000
_SOME_FAILED = 0xB000
_UNKNOWN_DESTINATION = 0xA801
_UNREACHABLE = (
    "The PACS cannot be reached. Check 'host' and 'port' under [archive] and the hospital's "
    "firewall."
)
_CLOSED = (
    "The PACS closed the connection before accepting it. Most often it does not know one of the "
    "AE titles: check 'called_ae_title' and 'calling_ae_title' under [archive], and have our "
    "title and address entered in the PACS."
)


class PacsArchive:
    """A PACS; each study has its own connection, and one storage service receives for all."""

    def __init__(self, source: PacsSource) -> None:
        """Prepare; the service starts to listen with the first study.

        Args:
            source: Where the PACS is and how the two call each other.
        """
        silence()
        self._source = source
        self._service: StorageService | None = None
        self._lock = Lock()

    def check(self) -> None:
        """Send a C-ECHO."""
        with self._association() as association:
            status = association.send_c_echo()
            _refuse(getattr(status, "Status", None), "C-ECHO")

    def list_studies(self, wanted: StudyFilter) -> Listing:
        """List studies by C-FIND."""
        found: dict[str, Study] = {}
        unusable = 0
        with self._association() as association:
            for modality in wanted.modalities or ("",):
                query = study_query(wanted.first, wanted.last, modality)
                for texts in _matches(association, query):
                    study = _study(texts)
                    if study is None:
                        unusable += 1
                    elif wanted.accepts(study):
                        found[study.uid] = study
        problems = []
        if unusable:
            problems.append(
                Problem(
                    "archive",
                    f"{unusable} studies without a study or patient number",
                    "both numbers",
                    "Correct them in the PACS; these studies are left out.",
                    Level.WARNING,
                )
            )
        return Listing(tuple(found[uid] for uid in sorted(found)), tuple(problems))

    def fetch(self, study: Study, folder: StudyFolder) -> int:
        """Have the PACS send every series that the folder does not hold whole."""
        service = self._receiver()
        announced = 0
        with self._association() as association, service.receiving(study.uid, folder):
            series = [
                (texts.get("SeriesInstanceUID", ""), texts.get("NumberOfSeriesRelatedInstances"))
                for texts in _matches(association, series_query(study.uid))
            ]
            for uid, count in series:
                if not uid:
                    raise StudyError(
                        "The PACS lists a series without a number. Correct it in the PACS."
                    )
                known = int(count) if count and count.isdecimal() else None
                if known is None or folder.count(uid) < known:
                    sent = self._move(association, study.uid, uid)
                    known = sent if known is None else known
                announced += known
        return announced

    def close(self) -> None:
        """Stop receiving."""
        if self._service is not None:
            self._service.close()
            self._service = None

    def _receiver(self) -> StorageService:
        with self._lock:
            if self._service is None:
                self._service = StorageService(self._source)
            return self._service

    def _move(self, association: Association, study_uid: str, series_uid: str) -> int:
        """Ask for one series; give how many instances the PACS tried to send."""
        tried = 0
        last: int | None = None
        for status, _ in association.send_c_move(
            series_request(study_uid, series_uid),
            self._source.calling_ae_title,
            _MOVE,
        ):
            last = getattr(status, "Status", None)
            counts = (
                getattr(status, f"NumberOf{outcome}Suboperations", 0) or 0
                for outcome in ("Completed", "Failed", "Warning")
            )
            tried = max(tried, sum(counts))
        if last == _UNKNOWN_DESTINATION:
            raise ArchiveError(
                "The PACS does not know our AE title as a place to send to. Have "
                "'calling_ae_title', 'listen_host' and 'listen_port' entered in the PACS."
            )
        if last not in (_SUCCESS, _SOME_FAILED):
            _refuse(last, "C-MOVE")
        return tried

    @contextmanager
    def _association(self) -> Iterator[Association]:
        source = self._source
        entity = AE(ae_title=source.calling_ae_title)
        entity.acse_timeout = entity.dimse_timeout = source.timeout_seconds
        entity.network_timeout = entity.connection_timeout = source.timeout_seconds
        for context in (_VERIFICATION, _FIND, _MOVE):
            entity.add_requested_context(context)
        try:
            association = entity.associate(
                source.host, source.port, ae_title=source.called_ae_title
            )
        except OSError:  # the name of the host cannot be resolved
            raise PassingError(_UNREACHABLE) from None
        if association.is_rejected:
            raise ArchiveError(
                "The PACS refused the connection: it does not know one of the AE titles. Check "
                "'called_ae_title' and 'calling_ae_title' under [archive], and have our title and "
                "address entered in the PACS."
            )
        if not association.is_established:
            # A refusal is sometimes lost when the PACS closes the line right behind it.
            raise PassingError(_CLOSED if _answers(source) else _UNREACHABLE)
        try:
            yield association
        except ValueError:  # pynetdicom's word for a service that the PACS did not accept
            raise ArchiveError(
                "The PACS does not offer C-FIND or C-MOVE to us. Have both allowed for our AE "
                "title."
            ) from None
        finally:
            association.release()


def _answers(source: PacsSource) -> bool:
    """Tell whether anybody listens at the PACS's address."""
    try:
        socket.create_connection((source.host, source.port), source.timeout_seconds).close()
    except OSError:
        return False
    return True


def _matches(association: Association, query: Query) -> Iterator[dict[str, str]]:
    last: int | None = None
    for status, answer in association.send_c_find(query, _FIND):
        last = getattr(status, "Status", None)
        if last in _PENDING and answer is not None:
            yield answer_texts(answer)
    _refuse(last, "C-FIND")


def _refuse(status: int | None, what: str) -> None:
    """Raise unless the last status says success."""
    if status == _SUCCESS:
        return
    if status is None:
        raise PassingError(
            f"The PACS did not answer {what} in time, or ended the connection. Raise "
            "'timeout_seconds' under [archive], or try again later."
        )
    if what == "C-MOVE":
        raise PassingError(
            f"The PACS could not send the images (status {status:04X}). Check that it can reach "
            "'listen_host' and 'listen_port' of this machine, and that they are entered in the "
            "PACS for our AE title."
        )
    raise ArchiveError(
        f"The PACS refused {what} (status {status:04X}). Ask its administrator to allow it for "
        "our AE title."
    )


def _study(texts: dict[str, str]) -> Study | None:
    uid, patient = texts.get("StudyInstanceUID", ""), texts.get("PatientID", "")
    if not (uid and patient):
        return None
    count = texts.get("NumberOfStudyRelatedInstances", "")
    modalities = texts.get("ModalitiesInStudy", "")
    return Study(
        uid=uid,
        patient_id=patient,
        patient_name=texts.get("PatientName", ""),
        day=parse_day(texts.get("StudyDate", "")),
        modalities=tuple(sorted(word for word in modalities.split("\\") if word)),
        instances=int(count) if count.isdecimal() else None,
    )
