"""The ``[alignment]``, ``[roles]`` and ``[liver]`` tables: how a site's studies are read.

::

    [alignment]
    registration = true        # register phases rigidly where the patient left the table between

    [roles]                    # what this hospital's consoles write, per phase; counts before all
    arterial = ["一期"]
    portal = ["PORTAL VENOUS 70s", "二期"]

    [liver]                    # asked where nobody gave a range or a mask
    total_segmentator = "TotalSegmentator"  # a command, or a path relative to the file
    weights = "weights"        # folder with the weights that the hospital supplies
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.cache_settings import optional_file, text_of
from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables, with_site_words
from shared.errors import Problem
from shared.vocabulary import CtPhase

ALIGNMENT_KEYS = ("registration",)
ROLE_KEYS = tuple(phase.value for phase in CtPhase)
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
        registration: Whether phases of different frames of reference are registered rigidly
            instead of refused.
        words: Per phase, what the site's consoles write for it in descriptions.
        segmenter: What is asked for the liver's range where nobody gave one; None asks nothing.
    """

    registration: bool = False
    words: tuple[tuple[CtPhase, tuple[str, ...]], ...] = ()
    segmenter: SegmenterSettings | None = None

    def tables(self) -> PhaseTables:
        """Give the words of all hospitals with the site's own before them."""
        return with_site_words(DEFAULT_TABLES, dict(self.words))


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
) -> tuple[tuple[CtPhase, tuple[str, ...]], ...]:
    words: list[tuple[CtPhase, tuple[str, ...]]] = []
    owners: dict[str, CtPhase] = {}
    for phase in CtPhase:
        value = given.get(("roles", phase.value))
        if value is None:
            continue
        where = f"roles.{phase}"
        texts = _texts(value)
        if texts is None:
            problems.append(
                Problem(
                    where,
                    "another value",
                    "a list of texts in quotes",
                    f'Write {phase} = ["what the console writes"].',
                )
            )
            continue
        for text in texts:
            other = owners.setdefault(unicodedata.normalize("NFKC", text).casefold(), phase)
            if other is not phase:
                problems.append(
                    Problem(
                        where,
                        f"a text that also stands under {other}",
                        "every text under one phase",
                        "Remove it from one of them.",
                    )
                )
        words.append((phase, texts))
    return tuple(words)


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not value:
        return None
    texts = tuple(text.strip() for text in value if isinstance(text, str) and text.strip())
    return texts if len(texts) == len(value) else None
