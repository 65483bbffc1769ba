"""What hospitals write when they mean a sequence of liver MRI, in Chinese and English.

The tables are values, so that a site whose consoles say something else can pass its own.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.dicom.phase_tables import EDGE, END, delay_seconds, site_pattern
from shared.vocabulary import MriRole, MriSequence

T1_ROLES = (
    MriRole.T1_PLAIN,
    MriRole.T1_ARTERIAL,
    MriRole.T1_PORTAL,
    MriRole.T1_DELAYED,
    MriRole.T1_HEPATOBILIARY,
)
"""The T1 series of a dynamic study, in their order in time."""

SEQUENCE_OF: Mapping[MriRole, MriSequence] = {
    MriRole.T1_ARTERIAL: MriSequence.T1_ARTERIAL,
    MriRole.T1_PORTAL: MriSequence.T1_PORTAL,
    MriRole.T1_DELAYED: MriSequence.T1_DELAYED,
    MriRole.T2_FSE: MriSequence.T2_FSE,
    MriRole.IN_PHASE: MriSequence.DUAL_ECHO,
    MriRole.OPPOSED_PHASE: MriSequence.DUAL_ECHO,
}
"""The published study's five sequences (Quan 2024); dual echo is one sequence of two images."""


def _word(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


@dataclass(frozen=True)
class MriTables:
    """Words per role and the delays that separate phases.

    Attributes:
        phases: Pattern per T1 phase; several may match, then the text decides nothing alone.
        site_words: Patterns of the site's own per T1 phase; where one matches, ``phases`` are not
            asked.
        in_phase: Names the in-phase image.
        opposed: Names the opposed-phase image.
        dual: Names the pair.
        t1_gradient: Names a T1 gradient echo, as used for dynamic series.
        t2: Names T2 weighting.
        single_shot: Names single-shot T2.
        borders_s: Seconds after the start of injection from which a scan is arterial, portal,
            delayed, hepatobiliary; earlier is plain.
        margin_s: Closer to a border than this, time alone does not decide.
    """

    phases: tuple[tuple[MriRole, re.Pattern[str]], ...]
    in_phase: re.Pattern[str]
    opposed: re.Pattern[str]
    dual: re.Pattern[str]
    t1_gradient: re.Pattern[str]
    t2: re.Pattern[str]
    single_shot: re.Pattern[str]
    borders_s: tuple[float, float, float, float] = (8.0, 50.0, 110.0, 600.0)
    margin_s: float = 4.0
    site_words: tuple[tuple[MriRole, re.Pattern[str]], ...] = ()


DEFAULT_MRI_TABLES = MriTables(
    phases=(
        (
            MriRole.T1_HEPATOBILIARY,
            _word("肝胆", "hepato.?bil", rf"{EDGE}hbp{END}"),
        ),
        (
            MriRole.T1_DELAYED,
            _word(
                "延迟|延时|平衡期|移行期|过渡期",
                r"delay(?:ed)?|equilib|transitional",
                rf"{EDGE}(?:dp|tp|del){END}",
                r"c\+d(?:el)?\b",
            ),
        ),
        (
            MriRole.T1_PORTAL,
            _word(
                "门脉|门静脉|静脉",
                r"portal|(?<!intra)venous",
                rf"{EDGE}(?:pvp?|vp|ven|port){END}",
                r"c\+v\b",
            ),
        ),
        (
            MriRole.T1_ARTERIAL,
            _word("动脉", "arterial", rf"{EDGE}(?:art|[eh]ap|lap){END}", r"c\+a\b"),
        ),
        (
            MriRole.T1_PLAIN,
            _word(
                "平扫|蒙片|增强前",
                r"pre.?con(?:trast)?|non.?con(?:trast)?|un.?enhanc|without.?contrast",
                rf"{EDGE}(?:pre|plain|mask|c-pre|c-){END}",
            ),
        ),
    ),
    in_phase=_word(
        "同相|正相|同反相|正反相",
        r"in.?phase",
        rf"{EDGE}ip{END}",
        r"(?:^|_)in(?=$|[_/])",
    ),
    opposed=_word(
        "反相", r"out.?(?:of.?)?phase|opp(?:osed)?.?phase", rf"{EDGE}(?:op|opp|out){END}"
    ),
    dual=_word(
        "双回波|正反相|同反相|化学位移", r"dual.?(?:echo|fl|ffe|gre)|dixon|in.?(?:and|/|&|_).?out"
    ),
    t1_gradient=_word(
        r"vibe|fl[23]d|twist|grasp|lava|fame|disco|thrive|mdixon|quick.?3d|tigre|fspgr|spgr|t1.?ffe",
        r"t1.?gre|动态|增强",
        rf"{EDGE}(?:dyn|t1|t1w|t1wi|\+c|c\+|gd){END}",
    ),
    t2=_word(rf"{EDGE}(?:t2|t2w|t2wi){END}", r"frfse|\bt2.?(?:fse|tse)"),
    single_shot=_word("单次激发|半傅里叶", r"haste|ss.?[ft]se|single.?shot|rare.?half|fase\b"),
)

_BREATH_HOLD = re.compile(r"(?:bh|breath.?hold|屏气)[\s_]*\d+\s*(?:s|sec|秒)", re.IGNORECASE)
_SHORTEST_DELAY_S = 15.0
"""A shorter time in a description is how long a breath is held."""


def plain_text(text: str) -> str:
    """Fold full-width letters, which Chinese consoles mix with ASCII."""
    return unicodedata.normalize("NFKC", text)


def phases_named(text: str, tables: MriTables = DEFAULT_MRI_TABLES) -> tuple[MriRole, ...]:
    """Find the T1 phases that a description names.

    Args:
        text: A series description or protocol name.
        tables: The words.

    Returns:
        Phases named, without repeats. A delay in seconds or minutes stands for its phase.
    """
    plain = plain_text(text)
    own = tuple(role for role, pattern in tables.site_words if pattern.search(plain))
    if own:
        return own
    found = [role for role, pattern in tables.phases if pattern.search(plain)]
    seconds = delay_seconds(_BREATH_HOLD.sub("", plain))
    if seconds is not None and seconds >= _SHORTEST_DELAY_S:
        timed = phase_after(seconds, tables)
        found = [role for role in found if role is not MriRole.T1_DELAYED]
        if timed is not None and timed not in found:
            found.append(timed)
    return tuple(found)


def with_site_words(tables: MriTables, words: Mapping[MriRole, Sequence[str]]) -> MriTables:
    """Add a site's own words for T1 phases, which count before all others.

    Args:
        tables: The words so far.
        words: Per phase, what the site's consoles write for it.

    Returns:
        Tables with the words added.
    """
    own = tuple((role, site_pattern(many)) for role, many in words.items() if "".join(many).strip())
    return replace(tables, site_words=(*own, *tables.site_words))


def with_sequence_words(tables: MriTables, words: Mapping[MriRole, Sequence[str]]) -> MriTables:
    """Add a site's own words for any role.

    Words for a T1 phase count before all others; words for T2 and for in and opposed phase stand
    beside the known ones, since echo times still have their say there.

    Args:
        tables: The words so far.
        words: Per role, what the site's consoles write for it.

    Returns:
        Tables with the words added.
    """
    phases = {role: many for role, many in words.items() if role in T1_ROLES}

    def beside(role: MriRole, known: re.Pattern[str]) -> re.Pattern[str]:
        many = words.get(role, ())
        if not "".join(many).strip():
            return known
        return re.compile(f"{site_pattern(many).pattern}|{known.pattern}", re.IGNORECASE)

    return replace(
        with_site_words(tables, phases),
        t2=beside(MriRole.T2_FSE, tables.t2),
        single_shot=beside(MriRole.T2_SINGLE_SHOT, tables.single_shot),
        in_phase=beside(MriRole.IN_PHASE, tables.in_phase),
        opposed=beside(MriRole.OPPOSED_PHASE, tables.opposed),
    )


def phase_after(seconds: float, tables: MriTables = DEFAULT_MRI_TABLES) -> MriRole | None:
    """Name the T1 phase at a time after the start of injection.

    Args:
        seconds: After the start; before it (less than zero) is plain.
        tables: The borders. Quan 2024: arterial 20 to 30 s, portal 60 to 80 s, delayed 180 s.

    Returns:
        The phase, or None within the margin of a border.
    """
    if any(abs(seconds - border) < tables.margin_s for border in tables.borders_s):
        return None
    return T1_ROLES[sum(seconds >= border for border in tables.borders_s)]
