"""Every number that was computed twice, federated and pooled, and how far the two are apart."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """One number, computed both ways.

    Attributes:
        table: Where it belongs, such as ``table2``.
        quantity: Which number, as a path.
        federated: The federation's.
        pooled: The pooled patients'.
    """

    table: str
    quantity: str
    federated: float
    pooled: float

    @property
    def absolute(self) -> float:
        """Give the absolute difference; NaN where only one side has a number."""
        if self.federated == self.pooled:
            return 0.0
        return abs(self.federated - self.pooled)

    @property
    def relative(self) -> float:
        """Give the difference over the pooled number; NaN where that is 0 and they differ."""
        if self.federated == self.pooled:
            return 0.0
        return self.absolute / abs(self.pooled) if self.pooled else math.nan

    def within(self, tolerance: float) -> bool:
        """Tell whether the two agree, relative to numbers above 1 and absolutely below."""
        return not self.absolute > tolerance * max(1.0, abs(self.pooled))


@dataclass(frozen=True)
class Largest:
    """The largest differences of one table.

    Attributes:
        table: Which.
        numbers: How many were compared.
        absolute: The largest absolute difference.
        absolute_at: Of which number.
        relative: The largest relative difference.
        relative_at: Of which number.
        one_sided: Numbers that only one side has.
    """

    table: str
    numbers: int
    absolute: float
    absolute_at: str
    relative: float
    relative_at: str
    one_sided: int


def differences(table: str, federated: object, pooled: object) -> list[Difference]:
    """Compare two records of one type, number by number.

    Args:
        table: Name of the records.
        federated: Dataclasses, mappings and sequences of numbers; text is passed over.
        pooled: The same, pooled.

    Returns:
        Every number of either; NaN on a side that has none. Numbers that both lack are left out.
    """
    ours, theirs = dict(_numbers(federated, "")), dict(_numbers(pooled, ""))
    found = []
    for quantity in dict.fromkeys([*ours, *theirs]):
        pair = ours.get(quantity, math.nan), theirs.get(quantity, math.nan)
        if not all(math.isnan(number) for number in pair):
            found.append(Difference(table, quantity, *pair))
    return found


def largest(found: Sequence[Difference]) -> list[Largest]:
    """Give the largest differences, table by table."""
    result = []
    for table in dict.fromkeys(difference.table for difference in found):
        own = [d for d in found if d.table == table]
        both = [d for d in own if not math.isnan(d.absolute)]
        if not both:
            continue
        absolute = max(both, key=lambda d: d.absolute)
        relative = max(both, key=lambda d: -1.0 if math.isnan(d.relative) else d.relative)
        result.append(
            Largest(
                table=table,
                numbers=len(both),
                absolute=absolute.absolute,
                absolute_at=absolute.quantity,
                relative=relative.relative,
                relative_at=relative.quantity,
                one_sided=len(own) - len(both),
            )
        )
    return result


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    """Walk through a record and give each number with its path."""
    if isinstance(value, bool | str) or value is None:
        return
    if isinstance(value, int | float | np.integer | np.floating):
        yield path, float(value)
        return
    for name, part in _parts(value):
        yield from _numbers(part, f"{path}/{name}" if path else name)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield field.name, getattr(value, field.name)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key), part
    elif isinstance(value, np.ndarray | Sequence):
        for place, part in enumerate(value):
            name = getattr(part, "name", None)
            yield (name if isinstance(name, str) else str(place)), part
