"""The fields of a message dataclass: where each travels and what may stand in it."""

import dataclasses
from collections.abc import Mapping
from enum import Enum, StrEnum
from types import NoneType, UnionType
from typing import Final, Union, get_args, get_origin, get_type_hints

import numpy as np
from jaxtyping import AbstractArray

from shared.errors import MessageError

_WIRE_NAMES: Final = {"training_patients": "num-examples"}
"""Flower's strategies weight an update by ``num-examples``; we weight by patients trained on."""
_NUMERIC_KINDS: Final = "fiub"
"""NumPy's kinds float, signed, unsigned, boolean: what can travel without pickling."""


class Place(StrEnum):
    """The record of a ``RecordDict`` that carries a field."""

    WEIGHTS = "arrays"
    ARRAY = "named-arrays"
    NUMBER = "metrics"
    WORD = "config"


@dataclasses.dataclass(frozen=True)
class WireField:
    """One field of a message.

    Attributes:
        owner: Name of the message type, for error sentences.
        name: Name in the dataclass.
        key: Name on the wire.
        annotation: What it holds, without ``| None``.
        optional: Whether it may be None, and is then left out.
        place: The record that carries it.
    """

    owner: str
    name: str
    key: str
    annotation: object
    optional: bool
    place: Place

    def check(self, value: object) -> None:
        """Refuse a value that does not fit the annotation.

        Raises:
            MessageError: Naming the field, with the value's type and shape but not its content.
        """
        if not _fits(self.annotation, value):
            raise MessageError(
                f"{self.owner}: the field '{self.name}' should be {_words(self.annotation)}, "
                f"got {_describe(value)}."
            )

    def restore(self, value: object) -> object:
        """Bring a received value back to the annotation's type, or refuse it.

        Raises:
            MessageError: If the value does not fit.
        """
        restored = _restored(self.annotation, value)
        self.check(restored)
        return restored


def fields_of(kind: type) -> tuple[WireField, ...]:
    """Give the fields of a message type.

    Raises:
        MessageError: If it is not a dataclass, or a field is of a type that cannot travel.
    """
    if not dataclasses.is_dataclass(kind):
        raise MessageError(f"Expected a message dataclass, got {kind.__name__}.")
    hints = get_type_hints(kind)
    return tuple(_field(kind.__name__, f.name, hints[f.name]) for f in dataclasses.fields(kind))


def _field(owner: str, name: str, annotation: object) -> WireField:
    optional = get_origin(annotation) in (Union, UnionType)
    if optional:
        rest = [arg for arg in get_args(annotation) if arg is not NoneType]
        annotation = rest[0] if len(rest) == 1 else None
    place = _place(annotation)
    if place is None:
        raise MessageError(f"{owner}.{name}: there is no way to send a field of this type.")
    return WireField(owner, name, _WIRE_NAMES.get(name, name), annotation, optional, place)


def _place(annotation: object) -> Place | None:
    if _is_array(annotation):
        return Place.ARRAY
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return Place.WEIGHTS if key is str and _is_array(value) else None
    if annotation in (int, float):
        return Place.NUMBER
    if get_origin(annotation) is tuple:
        return Place.WORD if all(map(_is_scalar, _items(annotation, 1))) else None
    return Place.WORD if _is_scalar(annotation) else None


def _is_array(annotation: object) -> bool:
    return np.ndarray in (annotation, get_origin(annotation)) or (
        isinstance(annotation, type) and issubclass(annotation, AbstractArray)
    )


def _is_scalar(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, (int, float, str, bool, Enum))


def _items(annotation: object, length: int) -> tuple[object, ...]:
    """Give the annotations of a tuple's items; ``tuple[X, ...]`` fits any length."""
    items = get_args(annotation)
    return (items[0],) * length if Ellipsis in items else items


def _fits(annotation: object, value: object) -> bool:
    if _is_array(annotation):
        array = annotation if isinstance(annotation, type) else np.ndarray
        return isinstance(value, np.ndarray) and isinstance(value, array) and _is_numeric(value)
    origin = get_origin(annotation)
    if origin is dict:
        inner = get_args(annotation)[1]
        return isinstance(value, Mapping) and all(
            isinstance(name, str) and _fits(inner, item) for name, item in value.items()
        )
    if origin is tuple:
        items = _items(annotation, len(value)) if isinstance(value, tuple) else ()
        return (
            isinstance(value, tuple) and len(items) == len(value) and all(map(_fits, items, value))
        )
    return _scalar_fits(annotation, value)


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in _NUMERIC_KINDS


def _scalar_fits(annotation: object, value: object) -> bool:
    if isinstance(value, bool):
        return annotation is bool
    if annotation is float:
        return isinstance(value, (int, float))
    return isinstance(annotation, type) and isinstance(value, annotation)


def _restored(annotation: object, value: object) -> object:
    if get_origin(annotation) is tuple and isinstance(value, list):
        items = _items(annotation, len(value))
        if len(items) == len(value):
            return tuple(map(_restored, items, value))
        return tuple(value)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next((member for member in annotation if member.value == value), value)
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _words(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    return f"a value of type {type(value).__name__}"
