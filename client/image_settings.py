"""The ``[alignment]``, ``[roles]`` and ``[liver]`` tables: how a site's studies are read.

::

    [alignment]
    registration = true        # register phases rigidly where the patient left the table between

    [roles]                    # what this hospital's consoles write; counts before all
    arterial = ["一期"]        # phases of CT
    portal = ["PORTAL VENOUS 70s", "二期"]
    t1_arterial = ["C+ 1"]     # and sequences of MRI
    opposed_phase = ["OOP"]

    [liver]                    # asked where nobody gave a range or a mask
    total_segmentator = "TotalSegmentator"  # a command, or a path relative to the file
    weights = "weights"        # folder with the weights that the hospital supplies
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.cache_settings import optional_file, text_of
from client.image_roles import OFFERED, modality_of
from shared.dicom.mri_tables import DEFAULT_MRI_TABLES, MriTables, with_sequence_words
from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables, with_site_words
from shared.errors import Problem
from shared.vocabulary import CtPhase, ImageRole, MriRole

ALIGNMENT_KEYS = ("registration",)
_NAMED = tuple(role for roles in OFFERED.values() for role in roles)
ROLE_KEYS = tuple(role.value for role in _NAMED)
LIVER_KEYS = ("total_segmentator", "weights")


@dataclass(frozen=True)
class SegmenterSettings:
    """A TotalSegmentator that the hospital installed.

    Attributes:
        program: Command, or absolute path.
        weights: Folder with its weights.
    """

    program: str
    weights: Path


@dataclass(frozen=True)
class ImageSettings:
    """How a site's studies are read; another value prepares them anew.

    Attributes:
        registration: Whether images of different frames of reference are registered rigidly
            instead of refused.
        words: Per role, what the site's consoles write for it in descriptions.
        segmenter: What is asked for the liver's range where nobody gave one; None asks nothing.
    """

    registration: bool = False
    words: tuple[tuple[ImageRole, tuple[str, ...]], ...] = ()
    segmenter: SegmenterSettings | None = None

    def tables(self) -> PhaseTables:
        """Give the words of all hospitals for phases of CT, with the site's own before them."""
        own = {role: words for role, words in self.words if isinstance(role, CtPhase)}
        return with_site_words(DEFAULT_TABLES, own)

    def mri_tables(self) -> MriTables:
        """Give the words of all hospitals for sequences of MRI, likewise."""
        own = {role: words for role, words in self.words if isinstance(role, MriRole)}
        return with_sequence_words(DEFAULT_MRI_TABLES, own)


def parse_image_settings(
    given: Mapping[tuple[str, str], object], folder: Path, problems: list[Problem]
) -> ImageSettings:
    """Parse the three tables.

    Args:
        given: All values of the settings file, by section and key.
        folder: The folder of the settings file; paths are relative to it.
        problems: Gets one entry per value that cannot be used.
    """
    registration = given.get(("alignment", "registration"), False)
    if not isinstance(registration, bool):
        problems.append(
            Problem(
                "alignment.registration", repr(registration), "true or false", "Correct the value."
            )
        )
    return ImageSettings(
        registration is True, _words(given, problems), _segmenter(given, folder, problems)
    )


def _segmenter(
    given: Mapping[tuple[str, str], object], folder: Path, problems: list[Problem]
) -> SegmenterSettings | None:
    values = {key: given.get(("liver", key)) for key in LIVER_KEYS}
    if all(value is None for value in values.values()):
        return None
    missing = [key for key, value in values.items() if value is None]
    problems.extend(
        Problem(f"liver.{key}", "nothing", "a value", f"Add '{key} = \"...\"' under [liver].")
        for key in missing
    )
    weights = optional_file("liver.weights", values["weights"], folder, problems)
    if missing or weights is None:
        return None
    program = text_of("liver.total_segmentator", values["total_segmentator"], problems)
    # A name alone is looked up as a command; a path is relative to the settings file.
    return SegmenterSettings(str(folder / program) if "/" in program else program, weights)


def _words(
    given: Mapping[tuple[str, str], object], problems: list[Problem]
) -> tuple[tuple[ImageRole, tuple[str, ...]], ...]:
    words: list[tuple[ImageRole, tuple[str, ...]]] = []
    owners: dict[tuple[str, str], ImageRole] = {}
    for role in _NAMED:
        value = given.get(("roles", role.value))
        if value is None:
            continue
        where = f"roles.{role}"
        texts = _texts(value)
        if texts is None:
            problems.append(
                Problem(
                    where,
                    "another value",
                    "a list of texts in quotes",
                    f'Write {role} = ["what the console writes"].',
                )
            )
            continue
        for text in texts:
            # A console may write the same for a phase of CT and of MRI.
            key = modality_of(role), unicodedata.normalize("NFKC", text).casefold()
            other = owners.setdefault(key, role)
            if other is not role:
                problems.append(
                    Problem(
                        where,
                        f"a text that also stands under {other}",
                        "every text under one role",
                        "Remove it from one of them.",
                    )
                )
        words.append((role, texts))
    return tuple(words)


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not value:
        return None
    texts = tuple(text.strip() for text in value if isinstance(text, str) and text.strip())
    return texts if len(texts) == len(value) else None
