"""What hospitals write when they mean a contrast phase, in Chinese and English.

The tables are values, so that a site whose consoles say something else can pass its own: in at
least one hospital ``PORTAL`` in a description means the arterial phase.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.vocabulary import CtPhase

EDGE = r"(?:^|[\s_\-+./()\[\],;:])"  # what separates words in descriptions
END = r"(?=$|[\s_\-+./()\[\],;:\d])"


@dataclass(frozen=True)
class PhaseTables:
    """Words per phase and the delays that separate phases.

    Attributes:
        words: Pattern per phase; several phases may match, then the text decides nothing alone.
        site_words: Patterns of the site's own; where one matches, ``words`` are not asked.
        arterial_from_s: Seconds after the start of injection; earlier is plain.
        portal_from_s: Seconds after which a scan is portal.
        delayed_from_s: Seconds after which a scan is delayed.
        margin_s: Closer to a border than this, time alone does not decide.
    """

    words: tuple[tuple[CtPhase, re.Pattern[str]], ...]
    site_words: tuple[tuple[CtPhase, re.Pattern[str]], ...] = ()
    arterial_from_s: float = 8.0
    portal_from_s: float = 50.0
    delayed_from_s: float = 110.0
    margin_s: float = 4.0


def _word(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


DEFAULT_TABLES = PhaseTables(
    words=(
        (
            CtPhase.DELAYED,
            _word(
                "延迟|延时|平衡期|排泄期",
                "delay(?:ed)?|equilib|excretory|nephrogen|late.?venous",
                rf"{EDGE}(?:dp|d期){END}",
            ),
        ),
        (
            CtPhase.PORTAL,
            _word(
                "门脉|门静脉|静脉|实质期",
                r"port(?:al)?(?:\b|_)|(?<!intra)(?<!late.)(?<!late)venous|port.?ven",
                rf"{EDGE}(?:pvp?|vp|pp|ven|v期|v){END}",
            ),
        ),
        (
            CtPhase.ARTERIAL,
            _word("动脉", "arterial|arteri", rf"{EDGE}(?:art|[el]?ap|hap|a期|a){END}"),
        ),
        (
            CtPhase.PLAIN,
            _word(
                "平扫|蒙片|非增强",
                "plain|non.?con(?:trast)?|non.?enhanc|un.?enhanc|pre.?contrast|without.?contrast|native",
                rf"{EDGE}(?:ncct|nect|nc|w/?o|pre|c-(?!\d)|c期){END}",
            ),
        ),
    )
)
"""Seconds: hepatic artery from about 20 s, portal vein 60 to 80 s, equilibrium from 120 s."""

_SECONDS = re.compile(r"(?<![\d.])(\d{2,3})\s*(?:s|sec|秒)(?![a-z])", re.IGNORECASE)
_MINUTES = re.compile(r"(?<![\d.])(\d{1,2})\s*(?:min|分钟|分)(?![a-z])", re.IGNORECASE)


def site_pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Match any of a site's own words, taken literally, between separators and in any case.

    Args:
        words: At least one word that is not empty; Chinese words match within others.

    Returns:
        The pattern.
    """
    folded = [re.escape(unicodedata.normalize("NFKC", word.strip())) for word in words]
    return _word(
        *(rf"{EDGE}{word}{END}" if word.isascii() else word for word in folded if word.strip())
    )


def with_site_words(tables: PhaseTables, words: Mapping[CtPhase, Sequence[str]]) -> PhaseTables:
    """Add a site's own words, which count before all others.

    Args:
        tables: The words so far.
        words: Per phase, what the site's consoles write for it.

    Returns:
        Tables with the words added.
    """
    own = tuple(
        (phase, site_pattern(many)) for phase, many in words.items() if "".join(many).strip()
    )
    return replace(tables, site_words=(*own, *tables.site_words))


def phases_in_text(text: str, tables: PhaseTables = DEFAULT_TABLES) -> tuple[CtPhase, ...]:
    """Find the phases that a description names.

    A delay in seconds or minutes is read as time after injection and then stands for the phase:
    ``70s delay`` is portal, not delayed.

    Args:
        text: A series description or protocol name.
        tables: The words.

    Returns:
        Phases named, without repeats; empty if the text says nothing.
    """
    plain = unicodedata.normalize("NFKC", text)
    own = tuple(phase for phase, pattern in tables.site_words if pattern.search(plain))
    if own:
        return own
    found = [phase for phase, pattern in tables.words if pattern.search(plain)]
    seconds = delay_seconds(plain)
    if seconds is not None:
        timed = phase_at(seconds, tables)
        found = [phase for phase in found if phase is not CtPhase.DELAYED]
        if timed is not None and timed not in found:
            found.append(timed)
    return tuple(found)


def phase_at(seconds: float, tables: PhaseTables = DEFAULT_TABLES) -> CtPhase | None:
    """Name the phase at a time after the start of injection.

    Args:
        seconds: After the start; before it (less than zero) is plain.
        tables: The borders.

    Returns:
        The phase, or None within the margin of a border after the plain one.
    """
    borders = (tables.arterial_from_s, tables.portal_from_s, tables.delayed_from_s)
    if any(abs(seconds - border) < tables.margin_s for border in borders):
        return None
    passed = sum(seconds >= border for border in borders)
    return (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL, CtPhase.DELAYED)[passed]


def delay_seconds(text: str) -> float | None:
    """Give the delay that a description names, in seconds: ``70s``, ``3 min``, ``180 秒``."""
    minutes = _MINUTES.search(text)
    if minutes is not None:
        return 60.0 * float(minutes.group(1))
    seconds = _SECONDS.search(text)
    return None if seconds is None else float(seconds.group(1))
