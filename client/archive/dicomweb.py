"""Studies of a DICOMweb server: listed by QIDO-RS, fetched by WADO-RS one instance at a time.

Whole instances are asked for, in whatever transfer syntax they are stored in, and written to disk
as they arrive. Frames and rendered pictures are never asked for.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote

import httpx

from client.archive.delivery import check_delivered
from client.archive.errors import ArchiveError, PassingError, StudyError
from client.archive.multipart import boundary_of, first_part
from client.archive.settings import DicomwebSource
from client.archive.study import Listing, Study, StudyFilter, parse_day
from client.archive.study_folder import StudyFolder
from shared.errors import Level, Problem

_STUDY_UID, _PATIENT_ID, _PATIENT_NAME = "0020000D", "00100020", "00100010"
_STUDY_DATE, _MODALITIES, _INSTANCES = "00080020", "00080061", "00201208"
_SERIES_UID, _SOP_UID = "0020000E", "00080018"
_PAGE = 200
_MOST_PAGES = 10_000
_LARGEST_ANSWER = 64 * 2**20  # a page of 200 studies has well below 1 MB
_LARGEST_INSTANCE = 2**31
_ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_LOCKED = (401, 403)
_MISSING = (404, 410)

Query = list[tuple[str, str | int | float | bool | None]]
"""Names and values, as httpx wants them."""

Row = dict[str, object]
"""One match of a list: tag to value, as PS3.18, annex F writes it."""


class DicomwebArchive:
    """A DICOMweb server; one pool of connections serves all threads."""

    def __init__(self, source: DicomwebSource) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            source: Where the server is and how to log in.
        """
        for name in ("httpx", "httpcore"):  # they log every address, with patient numbers in it
            logging.getLogger(name).setLevel(logging.WARNING)
        headers = {"Accept-Encoding": "identity"}  # servers are slow to squeeze pixels, for nothing
        if source.token:
            headers["Authorization"] = f"Bearer {source.token}"
        self._url = source.url.rstrip("/")
        self._client = httpx.Client(
            auth=(source.username, source.password) if source.username else None,
            headers=headers,
            verify=source.tls(),
            timeout=source.timeout_seconds,
            trust_env=False,  # patient data must not take the way through a proxy of the desktop
            follow_redirects=False,
        )

    def check(self) -> None:
        """Ask for one study."""
        self._rows("/studies", [("limit", "1")])

    def list_studies(self, wanted: StudyFilter) -> Listing:
        """List studies by QIDO-RS, page by page."""
        found: dict[str, Study] = {}
        unusable = 0
        for modality in wanted.modalities or ("",):
            for row in self._pages("/studies", _query(wanted, modality)):
                study = _study(row)
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
                    "Correct them in the archive; these studies are left out.",
                    Level.WARNING,
                )
            )
        return Listing(tuple(found[uid] for uid in sorted(found)), tuple(problems))

    def fetch(self, study: Study, folder: StudyFolder) -> int:
        """Fetch the instances that the folder lacks."""
        path = f"/studies/{quote(study.uid, safe='')}"
        listed = {
            (_text(row, _SERIES_UID), _text(row, _SOP_UID))
            for row in self._pages(f"{path}/instances", [])
        }
        for series, instance in sorted(listed):
            if not (series and instance):
                raise StudyError(
                    "The archive lists an instance without a number. Correct it in the archive."
                )
            if not folder.has(series, instance):
                address = (
                    f"{path}/series/{quote(series, safe='')}/instances/{quote(instance, safe='')}"
                )
                check = partial(check_delivered, study_uid=study.uid, sop_uid=instance)
                with self._answer(address, [], _ANY_SYNTAX) as answer:
                    folder.store(series, instance, _instance(answer), check)
        return len(listed)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _pages(self, path: str, query: Query) -> Iterator[Row]:
        """List everything below a path; a server that ignores ``offset`` ends the list, too."""
        seen: set[str] = set()
        for page in range(_MOST_PAGES):
            limits: Query = [("limit", str(_PAGE)), ("offset", str(page * _PAGE))]
            rows = self._rows(path, [*query, *limits])
            new = [row for row in rows if json.dumps(row, sort_keys=True) not in seen]
            seen.update(json.dumps(row, sort_keys=True) for row in new)
            yield from new
            if not new or len(rows) < _PAGE:
                return

    def _rows(self, path: str, query: Query) -> list[Row]:
        body = bytearray()
        with self._answer(path, query, "application/dicom+json") as answer:
            if answer.status_code == httpx.codes.NO_CONTENT:
                return []
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    raise ArchiveError(
                        "The archive's list is larger than 64 MB. Narrow 'from' and 'until' "
                        "under [archive]."
                    )
        try:
            rows = json.loads(body) if body else []
        except ValueError:
            rows = None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ArchiveError(
                "Expected a DICOMweb list, got something else. Check that 'url' under [archive] "
                "is the DICOMweb root, such as https://pacs.example/dicom-web."
            )
        return rows

    @contextmanager
    def _answer(self, path: str, query: Query, accept: str) -> Iterator[httpx.Response]:
        request = self._client.build_request(
            "GET", self._url + path, params=query, headers={"Accept": accept}
        )
        try:
            answer = self._client.send(request, stream=True)
            try:
                _refuse_status(answer.status_code)
                yield answer
            finally:
                answer.close()
        except httpx.ConnectError:
            raise PassingError(
                "The archive cannot be reached. Check 'url' under [archive], the network and, "
                "with https, the certificate ('ca_file')."
            ) from None  # the cause names the address, which may hold a patient number
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise PassingError(
                f"The connection to the archive broke ({type(error).__name__}). "
                "Check the network, or raise 'timeout_seconds' under [archive]."
            ) from None


