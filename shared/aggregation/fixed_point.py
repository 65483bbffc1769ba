"""Numbers as 64-bit integers, so that sums are exact, order-free and can be masked.

Integers modulo 2^64 add up to the same bits in every order and under every mask. A real number is
rounded once, at the site, to a stated grid; a number too large for its grid is refused there,
because a total that wrapped around could not be told from a right one.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from shared.errors import MessageError
from shared.messages.sums import WIDE_WORDS, SumField, SumKind

FRACTION_BITS = 40
"""Of a FIXED word. 32 bits cost 2e-6 in the coefficients of a linear SVM, 40 bits under 2e-7."""

MAX_SITES = 64
"""The total of this many sites cannot wrap around."""

FIXED_LIMIT = 2.0 ** (63 - FRACTION_BITS) / MAX_SITES
"""Largest magnitude one site may put into a FIXED word: 131072; all sites together 8.4e6."""

STEP_BITS = 56
"""Bits from one word of a WIDE number to the next. The first word is whole; each further word
holds what is rounded off so far, at most 1/2 of the step before, that is 2^55 units: 2^63 / 2^55
leaves room for 256 sites."""

WIDE_LIMIT = 2.0**63 / MAX_SITES
"""Largest magnitude one site may put into a WIDE number: 1.4e17, enough for squares of any
laboratory value."""

COUNT_LIMIT = 2**63 // MAX_SITES
"""Largest count one site may send: 1.4e17."""

Array = np.ndarray
"""Int64 for counts, float64 for the rest, of the field's shape."""


def encode_sums(
    fields: Sequence[SumField], values: Mapping[str, Array]
) -> Int64[np.ndarray, " word"]:
    """Encode one site's arrays as the words of a ``SumReply``.

    Args:
        fields: What the request sums.
        values: An array per field name, of the field's shape: integers for counts, floats else.

    Returns:
        The words, in the order of the fields.

    Raises:
        MessageError: When an array is missing, has another shape, is not finite, is not whole
            where a count is due, or is too large to be summed without wrapping around.
    """
    if set(values) != {field.name for field in fields}:
        raise MessageError(
            f"Expected sums of {sorted(field.name for field in fields)}, got {sorted(values)}. "
            "The site and the server run different code; install the same version."
        )
    parts = [_encode(field, np.asarray(values[field.name])) for field in fields]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def decode_sums(fields: Sequence[SumField], words: Int64[np.ndarray, " word"]) -> dict[str, Array]:
    """Decode the total over the sites.

    Args:
        fields: What the request summed.
        words: The total, modulo 2^64.

    Returns:
        An array per field name: int64 for counts, float64 else, of the field's shape.

    Raises:
        MessageError: When the number of words is not what the fields take.
    """
    check_length(fields, words)
    decoded: dict[str, Array] = {}
    start = 0
    for field in fields:
        part = words[start : start + field.words]
        start += field.words
        if field.kind is SumKind.COUNT:
            array: Array = part.copy()
        elif field.kind is SumKind.FIXED:
            array = np.ldexp(part.astype(np.float64), -FRACTION_BITS)
        else:
            array = np.zeros(math.prod(field.shape))
            # From the smallest word up, so that what is small is not lost before it is added.
            for step, word in reversed(list(enumerate(part.reshape(WIDE_WORDS, -1)))):
                array = array + np.ldexp(word.astype(np.float64), -STEP_BITS * step)
        decoded[field.name] = array.reshape(field.shape)
    return decoded


def add_words(
    total: Int64[np.ndarray, " word"], words: Int64[np.ndarray, " word"]
) -> Int64[np.ndarray, " word"]:
    """Add two vectors of words modulo 2^64."""
    return (total.view(np.uint64) + words.view(np.uint64)).view(np.int64)


def check_length(fields: Sequence[SumField], words: Int64[np.ndarray, " word"]) -> None:
    """Refuse a vector that is not as long as the fields say.

    Raises:
        MessageError: When the lengths differ.
    """
    expected = sum(field.words for field in fields)
    if words.shape != (expected,):
        raise MessageError(
            f"Expected {expected} words in a sum, got {words.size}. "
            "The site and the server run different code; install the same version."
        )


def _encode(field: SumField, array: Array) -> Int64[np.ndarray, " word"]:
    if array.shape != field.shape:
        raise MessageError(
            f"Expected '{field.name}' of shape {field.shape}, got {array.shape}. "
            "The site and the server run different code; install the same version."
        )
    if field.kind is SumKind.COUNT:
        return _encode_counts(field.name, array)
    limit = FIXED_LIMIT if field.kind is SumKind.FIXED else WIDE_LIMIT
    numbers = array.astype(np.float64).ravel()
    _refuse_large(field.name, numbers, limit)
    if field.kind is SumKind.FIXED:
        return np.rint(np.ldexp(numbers, FRACTION_BITS)).astype(np.int64)
    words: list[np.ndarray] = []
    rest = numbers
    for step in range(WIDE_WORDS):
        word = np.rint(np.ldexp(rest, STEP_BITS * step))
        # Exact: what is left has no bit below the last bit of the number itself.
        rest = rest - np.ldexp(word, -STEP_BITS * step)
        words.append(word)
    return np.concatenate(words).astype(np.int64)


def _encode_counts(name: str, array: Array) -> Int64[np.ndarray, " word"]:
    if array.dtype.kind not in "iub":
        raise MessageError(
            f"Expected whole numbers for '{name}', got {array.dtype}. "
            "Count with integers; a rounded float is not a count."
        )
    counts = array.astype(np.int64).ravel()
    if np.any(np.abs(counts) >= COUNT_LIMIT):
        raise MessageError(
            f"Expected counts below {COUNT_LIMIT} for '{name}', got a larger one. "
            "Split the cohort into several runs."
        )
    return counts


def _refuse_large(name: str, numbers: Float64[np.ndarray, " number"], limit: float) -> None:
    wrong = int(np.count_nonzero(~(np.abs(numbers) < limit)))  # catches NaN as well
    if wrong:
        raise MessageError(
            f"Expected finite numbers below {limit:g} for '{name}', got {wrong} of {numbers.size} "
            "outside. Check the units of the data, or scale them before summing."
        )


def relative_grid(kind: SumKind) -> float:
    """Give the spacing of the grid that a kind rounds to, in the unit of the value.

    Args:
        kind: How numbers become words.

    Returns:
        1 for counts, 2^-40 for FIXED, 2^-112 for WIDE.
    """
    bits = {
        SumKind.COUNT: 0,
        SumKind.FIXED: FRACTION_BITS,
        SumKind.WIDE: STEP_BITS * (WIDE_WORDS - 1),
    }
    return math.ldexp(1.0, -bits[kind])
