"""What de-identification keeps: a short list of attributes instead of a long list to remove.

DICOM PS3.15 lists in table E.1-1 what the Basic Application Level Confidentiality Profile removes.
That list grows with every edition, and vendors write identifiers where it does not look. Here
everything is removed unless it is named below or is a number, a code word, a date, a time or a UID
of the image description itself (groups 0018, 0020, 0028 and 5200). A test holds these rules
against the whole of table E.1-1.
"""

from pydicom.datadict import tag_for_keyword

IMAGE_GROUPS = frozenset({0x0018, 0x0020, 0x0028, 0x5200})
"""Groups that describe how an image was made and how it lies in space."""

PIXEL_DATA = 0x7FE00010


def _tags(words: str) -> frozenset[int]:
    """Give the tags of keywords; an unknown one is a mistake in this file."""
    found = {word: tag_for_keyword(word) for word in words.split()}
    unknown = [word for word, tag in found.items() if tag is None]
    if unknown:
        raise LookupError(f"Not in the DICOM dictionary: {', '.join(unknown)}.")
    return frozenset(tag for tag in found.values() if tag is not None)


ALSO_KEPT = _tags(
    """
    ImageType SOPClassUID SOPInstanceUID Modality Manufacturer ManufacturerModelName
    ReferencedImageSequence SourceImageSequence ReferencedSOPClassUID ReferencedSOPInstanceUID
    FrameType PixelPresentation VolumetricProperties VolumeBasedCalculationTechnique
    ComplexImageComponent AcquisitionContrast
    CodeValue CodingSchemeDesignator CodeMeaning
    """
)
"""Attributes outside the image groups that are kept, cleaned by their kind; and `KEPT_TIMES`."""

DROPPED = _tags(
    """
    ModifyingDeviceID TransducerIdentificationSequence UDISequence DeviceUID
    """
)
"""Attributes of the image groups that are removed all the same (PS3.15, table E.1-1)."""

KEPT_TIMES = _tags(
    """
    StudyDate SeriesDate AcquisitionDate ContentDate AcquisitionDateTime
    StudyTime SeriesTime AcquisitionTime ContentTime
    FrameAcquisitionDateTime FrameReferenceDateTime
    ContrastBolusStartTime ContrastBolusStopTime
    """
)
"""The only dates (shifted) and times of day (as they are) that are kept.

Dates of the machine itself, such as its installation, are not: a date that is known elsewhere
would tell the patient's shift.
"""

SAFE_TEXT = _tags(
    """
    Manufacturer ManufacturerModelName SequenceName PulseSequenceName ConvolutionKernel FilterType
    ImagedNucleus ResonantNucleus RescaleType StackID
    CodeValue CodingSchemeDesignator CodeMeaning
    """
)
"""Free-text attributes whose content comes from the machine or a dictionary, not from a person."""

CODING_SCHEMES = frozenset({"DCM", "SRT", "SCT", "SNM3", "UCUM", "LN", "RADLEX", "FMA"})
"""Public dictionaries; the words of a local code list may have been typed by a person."""

EMPTIED = _tags(
    """
    PatientBirthDate AccessionNumber StudyID ReferringPhysicianName PositionReferenceIndicator
    """
)
"""Attributes that an image must have but that may be empty (type 2)."""

LOOKUP_TABLES = _tags(
    """
    LUTData RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
    BluePaletteColorLookupTableData
    """
)
"""The only binary attributes kept besides the pixels."""

NUMBER_KINDS = frozenset({"DS", "IS", "FD", "FL", "US", "SS", "UL", "SL", "UV", "SV", "AT"})
TEXT_KINDS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
DATE_KINDS = frozenset({"DA", "DT"})

METHOD_TEXT = "HepaFed, PS3.15 basic profile"
METHOD_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
)
"""Options that were applied (PS3.16, context group 7050)."""

IMAGE_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image Storage
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT Image Storage
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)
"""The only objects that are de-identified: plain cross-sectional images."""
