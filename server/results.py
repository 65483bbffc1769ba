"""A run's results as plain JSON values and back into the dataclasses they came from.

Not-a-number becomes null, arrays become lists, enumerations their values.
"""

import dataclasses
import math
from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from jaxtyping import AbstractArray

Value = TypeVar("Value")


def to_plain(value: object) -> object:
    """Turn dataclasses, mappings, tuples, arrays and scalars into JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return to_plain(value.tolist())
    if isinstance(value, Enum):
        return value.value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(kind: type[Value], value: object) -> Value:
    """Rebuild a value of a dataclass from what ``to_plain`` gave.

    Args:
        kind: The dataclass; null becomes not-a-number where it has a plain float.
        value: Parsed JSON.

    Returns:
        The value.

    Raises:
        TypeError: If fields are missing, unknown, or not of the form they should have.
    """
    return cast("Value", _rebuilt(kind, value))


def _rebuilt(kind: object, value: object) -> object:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        inner = [item for item in get_args(kind) if item is not NoneType]
        return None if value is None else _rebuilt(inner[0], value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        rows = {key: _rebuilt(hints.get(key), item) for key, item in _mapping(value).items()}
        return kind(**rows)
    if _is_array(kind):
        return _array(_dtype_name(kind), value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _rebuilt(get_args(kind)[1], item) for key, item in _mapping(value).items()}
    if origin is tuple:
        return _tuple(get_args(kind), value)
    return _scalar(kind, value)


def _array(dtype_name: str | None, value: object) -> np.ndarray:
    if dtype_name is not None:
        return np.array(value, dtype=np.dtype(dtype_name))
    array = np.array(value)
    # Whole numbers stay whole; null stands for not-a-number, which only floats have.
    return array.astype(np.float64) if array.dtype == object else array


def _tuple(items: tuple[object, ...], value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    kinds = (items[0],) * len(value) if Ellipsis in items else items
    return tuple(map(_rebuilt, kinds, value))


def _scalar(kind: object, value: object) -> object:
    if kind is float:
        return math.nan if value is None else float(cast("float", value))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def _is_array(kind: object) -> bool:
    return np.ndarray in (kind, get_origin(kind)) or (
        isinstance(kind, type) and issubclass(kind, AbstractArray)
    )


def _dtype_name(kind: object) -> str | None:
    names = getattr(kind, "dtypes", None)
    return names[0] if isinstance(names, (list, tuple)) and len(names) == 1 else None
