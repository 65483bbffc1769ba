"""The questions a PACS is asked and its answers as plain texts (PS3.4, annex C, study root)."""

from datetime import date

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from shared.dicom.parsing import PARSE_ERRORS

Query = Dataset
"""A question to a PACS; its content is the business of this module alone."""

_STUDY_ATTRIBUTES = (
    *("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "ModalitiesInStudy"),
    "NumberOfStudyRelatedInstances",
)
_SERIES_ATTRIBUTES = ("StudyInstanceUID", "SeriesInstanceUID", "NumberOfSeriesRelatedInstances")


def study_query(first: date | None, last: date | None, modality: str) -> Dataset:
    """Ask for studies.

    Args:
        first: Earliest study date; None for no limit.
        last: Latest study date; None for no limit.
        modality: One that must be in the study; empty for any.
    """
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = "STUDY"
    for keyword in _STUDY_ATTRIBUTES:
        setattr(query, keyword, None if keyword.startswith("NumberOf") else "")
    if first or last:
        query.StudyDate = "-".join(f"{day:%Y%m%d}" if day else "" for day in (first, last))
    query.ModalitiesInStudy = modality
    return query


def series_query(study_uid: str) -> Dataset:
    """Ask for the series of a study."""
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID = study_uid
    query.SeriesInstanceUID = ""
    query.NumberOfSeriesRelatedInstances = None
    return query


def series_request(study_uid: str, series_uid: str) -> Dataset:
    """Ask that a series be sent."""
    request = Dataset()
    request.QueryRetrieveLevel = "SERIES"
    request.StudyInstanceUID = study_uid
    request.SeriesInstanceUID = series_uid
    return request


def answer_texts(answer: Dataset) -> dict[str, str]:
    """Give the attributes of an answer that are used here, decoded, as texts.

    Args:
        answer: One match, as the PACS sent it.

    Returns:
        Keyword to text; several values are separated by a backslash. What cannot be decoded is
        missing.
    """
    texts: dict[str, str] = {}
    for keyword in (*_STUDY_ATTRIBUTES, *_SERIES_ATTRIBUTES):
        try:
            value = answer.get(keyword)
            parts = list(value) if isinstance(value, MultiValue) else [value]
            texts[keyword] = "\\".join(str(p) for p in parts if p is not None).strip(" \0")
        except PARSE_ERRORS:
            continue
    return texts
