"""De-identify one CT or MR instance, for whatever is exported or shown.

DICOM PS3.15, annex E: Basic Application Level Confidentiality Profile with the options Retain
Longitudinal Temporal Information with Modified Dates, Retain Patient Characteristics and Clean
Descriptors. The new instance is built from what `deidentify_table` keeps, so that an attribute
nobody thought of is not in it. The result is searched for the patient's own identifiers before it
is handed out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from shared.dicom import deidentify_table as table
from shared.dicom.attribute_cleaning import Replacement, clean_attributes, uids_in
from shared.dicom.burned_in import reason_to_refuse
from shared.dicom.identifier_search import Identifier, identifiers_of, kinds_found
from shared.dicom.native_pixels import native_pixels
from shared.dicom.parsing import PARSE_ERRORS, quiet_pydicom
from shared.dicom.pseudonym import SiteKey, date_shift, new_uid, patient_pseudonym
from shared.errors import DicomError
from shared.vocabulary import CtPhase, MriSequence

_IMPLEMENTATION_UID = UID(
    "2.25.203115470920517829035106283749205371641"
)  # of this writer, drawn once
_STANDARD_SYNTAXES = "1.2.840.10008.1.2"
_OVERLAY_GROUPS = 0xFF00  # overlays may stand in groups 6000 to 60FF
_FIRST_OVERLAY = 0x6000
_OVERLAY_BIT_POSITION = 0x0102
_OLDEST_AGE_SHOWN = 89  # above it an age alone can point to a person (US 45 CFR 164.514(b)(2))
_AGE = re.compile(r"([0-9]{3})([DWMY])")
_CODESTREAM_HEADER_BYTES = 4096  # comments of JPEG codestreams stand before the first picture data


class DeidentificationError(DicomError):
    """An instance cannot be released; the message says why without saying whose it is."""


@dataclass(frozen=True)
class DeidentifiedInstance:
    """One instance that may be exported or shown.

    Attributes:
        content: A complete DICOM file.
        patient: The patient's pseudonym.
        sop_uid: The new SOPInstanceUID.
    """

    content: bytes = field(repr=False)
    patient: str
    sop_uid: str


def deidentify(
    original: FileDataset,
    key: SiteKey,
    role: CtPhase | MriSequence | None = None,
    also: Iterable[str] = (),
) -> DeidentifiedInstance:
    """Make the de-identified form of one instance.

    Args:
        original: The instance with its pixels, as read from a file; it is not changed.
        key: The secret that pseudonyms, UIDs and the date shift are derived from.
        role: What the series is; it becomes the only series description.
        also: Further texts that identify the patient and must not be found in the result.

    Returns:
        The new file and its names.

    Raises:
        DeidentificationError: When writing may be burned in, when there is no patient number to
            derive a pseudonym from, when the instance is damaged, or when the final search finds
            one of the patient's identifiers.
        DicomError: When the pixels are not what the header says.
    """
    reason = reason_to_refuse(original)
    if reason:
        raise DeidentificationError(
            f"The picture is not released: {reason} Only original greyscale CT and MR images "
            "can be; choose another series."
        )
    patient_id = str(original.get("PatientID") or "").strip(" \0")
    if not patient_id:
        raise DeidentificationError(
            "Expected a PatientID to derive the pseudonym from, got none. Fill it in the archive."
        )
    uid_before = str(original.get("SOPInstanceUID") or "").strip(" \0")
    if not uid_before:
        raise DeidentificationError(
            "Expected a SOPInstanceUID, got none. Export the image from the archive again."
        )
    replacement = Replacement(key, date_shift(key, patient_id))
    pseudonym = patient_pseudonym(key, patient_id)
    sop_uid = new_uid(key, uid_before)
    with quiet_pydicom():
        try:
            cleaned = clean_attributes(original, replacement)
            _describe(cleaned, original, pseudonym, role)
            content, pixels = _file(cleaned, original, sop_uid)
        except PARSE_ERRORS as error:
            raise DeidentificationError(
                f"The instance is damaged ({type(error).__name__}) and is not released. "
                "Export it from the archive again."
            ) from None  # the cause may quote a value
        _search(content, pixels, cleaned, identifiers_of(original, also))
    return DeidentifiedInstance(content, pseudonym, sop_uid)


def _describe(
    cleaned: Dataset, original: Dataset, pseudonym: str, role: CtPhase | MriSequence | None
) -> None:
    """Add the patient's characteristics, the role, and what was done."""
    for tag in table.EMPTIED:
        cleaned.add_new(tag, dictionary_VR(tag), "")
    cleaned.PatientName = pseudonym
    cleaned.PatientID = pseudonym
    sex = str(original.get("PatientSex") or "")
    cleaned.PatientSex = sex if sex in {"M", "F", "O"} else ""
    cleaned.PatientAge = _age(str(original.get("PatientAge") or ""))
    for keyword in ("PatientSize", "PatientWeight"):
        value = original.get(keyword)
        if isinstance(value, DSfloat):
            setattr(cleaned, keyword, value)
    for keyword in ("StudyDate", "StudyTime"):
        cleaned.setdefault(keyword, "")
    cleaned.SeriesDescription = role.value if role else ""
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = table.METHOD_TEXT
    cleaned.DeidentificationMethodCodeSequence = [
        _code(value, meaning) for value, meaning in table.METHOD_CODES
    ]
    cleaned.LongitudinalTemporalInformationModified = "MODIFIED"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = meaning
    return item


