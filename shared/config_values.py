"""One value of the run config at a time: of the right kind, in its range, one of its words."""

from shared.errors import Problem
from shared.published_values import AS_PUBLISHED, CHOICES, DEFERRING, RANGES
from shared.vocabulary import CtPhase

ConfigValue = str | int | float | bool

PHASE_NAMES = tuple(phase.value for phase in CtPhase)

_MOST_BLOCKS = 50
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def key_of(name: str) -> str:
    """Give the run-config key of a field: ``image_size`` is ``image-size``."""
    return name.replace("_", "-")


def parse_phases(text: str) -> tuple[CtPhase, ...] | Problem:
    """Parse CT phases, separated by commas.

    Args:
        text: As in the config.

    Returns:
        The phases in the order given, or what is wrong.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in PHASE_NAMES]
    if unknown or not words or len(set(words)) != len(words):
        return Problem(
            "phases",
            repr(text),
            f"different words of {', '.join(PHASE_NAMES)}, separated by commas",
            "Correct the list.",
        )
    return tuple(CtPhase(word) for word in words)


def parse_blocks(text: str) -> tuple[int, int, int] | Problem:
    """Parse InceptionV4's numbers of A, B and C blocks, separated by commas.

    Args:
        text: As in the config.

    Returns:
        The three numbers, or what is wrong.
    """
    words = [word.strip() for word in text.split(",")]
    numbers = [int(word) for word in words if word.isdecimal() and 1 <= int(word) <= _MOST_BLOCKS]
    if len(numbers) != len(words) or len(numbers) != 3:  # noqa: PLR2004  # A, B and C blocks
        return Problem(
            "network-blocks",
            repr(text),
            f"three whole numbers from 1 to {_MOST_BLOCKS}, separated by commas",
            "Write 4,7,3 for the published network.",
        )
    return numbers[0], numbers[1], numbers[2]


def parse_scalar(name: str, value: ConfigValue, kind: type) -> ConfigValue | Problem:
    """Check a number, a text or a flag.

    Args:
        name: Of the field.
        value: As in the config.
        kind: Of the field's default; a whole number will do for a number.

    Returns:
        The value, or what is wrong.
    """
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    expected = ""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        expected = _KINDS[kind]
    elif name in RANGES and not isinstance(value, str) and not _in_range(name, value):
        low, high = RANGES[name]
        published = ", or -1 for the published one" if name in DEFERRING else ""
        expected = f"a value from {low:g} to {high:g}{published}"
    elif name in CHOICES and value not in CHOICES[name]:
        expected = f"one of {', '.join(CHOICES[name])}"
    if expected:
        fix = "Correct the value in the run config."
        return Problem(key_of(name), repr(value), expected, fix)
    return value


def _in_range(name: str, value: float) -> bool:
    low, high = RANGES[name]
    return low <= value <= high or (name in DEFERRING and value == AS_PUBLISHED)  # NaN is outside