def _refuse_status(status: int) -> None:
    if status in _LOCKED:
        raise ArchiveError(
            f"The archive refused the login (HTTP {status}). Check 'username' under [archive] and "
            "the password in its file or environment variable."
        )
    if status in _MISSING:
        raise StudyError(
            f"The archive does not have what was asked for (HTTP {status}). Check 'url' under "
            "[archive], or list the studies again."
        )
    if status in _BUSY:
        raise PassingError(f"The archive is busy or in trouble (HTTP {status}).")
    if not httpx.codes.is_success(status):
        raise ArchiveError(
            f"Expected a DICOMweb answer, got HTTP {status}. Check 'url' under [archive]."
        )


def _instance(answer: httpx.Response) -> Iterator[bytes]:
    """Pass on the bytes of the one instance in an answer."""
    boundary = boundary_of(answer.headers.get("Content-Type", ""))
    received = 0
    pieces = first_part(answer.iter_bytes(), boundary) if boundary else answer.iter_bytes()
    for piece in pieces:
        received += len(piece)
        if received > _LARGEST_INSTANCE:
            raise StudyError("An instance is larger than 2 GB. Leave the study out.")
        yield piece


def _query(wanted: StudyFilter, modality: str) -> Query:
    query: Query = [("includefield", tag) for tag in (_MODALITIES, _INSTANCES)]
    if wanted.first or wanted.last:
        days = [f"{day:%Y%m%d}" if day else "" for day in (wanted.first, wanted.last)]
        query.append(("StudyDate", "-".join(days)))
    if modality:
        query.append(("ModalitiesInStudy", modality))
    return query


def _study(row: Row) -> Study | None:
    uid, patient = _text(row, _STUDY_UID), _text(row, _PATIENT_ID)
    if not (uid and patient):
        return None
    count = _text(row, _INSTANCES)
    return Study(
        uid=uid,
        patient_id=patient,
        patient_name=_name(row),
        day=parse_day(_text(row, _STUDY_DATE)),
        modalities=tuple(sorted(_texts(row, _MODALITIES))),
        instances=int(count) if count.isdecimal() else None,
    )


def _values(row: Row, tag: str) -> list[object]:
    attribute = row.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    return values if isinstance(values, list) else []


def _texts(row: Row, tag: str) -> list[str]:
    return [str(value).strip() for value in _values(row, tag) if value not in (None, "")]


def _text(row: Row, tag: str) -> str:
    return next(iter(_texts(row, tag)), "")


def _name(row: Row) -> str:
    """Join the groups of a name as DICOM writes them (PS3.5, section 6.2)."""
    value = next(iter(_values(row, _PATIENT_NAME)), {})
    if not isinstance(value, dict):
        return str(value)
    groups = [str(value.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic")]
    return "=".join(groups).rstrip("=")
