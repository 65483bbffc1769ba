"""Build a new dataset from the attributes of an old one that may stay, each cleaned by its kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from shared.dicom import deidentify_table as table
from shared.dicom.parsing import PARSE_ERRORS
from shared.dicom.pseudonym import SiteKey, new_uid

_STANDARD_UIDS = "1.2.840.10008."
_DEEPEST = 8  # functional groups need five
_SAFE_WORDS = re.compile(r"[\x20-\x7e]{0,64}")
_CODE_WORD = re.compile(r"[A-Z0-9_ ]{0,16}")
_DATE = re.compile(r"([0-9]{8})((?:[0-9]{2,6}(?:\.[0-9]{1,6})?)?(?:[+-][0-9]{4})?)")
_TIME = re.compile(r"[0-9]{2,6}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Replacement:
    """How a patient's values are replaced.

    Attributes:
        key: The secret that new UIDs are derived from.
        shift: What is added to every date.
    """

    key: SiteKey
    shift: timedelta


def clean_attributes(dataset: Dataset, replacement: Replacement, depth: int = 0) -> Dataset:
    """Give a new dataset with what `deidentify_table` keeps, without pixels.

    Args:
        dataset: The original, or an item of one of its sequences; it is not changed.
        replacement: How UIDs and dates are replaced.
        depth: How many sequences the dataset is nested in.

    Returns:
        The cleaned dataset. What cannot be read or has no plausible value is left out.
    """
    cleaned = Dataset()
    for tag in sorted(dataset.keys()):
        if not _may_stay(tag):
            continue
        try:
            element = dataset[tag]
            value = _clean_value(element, replacement, depth)
        except PARSE_ERRORS:
            continue
        if value is not None:
            cleaned.add(DataElement(tag, element.VR, value))
    if str(cleaned.get("CodingSchemeDesignator", "")).strip() not in table.CODING_SCHEMES:
        for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"):
            cleaned.pop(keyword, None)
    return cleaned


def uids_in(dataset: Dataset) -> tuple[str, ...]:
    """List the UIDs of a dataset at every level."""
    found: list[str] = []
    for element in dataset.iterall():
        if element.VR == "UI" and element.value:
            found.extend(str(uid) for uid in _listed(element.value))
    return tuple(found)


def _may_stay(tag: BaseTag) -> bool:
    if tag.is_private or tag in table.DROPPED or not dictionary_has_tag(tag):
        return False
    return tag.group in table.IMAGE_GROUPS or tag in table.ALSO_KEPT or tag in table.KEPT_TIMES


def _clean_value(element: DataElement, replacement: Replacement, depth: int) -> object:
    kind = element.VR
    if kind == "SQ":
        return _sequence(element.value, replacement, depth)
    if element.is_empty:
        return ""  # nothing to hide, and an image must have some attributes even if empty
    if kind in table.NUMBER_KINDS:
        return element.value
    if kind == "UI":
        return _each(element.value, lambda uid: _uid(uid, replacement))
    if kind in table.DATE_KINDS or kind == "TM":
        return _moment(element, replacement) if element.tag in table.KEPT_TIMES else None
    return _words(element)


def _sequence(items: Sequence, replacement: Replacement, depth: int) -> Sequence | None:
    if depth >= _DEEPEST:
        return None
    cleaned = [clean_attributes(item, replacement, depth + 1) for item in items]
    return Sequence(cleaned) if any(len(item) for item in cleaned) else None


def _words(element: DataElement) -> object:
    if element.VR == "CS":
        return _each(element.value, lambda word: word if _CODE_WORD.fullmatch(word) else None)
    if element.tag in table.SAFE_TEXT:
        return _each(element.value, lambda word: word if _SAFE_WORDS.fullmatch(word) else None)
    if element.keyword == "ContrastBolusAgent":
        return "CONTRAST"  # that there was one is of use; its name may have been typed by a person
    return element.value if element.tag in table.LOOKUP_TABLES else None


def _uid(uid: str, replacement: Replacement) -> str:
    return uid if uid.startswith(_STANDARD_UIDS) else new_uid(replacement.key, uid)


def _moment(element: DataElement, replacement: Replacement) -> str | None:
    text = str(element.value).strip(" \0")
    if element.VR == "TM":
        return text if _TIME.fullmatch(text) else None
    match = _DATE.fullmatch(text)
    if match is None or (element.VR == "DA" and match.group(2)):
        return None
    day = datetime.strptime(match.group(1), "%Y%m%d")  # noqa: DTZ007  # a date without a zone
    return f"{day + replacement.shift:%Y%m%d}{match.group(2)}"


def _each(value: object, change: Callable[[str], str | None]) -> list[str] | None:
    changed = [change(str(part)) for part in _listed(value)]
    kept = [part for part in changed if part is not None]
    return kept if len(kept) == len(changed) else None


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, MultiValue | list) else [value]
