"""Numbers, intervals, durations and sizes in words, the same way everywhere in a report."""

import math

from shared.report.run_record import Measure

NONE = "–"
"""Stands for a number that does not exist or is withheld."""

_MINUTE = 60.0
_HOUR = 3600.0
_KILO = 1000.0
_SMALLEST_P = 0.001


def number_text(value: float | None, decimals: int = 2) -> str:
    """Give a number with a fixed count of decimals, or the dash."""
    return NONE if value is None else f"{value:.{decimals}f}".replace("-", "−")


def count_text(value: int | None) -> str:
    """Give a count with thin spaces between thousands, or the dash."""
    return NONE if value is None else f"{value:,}".replace(",", "\u202f")


def interval_text(measure: Measure, decimals: int = 2) -> str:
    """Give an estimate and its interval: ``0.84 (0.71–0.95)``."""
    text = number_text(measure.value, decimals)
    if measure.value is None or measure.lower is None or measure.upper is None:
        return text
    low, high = number_text(measure.lower, decimals), number_text(measure.upper, decimals)
    return f"{text} ({low}–{high})"


def p_text(value: float | None) -> str:
    """Give a P value as it is quoted: ``P = 0.16``, ``P < 0.001``; the dash without one."""
    if value is None:
        return NONE
    if value < _SMALLEST_P:
        return f"P < {_SMALLEST_P}"
    decimals = 3 if value < 0.095 else 2  # noqa: PLR2004  # 0.0951 would read 0.10 either way
    return f"P = {value:.{decimals}f}"


def duration_text(seconds: float | None) -> str:
    """Give a wall time in the largest two units: ``41.2 s``, ``6 min 21 s``, ``2 h 05 min``."""
    if seconds is None:
        return NONE
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if round(seconds) < _HOUR:
        minutes, rest = divmod(round(seconds), int(_MINUTE))
        return f"{minutes} min {rest:02d} s"
    hours, rest = divmod(round(seconds / _MINUTE), int(_MINUTE))
    return f"{hours} h {rest:02d} min"


def bytes_text(count: int) -> str:
    """Give a size in decimal units: ``552.0 MB``."""
    if count < _KILO:
        return f"{count} B"
    power = min(int(math.log(count, _KILO)), 4)
    return f"{count / _KILO**power:.1f} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def plural(count: int, noun: str) -> str:
    """Give a count with its noun: ``1 site``, ``4 sites``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(words: tuple[str, ...]) -> str:
    """Join words as a sentence does: ``plain, arterial and portal``."""
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def shortened(name: str, most: int) -> str:
    """Cut a long name in its middle, so that names with a common beginning stay apart."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head].rstrip()}…{name[head + 1 - most :].lstrip()}"
