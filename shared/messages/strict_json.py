"""Strict JSON for frozen dataclasses that leave a machine: every wrong field is named.

Understands text, whole numbers, finite numbers, booleans, None, ``X | None`` and other unions of
these, ``tuple[X, ...]``, ``Mapping[str, X]`` and nested dataclasses. Pure: no files.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import TypeVar, get_args, get_origin, get_type_hints

from shared.errors import Problem, SettingsError

Record = TypeVar("Record")

_WORDS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    type(None): "null",
}
_WRONG = object()  # a value that could not be decoded; its problem is in the list


def encode(value: object) -> object:
    """Turn a dataclass into dictionaries, lists and scalars.

    Raises:
        SettingsError: If a number is not finite, naming the field.
    """
    problems: list[Problem] = []
    encoded = _encode(value, "", problems)
    if problems:
        raise SettingsError("The record cannot be written as JSON.", problems)
    return encoded


def _encode(value: object, where: str, problems: list[Problem]) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: _encode(getattr(value, item.name), _below(where, item.name), problems)
            for item in fields(value)
        }
    if isinstance(value, Mapping):
        return {str(k): _encode(v, _below(where, str(k)), problems) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_encode(v, f"{where}[{i}]", problems) for i, v in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(Problem(where, repr(value), "a finite number", "Use null for no value."))
        return None
    return value


def decode(
    kind: type[Record],
    data: object,
    subject: str,
    expected: Mapping[str, str] | None = None,
) -> Record:
    """Build a dataclass from parsed JSON.

    Args:
        kind: The dataclass.
        data: What ``json.loads`` gave.
        subject: What the data are, for the error's first sentence.
        expected: Fields whose text must be exactly this, such as a format version; checked first
            and alone, because a newer format may have other fields.

    Raises:
        SettingsError: With one problem per missing, unknown or wrongly typed field.
    """
    problems: list[Problem] = []
    for name, text in (expected or {}).items():
        came = data.get(name) if isinstance(data, Mapping) else None
        if came != text:
            problems.append(
                Problem(name, repr(came), repr(text), "Use the version that wrote the file.")
            )
    decoded = _WRONG if problems else _decode(kind, data, "", problems)
    if problems or not isinstance(decoded, kind):
        raise SettingsError(f"The {subject} cannot be read.", problems)
    return decoded


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _decode(kind: object, data: object, where: str, problems: list[Problem]) -> object:
    origin = get_origin(kind)
    if isinstance(kind, UnionType):
        return _decode_union(get_args(kind), data, where, problems)
    if origin is tuple and isinstance(data, list):
        inner = get_args(kind)[0]
        return tuple(_decode(inner, v, f"{where}[{i}]", problems) for i, v in enumerate(data))
    if origin is Mapping and isinstance(data, dict):
        inner = get_args(kind)[1]
        return {str(k): _decode(inner, v, _below(where, str(k)), problems) for k, v in data.items()}
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(data, dict):
        return _decode_dataclass(kind, data, where, problems)
    if _is_scalar(kind, data):
        return float(data) if kind is float and isinstance(data, int) else data
    words = "a list" if origin is tuple else _WORDS.get(kind, "an object")
    problems.append(_unexpected(where, data, words))
    return _WRONG


def _is_scalar(kind: object, data: object) -> bool:
    if kind is float:
        return isinstance(data, int | float) and not isinstance(data, bool) and math.isfinite(data)
    if kind is int:
        return isinstance(data, int) and not isinstance(data, bool)
    return isinstance(kind, type) and not is_dataclass(kind) and isinstance(data, kind)


def _decode_union(
    kinds: tuple[object, ...], data: object, where: str, problems: list[Problem]
) -> object:
    # Scalars of their own type first, so that true stays true and 1 stays a whole number.
    for kind in sorted(kinds, key=lambda k: k is float):
        if kind in _WORDS and _is_scalar(kind, data):
            return float(data) if kind is float and isinstance(data, int) else data
    nested = [kind for kind in kinds if kind not in _WORDS]
    if len(nested) == 1 and data is not None:
        return _decode(nested[0], data, where, problems)
    words = " or ".join(_WORDS.get(kind, "an object") for kind in kinds)
    problems.append(_unexpected(where, data, words))
    return _WRONG


def _decode_dataclass(
    kind: type, data: Mapping[str, object], where: str, problems: list[Problem]
) -> object:
    hints = get_type_hints(kind)
    known: dict[str, Field[object]] = {item.name: item for item in fields(kind)}
    problems.extend(
        Problem(_below(where, str(name)), "an unknown field", "a known field", "Remove it.")
        for name in data
        if name not in known
    )
    values: dict[str, object] = {}
    for name, item in known.items():
        if name in data:
            values[name] = _decode(hints[name], data[name], _below(where, name), problems)
        elif item.default is MISSING and item.default_factory is MISSING:
            problems.append(Problem(_below(where, name), "nothing", "a value", "Add the field."))
    complete = all(value is not _WRONG for value in values.values())
    missing = [n for n, i in known.items() if n not in values and i.default is MISSING]
    return kind(**values) if complete and not missing and not problems else _WRONG


def _unexpected(where: str, data: object, words: str) -> Problem:
    shown = "a list" if isinstance(data, list) else "an object" if isinstance(data, dict) else None
    return Problem(where or "the whole", shown or repr(data)[:60], words, "Correct the field.")
