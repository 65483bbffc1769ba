"""Sums: what every exact statistic asks for, one bounded vector of 64-bit words per site.

A request that is answered by a sum says in ``sums`` which arrays are summed, their shapes and how
each number becomes words. Sites answer with one ``SumReply``; only the total over the sites is
ever decoded, so that masks which cancel in the total change nothing.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

WIDE_WORDS = 3
"""Words of a WIDE number: no laboratory unit is too large or too small for its sums."""


class SumKind(StrEnum):
    """How a number becomes 64-bit words (``shared.aggregation.fixed_point`` does it)."""

    COUNT = "count"
    """An exact integer: one word."""
    FIXED = "fixed"
    """A real number on a grid of 2^-40, about 9e-13: one word."""
    WIDE = "wide"
    """A real number on a grid of 2^-112, about 2e-34, up to 1.4e17: three words."""


@dataclass(frozen=True)
class SumField:
    """One array that is summed over the sites.

    Attributes:
        name: What is summed, unique within a request.
        shape: Of the array; no axis counts patients.
        kind: How its numbers become words.
    """

    name: str
    shape: tuple[int, ...]
    kind: SumKind

    @property
    def words(self) -> int:
        """Say how many words the array takes."""
        return math.prod(self.shape) * (WIDE_WORDS if self.kind is SumKind.WIDE else 1)


@runtime_checkable
class SumRequest(Protocol):
    """A request that sites answer with a ``SumReply``."""

    @property
    def sums(self) -> tuple[SumField, ...]:
        """List what is summed, in the order of the words."""
        ...


@dataclass(frozen=True)
class SumReply:
    """One site's share of a sum.

    Attributes:
        words: The arrays of the request's ``sums``, flattened and one after the other; integers
            modulo 2^64 in two's complement.
    """

    words: Int64[np.ndarray, " word"]
