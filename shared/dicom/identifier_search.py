"""The last look at de-identified bytes: does anything of the patient's own still stand in them?

The rules of de-identification decide by attribute; this search knows nothing of attributes. It
collects the patient's identifiers from every level of the original, private attributes included,
and looks for each of them in the bytes that are about to be released.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from shared.dicom.parsing import PARSE_ERRORS

_NUMBERS = frozenset({"PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID"})
_WHOLE_TEXTS = frozenset({"PatientAddress", "PatientTelephoneNumbers"})
"""Searched as a whole: their single words, such as "Road", stand elsewhere, too."""

_ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be")
_SHORTEST_LATIN = 4  # shorter parts, such as "Li", stand in many words
_SHORTEST_CJK = 2
_SHORTEST_NUMBER = 5  # shorter numbers are also instance numbers and ages
_UNBOUNDED_NUMBER = 8  # from here on a number is found inside a longer one, too
_LEAST_PIXEL_BYTES = 6
"""Shorter patterns occur by chance: 4 bytes once in 10 000 images of 512 kB, 6 once in 10^8."""

_CJK = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]")
_SEPARATORS = re.compile(r"[\^\\,;.\s_/()（），、。·-]+")


@dataclass(frozen=True)
class Identifier:
    """One thing to look for.

    Attributes:
        kind: What it is, in words that may be shown: ``a name``, ``a number``.
        pattern: Finds it in the bytes of a header.
        raw: The plain bytes to look for in pixel data; empty where too short to mean anything.
    """

    kind: str
    pattern: re.Pattern[bytes] = field(repr=False)
    raw: tuple[bytes, ...] = field(repr=False)


def identifiers_of(dataset: Dataset, also: Iterable[str] = ()) -> tuple[Identifier, ...]:
    """Collect what must not be found in the de-identified form of a dataset.

    Args:
        dataset: The original; nested and private sequences are read, too.
        also: Further texts that identify the patient, such as a name from the manifest.

    Returns:
        Names and their parts (two Chinese characters or four letters and more), numbers, birth
        dates and the UIDs of the hospital's own.
    """
    texts: set[tuple[str, str]] = {("a text given by the caller", text) for text in also}
    found: dict[tuple[str, bytes], Identifier] = {}
    for element in _elements(dataset):
        texts.update(_texts(element))
        for undecoded in _undecoded_names(element):
            found[("a name", undecoded.pattern.pattern)] = undecoded
    for kind, text in sorted(texts):
        for identifier in _patterns(kind, text):
            found[(identifier.kind, identifier.pattern.pattern)] = identifier
    return tuple(found.values())


def kinds_found(
    identifiers: Iterable[Identifier], header: bytes, pixels: bytes = b""
) -> tuple[str, ...]:
    """Say which kinds of identifiers stand in the bytes.

    Args:
        identifiers: What to look for.
        header: All bytes but the pixels.
        pixels: Pixel data; searched for long patterns only, because short ones occur by chance.

    Returns:
        Kinds, sorted, without the identifiers themselves; empty when nothing was found.
    """
    return tuple(
        sorted(
            {
                item.kind
                for item in identifiers
                if item.pattern.search(header) or any(raw in pixels for raw in item.raw)
            }
        )
    )


def _elements(dataset: Dataset, depth: int = 0) -> Iterable[DataElement]:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except PARSE_ERRORS:
            continue
        yield element
        if element.VR == "SQ" and depth < 16:  # noqa: PLR2004  # deeper nesting is an attack
            for item in element.value:
                yield from _elements(item, depth + 1)


def _texts(element: DataElement) -> Iterable[tuple[str, str]]:
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        text = str(value if value is not None else "").strip(" \0")
        if element.VR == "PN":
            yield "a name", text
        elif element.keyword == "PatientBirthDate":
            yield "a birth date", text
        elif element.keyword in _NUMBERS:
            yield "a number", text
        elif element.keyword in _WHOLE_TEXTS:
            yield "an address", text
        elif element.VR == "UI" and not text.startswith("1.2.840.10008."):
            yield "an original UID", text


def _undecoded_names(element: DataElement) -> Iterable[Identifier]:
    """Look for a name as it was written, too: many files declare the wrong character set."""
    if element.VR == "PN":
        for value in element.value if element.VM > 1 else [element.value]:
            written = getattr(value, "original_string", b"")
            if isinstance(written, bytes) and not written.isascii():
                yield Identifier("a name", re.compile(re.escape(written)), (written,))


def _patterns(kind: str, text: str) -> Iterable[Identifier]:
    if kind == "a birth date":
        yield from (_plain(kind, form) for form in _date_forms(text))
        return
    if kind == "an original UID":
        if text:
            yield _plain(kind, text)
        return
    if kind == "an address":
        yield from _word(kind, text)
        return
    for group in text.split("="):  # a name in letters, in characters, in syllables
        words = [word for word in _SEPARATORS.split(group) if word]
        for form in {group.strip(), "".join(words), *words}:
            yield from _word(kind, form)


def _word(kind: str, word: str) -> Iterable[Identifier]:
    if word.isascii() and word.isdigit():
        if len(word) >= _UNBOUNDED_NUMBER:
            yield _plain(kind, word)
        elif len(word) >= _SHORTEST_NUMBER:
            digits = re.escape(word.encode())
            pattern = re.compile(rb"(?<![0-9.])0*" + digits + rb"(?![0-9.])")
            yield Identifier(kind, pattern, ())
    elif _CJK.search(word):
        if len(word) >= _SHORTEST_CJK:
            yield _plain(kind, word)
    elif len(word) >= _SHORTEST_LATIN:
        yield _bounded(kind, word)


def _plain(kind: str, text: str) -> Identifier:
    forms = sorted(set(_encoded(text)))
    pattern = re.compile(b"|".join(re.escape(form) for form in forms), re.IGNORECASE)
    return Identifier(kind, pattern, tuple(f for f in forms if len(f) >= _LEAST_PIXEL_BYTES))


def _bounded(kind: str, text: str) -> Identifier:
    """Look for a Latin word that is not part of a longer one: "Mary" is not in "PRIMARY"."""
    plain = _plain(kind, text)
    pattern = re.compile(
        rb"(?<![A-Za-z])(?:" + plain.pattern.pattern + rb")(?![A-Za-z])", re.IGNORECASE
    )
    return Identifier(kind, pattern, plain.raw)


def _encoded(text: str) -> Iterable[bytes]:
    for encoding in _ENCODINGS:
        try:
            yield text.encode(encoding)
        except UnicodeEncodeError:
            continue


def _date_forms(text: str) -> tuple[str, ...]:
    digits = re.sub(r"\D", "", text)
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return ()
    return (
        f"{day:%Y%m%d}",
        *(f"{day:%Y{mark}%m{mark}%d}" for mark in "-./"),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}年{day:%m}月{day:%d}日",
    )
