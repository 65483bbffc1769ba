"""The receiving end of C-MOVE: a small storage service that takes only what was asked for."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pynetdicom import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    _config,
    evt,
)

from client.archive.errors import ArchiveError
from client.archive.settings import PacsSource
from client.archive.study_folder import StudyFolder
from shared.dicom.instance_identity import read_identity
from shared.errors import DicomError

_VERIFICATION = "1.2.840.10008.1.1"
_SUCCESS = 0x0000
_OUT_OF_RESOURCES = 0xA700
_CANNOT_UNDERSTAND = 0xC000
_NOT_ASKED_FOR = 0x0124  # "not authorized" (PS3.7, annex C.4.9)
_MOST_ASSOCIATIONS = 10


class StorageService:
    """Receives instances of the studies that are being fetched, and refuses all others.

    One instance at a time and connection is in memory.
    """

    def __init__(self, source: PacsSource) -> None:
        """Start to listen.

        Args:
            source: The address to listen on, and who may send.

        Raises:
            ArchiveError: When the port cannot be used.
        """
        silence()
        self._folders: dict[str, StudyFolder] = {}
        self._failed: dict[str, OSError] = {}
        self._lock = threading.Lock()
        self._entity = entity = AE(ae_title=source.calling_ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = [source.called_ae_title, *source.sending_ae_titles]
        entity.maximum_associations = _MOST_ASSOCIATIONS
        entity.network_timeout = source.timeout_seconds
        entity.add_supported_context(_VERIFICATION)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        try:
            entity.start_server(
                (source.listen_host, source.listen_port),
                block=False,
                evt_handlers=[(evt.EVT_C_STORE, self._receive)],
            )
        except OSError as error:
            raise ArchiveError(
                f"Expected a free port {source.listen_port} to receive on, got "
                f"'{error.strerror or type(error).__name__}'. Correct 'listen_host' and "
                "'listen_port' under [archive], or end the program that uses the port."
            ) from error

    @contextmanager
    def receiving(self, study_uid: str, folder: StudyFolder) -> Iterator[None]:
        """Accept the instances of one study while it is being fetched.

        Args:
            study_uid: The study.
            folder: Where its instances go.

        Raises:
            OSError: At the end, when an instance could not be written.
        """
        with self._lock:
            self._folders[study_uid] = folder
        try:
            yield
        finally:
            with self._lock:
                self._folders.pop(study_uid, None)
                failed = self._failed.pop(study_uid, None)
            if failed is not None:
                raise failed  # the PACS only says that sending failed; the disk is the reason

    def close(self) -> None:
        """Stop listening and wait until it has stopped."""
        self._entity.shutdown()

    def _receive(self, event: evt.Event) -> int:
        content = event.encoded_dataset()
        try:
            identity = read_identity(BytesIO(content))
        except DicomError:
            return _CANNOT_UNDERSTAND
        with self._lock:
            folder = self._folders.get(identity.study_uid)
        if folder is None:
            return _NOT_ASKED_FOR
        if not (identity.series_uid and identity.sop_uid):
            return _CANNOT_UNDERSTAND
        try:
            folder.store(identity.series_uid, identity.sop_uid, [content])
        except OSError as error:
            with self._lock:
                self._failed[identity.study_uid] = error
            return _OUT_OF_RESOURCES
        return _SUCCESS


def silence() -> None:
    """Keep pynetdicom from logging queries and answers, which hold names and numbers."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
