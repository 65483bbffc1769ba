"""The ``[alignment]`` and ``[roles]`` tables of the site settings: how a site's studies are read.

::

    [alignment]
    registration = true        # register phases rigidly where the patient left the table between

    [roles]                    # what this hospital's consoles write, per phase; counts before all
    arterial = ["一期"]
    portal = ["PORTAL VENOUS 70s", "二期"]
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from shared.dicom.phase_tables import DEFAULT_TABLES, PhaseTables, with_site_words
from shared.errors import Problem
from shared.vocabulary import CtPhase

ALIGNMENT_KEYS = ("registration",)
ROLE_KEYS = tuple(phase.value for phase in CtPhase)


@dataclass(frozen=True)
class ImageSettings:
    """How a site's studies are read; another value prepares them anew.

    Attributes:
        registration: Whether phases of different frames of reference are registered rigidly
            instead of refused.
        words: Per phase, what the site's consoles write for it in descriptions.
    """

    registration: bool = False
    words: tuple[tuple[CtPhase, tuple[str, ...]], ...] = ()

    def tables(self) -> PhaseTables:
        """Give the words of all hospitals with the site's own before them."""
        return with_site_words(DEFAULT_TABLES, dict(self.words))


def parse_image_settings(
    given: Mapping[tuple[str, str], object], problems: list[Problem]
) -> ImageSettings:
    """Parse both tables.

    Args:
        given: All values of the settings file, by section and key.
        problems: Gets one entry per value that cannot be used.
    """
    registration = given.get(("alignment", "registration"), False)
    if not isinstance(registration, bool):
        problems.append(
            Problem(
                "alignment.registration", repr(registration), "true or false", "Correct the value."
            )
        )
    return ImageSettings(registration is True, _words(given, problems))


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