def _age(text: str) -> str:
    match = _AGE.fullmatch(text.strip(" \0"))
    if match is None:
        return ""
    old = match.group(2) == "Y" and int(match.group(1)) > _OLDEST_AGE_SHOWN
    return f"{_OLDEST_AGE_SHOWN + 1:03d}Y" if old else match.group(0)


def _file(cleaned: Dataset, original: FileDataset, sop_uid: str) -> tuple[bytes, bytes]:
    """Give the whole file and, once more, its pixel bytes."""
    syntax = _transfer_syntax(original)
    compressed = syntax.is_encapsulated
    if compressed:
        _refuse_hidden_overlay(original)
    pixels = (
        bytes(original.PixelData)
        if compressed
        else native_pixels(original, big_endian=not syntax.is_little_endian)
    )
    element = DataElement(table.PIXEL_DATA, "OB" if compressed else "OW", pixels)
    element.is_undefined_length = compressed
    cleaned.add(element)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = cleaned.SOPClassUID
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = syntax if compressed else ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "HEPAFED"
    cleaned.file_meta = meta
    buffer = BytesIO()
    cleaned.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue(), pixels


def _transfer_syntax(original: FileDataset) -> UID:
    written = str(original.file_meta.get("TransferSyntaxUID") or "")
    if not written:  # files without a header of group 2
        implicit, little = original.original_encoding
        written = "1.2.840.10008.1.2" + ("" if implicit else ".1" if little else ".2")
    if not written.startswith(_STANDARD_SYNTAXES):
        raise DeidentificationError(
            "Expected a transfer syntax of the DICOM standard, got a vendor's own. "
            "Export the image uncompressed."
        )
    return UID(written)


def _refuse_hidden_overlay(original: FileDataset) -> None:
    """Refuse overlays inside compressed pixels: their bits cannot be cleared without decoding."""
    hidden = any(
        element.tag.group & _OVERLAY_GROUPS == _FIRST_OVERLAY
        and element.tag.element == _OVERLAY_BIT_POSITION
        and element.value
        for element in original
    )
    if hidden:
        raise DeidentificationError(
            "The picture is not released: an overlay is hidden in its compressed pixels. "
            "Export the series uncompressed."
        )


def _search(
    content: bytes, pixels: bytes, cleaned: Dataset, identifiers: Iterable[Identifier]
) -> None:
    """Refuse when anything of the original patient is left.

    New UIDs are taken out of the searched bytes, because their digits are random and would
    contain somebody's number sooner or later.
    """
    start = content.rfind(pixels)
    header = content[:start] + content[start + len(pixels) :] + pixels[:_CODESTREAM_HEADER_BYTES]
    for uid in {*uids_in(cleaned), *uids_in(cleaned.file_meta)}:
        if not uid.startswith("1.2.840.10008."):
            header = header.replace(uid.encode("ascii"), b" ")
    left = kinds_found(identifiers, header, pixels)
    if left:
        raise DeidentificationError(
            f"The picture is not released: after cleaning it still contains {', '.join(left)} of "
            "the original. Choose another series and report the scanner model to the maintainers."
        )
