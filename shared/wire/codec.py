"""A message dataclass to a Flower ``RecordDict`` and back, driven by the dataclass's fields.

Where a field goes follows from its annotation:

==============================  ================  ================================================
annotation                      record            key
==============================  ================  ================================================
``dict[str, np.ndarray]``       ``arrays``        the names in the dictionary; one such field
a NumPy array                   ``named-arrays``  the field's name
``int``, ``float``              ``metrics``       the field's name; ``training_patients`` travels
                                                  as ``num-examples``, the weight that Flower's
                                                  strategies look for
``str``, ``bool``, enumeration  ``config``        the field's name
``tuple[scalar, ...]``          ``config``        the field's name
==============================  ================  ================================================

The name of the message type travels in ``config`` under ``message``. A field annotated
``X | None`` is left out when it is None. Decoding is strict: a missing, unexpected or ill-typed
field is refused by name.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from io import BytesIO
from typing import Final, TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from shared.errors import MessageError
from shared.wire.fields import Place, WireField, fields_of

Message = TypeVar("Message")

MESSAGE_KEY: Final = "message"
_NUMPY_STYPE: Final = "numpy.ndarray"
_NPY_1_0: Final = (1, 0)
_LONGEST_QUOTE: Final = 80
"""A name that a stranger chose is quoted up to this many characters."""


def encode(message: object) -> RecordDict:
    """Turn a message into Flower records.

    Args:
        message: A frozen dataclass of ``shared.messages``.

    Returns:
        The records; arrays are serialised once, here.

    Raises:
        MessageError: If a field's value does not fit its annotation, naming the field.
    """
    kind = type(message)
    values: dict[Place, dict[str, object]] = {place: {} for place in Place}
    values[Place.WORD][MESSAGE_KEY] = kind.__name__
    places: set[Place] = set()
    for field in fields_of(kind):
        value = getattr(message, field.name)
        if value is None and field.optional:
            continue
        field.check(value)
        places.add(field.place)
        if field.place is Place.WEIGHTS:
            values[Place.WEIGHTS].update(value)
        else:
            values[field.place][field.key] = value
    content = RecordDict()
    for place in (Place.WEIGHTS, Place.ARRAY):
        if place in places:
            content[place.value] = _array_record(values[place])
    content[Place.NUMBER.value] = MetricRecord(values[Place.NUMBER])  # type: ignore[arg-type]  # checked
    words = {key: _plain(value) for key, value in values[Place.WORD].items()}
    content[Place.WORD.value] = ConfigRecord(words)  # type: ignore[arg-type]  # checked
    return content


def message_name(content: RecordDict) -> str:
    """Tell which message type the records claim to be.

    Raises:
        MessageError: If they claim nothing.
    """
    name = content.config_records.get(Place.WORD.value, ConfigRecord()).get(MESSAGE_KEY)
    if not isinstance(name, str):
        raise MessageError(
            "Expected a message with its type's name, got records without one. "
            "Check that both ends run the same version of HepaFed."
        )
    return name[:_LONGEST_QUOTE]


def decode(content: RecordDict, kind: type[Message]) -> Message:
    """Turn Flower records into a message, strictly.

    Arrays are read-only views of the received bytes; copy before writing.

    Args:
        content: What arrived.
        kind: The message type expected.

    Returns:
        The message.

    Raises:
        MessageError: If the records are another message, or a field is missing, unexpected, or
            of the wrong type, dtype or shape; the message names the field.
    """
    if (name := message_name(content)) != kind.__name__:
        raise MessageError(f"Expected the message {kind.__name__}, got {name!r}.")
    fields = fields_of(kind)
    received = _received(kind, content, fields)
    values = {field.name: _take(field, received[field.place]) for field in fields}
    if extra := sorted(key for rest in received.values() for key in rest):
        quoted = ", ".join(repr(key[:_LONGEST_QUOTE]) for key in extra[:5])
        raise MessageError(f"{kind.__name__}: unexpected fields {quoted}.")
    return kind(**values)


def _received(
    kind: type, content: RecordDict, fields: Sequence[WireField]
) -> dict[Place, dict[str, object]]:
    """Sort what came by place, refusing records that this message has no use for."""
    expected = {field.place for field in fields} | {Place.NUMBER, Place.WORD}
    if unknown := sorted(set(content) - {place.value for place in expected}):
        raise MessageError(f"{kind.__name__}: unexpected record {unknown[0][:_LONGEST_QUOTE]!r}.")
    if Place.WEIGHTS in expected and Place.WEIGHTS.value not in content.array_records:
        raise MessageError(f"{kind.__name__}: the record with its weights is missing.")
    records: dict[Place, Mapping[str, object]] = {
        Place.WEIGHTS: content.array_records.get(Place.WEIGHTS.value, {}),
        Place.ARRAY: content.array_records.get(Place.ARRAY.value, {}),
        Place.NUMBER: content.metric_records.get(Place.NUMBER.value, {}),
        Place.WORD: content.config_records.get(Place.WORD.value, {}),
    }
    received = {place: dict(records[place]) for place in Place}
    received[Place.WORD].pop(MESSAGE_KEY, None)
    return received


def _take(field: WireField, received: dict[str, object]) -> object:
    """Remove one field's value from what was received and bring it to its type."""
    if field.place is Place.WEIGHTS:
        weights = {name: _ndarray(field.owner, name, item) for name, item in received.items()}
        received.clear()
        return field.restore(weights)
    if field.key not in received:
        if field.optional:
            return None
        raise MessageError(f"{field.owner}: the field '{field.name}' is missing.")
    value = received.pop(field.key)
    if field.place is Place.ARRAY:
        value = _ndarray(field.owner, field.name, value)
    return field.restore(value)


def _array_record(arrays: Mapping[str, object]) -> ArrayRecord:
    record = ArrayRecord()
    for name, array in arrays.items():
        record[name] = Array(np.asarray(array))
    return record


def _plain(value: object) -> object:
    """Give what a ``ConfigRecord`` holds: enumerations as their values, tuples as lists."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _ndarray(owner: str, name: str, array: object) -> np.ndarray:
    """View an array's bytes without copying them; pickled content is refused."""
    where = f"{owner}: the array '{name[:_LONGEST_QUOTE]}'"
    if not isinstance(array, Array) or array.stype != _NUMPY_STYPE:
        raise MessageError(f"{where} is not a NumPy array.")
    stream = BytesIO(array.data)
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format
        read = header.read_array_header_1_0 if version == _NPY_1_0 else header.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        if dtype.hasobject:
            raise MessageError(f"{where} holds Python objects, which are never unpickled.")
        flat = np.frombuffer(array.data, dtype, offset=stream.tell())
        view = flat.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:
        raise MessageError(f"{where} is damaged.") from error
    if tuple(array.shape) != view.shape or array.dtype != str(view.dtype):
        raise MessageError(
            f"{where} says {array.dtype[:20]} with shape {tuple(array.shape)}; "
            f"its bytes are {view.dtype} with shape {view.shape}."
        )
    return view
