"""Whose image a file is: the few identifiers at its start, read without the rest.

Every identifier that says which patient, study and series an instance belongs to lies before the
pixels, in groups 0002 to 0020. Only the first megabyte is read, and a deflated file is inflated
only that far, so that neither a huge nor a hostile file costs memory.
"""

import threading
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol, runtime_checkable

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from shared.dicom.parsing import PARSE_ERRORS, quiet_pydicom
from shared.errors import DicomError

PREFIX_BYTES = 2**20
_PREAMBLE_BYTES = 128
_META_START = 144  # preamble, magic word, and the element that gives the length of group 2
_LAST_TAG = 0x0020000E  # SeriesInstanceUID: nothing of interest comes later
_IDENTITY_TAGS: list[BaseTag | int] = [
    BaseTag(tag)
    for tag in (
        *(0x00080005, 0x00080016, 0x00080018, 0x00080020, 0x00080060),  # charset to Modality
        *(0x00100010, 0x00100020, 0x0020000D, 0x0020000E),  # patient, study, series
    )
]
_parsing = threading.Lock()  # pydicom's warnings are silenced for the whole process while parsing


@runtime_checkable
class ByteSource(Protocol):
    """An open file, an entry of a ZIP, or bytes in memory."""

    def read(self, count: int, /) -> bytes:
        """Give at most ``count`` bytes; none at the end."""


@dataclass(frozen=True)
class InstanceIdentity:
    """Whose image a file is; texts are empty where the file says nothing.

    Attributes:
        patient_id: PatientID, without padding.
        patient_name: PatientName, decoded, with ``^`` and ``=`` as DICOM writes them.
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID.
        sop_uid: SOPInstanceUID.
        study_date: StudyDate as written.
        modality: Modality as written.
        is_directory: Whether this is a DICOMDIR, an index and not an image.
    """

    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    sop_uid: str = field(repr=False)
    study_date: str = field(repr=False)
    modality: str
    is_directory: bool


def read_identity(source: ByteSource) -> InstanceIdentity:
    """Read the identifiers at the start of an open DICOM file.

    Args:
        source: Positioned at the start of the file; at most 1 MiB is read.

    Returns:
        The identifiers.

    Raises:
        DicomError: When the bytes are not DICOM or end before the identifiers do.
        OSError: When the file cannot be read.
    """
    prefix = source.read(PREFIX_BYTES)
    if not _looks_like_dicom(prefix):
        raise DicomError("Expected a DICOM file, got another kind of file. Leave it out.")
    with _parsing:
        try:
            with quiet_pydicom():
                dataset, is_directory = _parse(prefix)
                return _identity(dataset, is_directory=is_directory)
        except PARSE_ERRORS as error:
            raise DicomError(
                "Expected the identifiers of an image at the start of the file, got damaged or "
                f"missing data ({type(error).__name__}). Export the file again."
            ) from None  # the cause may quote a value


def _looks_like_dicom(prefix: bytes) -> bool:
    if prefix[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] == b"DICM":
        return True
    return prefix[:4] in (b"\x08\0\x05\0", b"\x08\0\x08\0", b"\x08\0\x16\0", b"\x08\0\0\0")


def _parse(prefix: bytes) -> tuple[Dataset, bool]:
    if DeflatedExplicitVRLittleEndian.encode() in prefix[:1024]:
        return _inflated(prefix), False
    dataset = read_partial(
        BytesIO(prefix), stop_when=_past_identity, specific_tags=_IDENTITY_TAGS, force=True
    )
    media_class = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    return dataset, media_class == "1.2.840.10008.1.3.10"


def _inflated(prefix: bytes) -> Dataset:
    start = _META_START + int.from_bytes(prefix[_META_START - 4 : _META_START], "little")
    head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(prefix[start:], PREFIX_BYTES)
    return read_dataset(
        BytesIO(head),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=_past_identity,
        specific_tags=_IDENTITY_TAGS,
    )


def _past_identity(tag: BaseTag, _kind: str | None, _length: int) -> bool:
    return int(tag) > _LAST_TAG


def _identity(dataset: Dataset, *, is_directory: bool) -> InstanceIdentity:
    def text(keyword: str) -> str:
        return str(dataset.get(keyword) or "").strip(" \0")

    return InstanceIdentity(
        patient_id=text("PatientID"),
        patient_name=text("PatientName"),
        study_uid=text("StudyInstanceUID"),
        series_uid=text("SeriesInstanceUID"),
        sop_uid=text("SOPInstanceUID"),
        study_date=text("StudyDate"),
        modality=text("Modality"),
        is_directory=is_directory,
    )
