from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jaxtyping import Float64, Int64

from shared.errors import MessageError
from shared.messages.training import TrainingReply, TrainingRequest
from shared.wire.codec import decode, encode, message_name


class Shade(StrEnum):
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True)
class Everything:
    counts: Int64[np.ndarray, " class"]
    table: Float64[np.ndarray, "patient feature"]
    level: float
    steps: int
    name: str
    ready: bool
    shade: Shade
    edges: tuple[float, ...]
    words: tuple[str, ...]
    pair: tuple[int, int]
    note: str | None = None
    extra: Float64[np.ndarray, " feature"] | None = None


EVERYTHING = Everything(
    counts=np.array([3, 4]),
    table=np.arange(6.0).reshape(2, 3),
    level=0.5,
    steps=3,
    name="north",
    ready=True,
    shade=Shade.LIGHT,
    edges=(0.0, 0.5),
    words=("a", "b"),
    pair=(1, 2),
)


def reply(weights: dict[str, np.ndarray]) -> TrainingReply:
    return TrainingReply(weights, 12, 0.5, 3.5, 4, 7, 1.25)


def same(first: object, second: object) -> bool:
    return all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(vars(first).values(), vars(second).values(), strict=True)
    )


arrays = hnp.arrays(
    dtype=st.sampled_from([np.float32, np.float64, np.int64]),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    elements={"allow_nan": False},
)


@settings(max_examples=40, deadline=None)
@given(weights=st.dictionaries(st.text(min_size=1, max_size=12), arrays, max_size=5))
def test_weights_of_any_shape_survive_the_round_trip(weights: dict[str, np.ndarray]) -> None:
    back = decode(encode(reply(weights)), TrainingReply)
    assert list(back.weights) == list(weights)
    for name, array in weights.items():
        assert back.weights[name].dtype == array.dtype
        assert back.weights[name].shape == array.shape
        assert np.array_equal(back.weights[name], array)


@settings(max_examples=40, deadline=None)
@given(
    level=st.floats(allow_nan=False),
    steps=st.integers(-(2**62), 2**62),
    name=st.text(),
    edges=st.lists(st.floats(allow_nan=False)).map(tuple),
    words=st.lists(st.text()).map(tuple),
    note=st.none() | st.text(),
)
def test_every_kind_of_field_survives_the_round_trip(level, steps, name, edges, words, note):  # type: ignore[no-untyped-def]
    message = replace(
        EVERYTHING, level=level, steps=steps, name=name, edges=edges, words=words, note=note
    )
    assert same(decode(encode(message), Everything), message)


def test_an_optional_array_travels_when_it_is_there():
    message = replace(EVERYTHING, extra=np.array([1.0, 2.0]))
    assert same(decode(encode(message), Everything), message)


def test_numbers_keep_their_types():
    back = decode(encode(replace(EVERYTHING, level=2.0)), Everything)
    assert type(back.level) is float
    assert type(back.steps) is int
    assert back.shade is Shade.LIGHT


def test_a_training_reply_is_what_flowers_strategies_expect():
    content = encode(reply({"a": np.ones(3, np.float32)}))
    assert list(content.array_records) == ["arrays"]
    assert list(content.metric_records) == ["metrics"]
    assert content["metrics"]["num-examples"] == 12


def test_received_arrays_are_read_only_views():
    content = encode(reply({"a": np.arange(3, dtype=np.float32)}))
    view = decode(content, TrainingReply).weights["a"]
    assert not view.flags.writeable
    assert not view.flags.owndata


def test_another_message_is_refused_by_name():
    with pytest.raises(MessageError, match=r"TrainingRequest, got 'TrainingReply'"):
        decode(encode(reply({})), TrainingRequest)


def test_records_without_a_name_are_refused():
    content = encode(reply({}))
    content["config"] = ConfigRecord()
    with pytest.raises(MessageError, match="its type's name"):
        message_name(content)


def test_a_missing_field_is_named():
    content = encode(reply({}))
    del content["metrics"]["steps"]
    with pytest.raises(MessageError, match="'steps' is missing"):
        decode(content, TrainingReply)


def test_the_missing_weight_of_the_average_is_named_as_the_message_names_it():
    content = encode(reply({}))
    del content["metrics"]["num-examples"]
    with pytest.raises(MessageError, match="'training_patients' is missing"):
        decode(content, TrainingReply)


def test_an_unexpected_field_is_named():
    content = encode(reply({}))
    content["metrics"]["age"] = 61
    with pytest.raises(MessageError, match="unexpected fields 'age'"):
        decode(content, TrainingReply)


def test_an_unexpected_record_is_named():
    content = encode(reply({}))
    content["rows"] = MetricRecord({"a": 1})
    with pytest.raises(MessageError, match="unexpected record 'rows'"):
        decode(content, TrainingReply)


@pytest.mark.parametrize("record", ["arrays", "metrics", "config"])
def test_a_missing_record_is_refused(record: str) -> None:
    content = encode(reply({"a": np.ones(2)}))
    del content[record]
    with pytest.raises(MessageError):
        decode(content, TrainingReply)


def test_a_number_of_the_wrong_type_is_named():
    content = encode(reply({}))
    content["metrics"]["steps"] = 2.5
    with pytest.raises(MessageError, match=r"'steps' should be int, got a value of type float"):
        decode(content, TrainingReply)


def test_a_list_where_a_number_belongs_is_named():
    content = encode(reply({}))
    content["metrics"]["training_loss"] = [1.0, 2.0]
    with pytest.raises(MessageError, match="'training_loss'"):
        decode(content, TrainingReply)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3), np.float32), np.zeros(6), np.zeros((2, 3, 1)), np.zeros((2, 3), int)]
)
def test_an_array_of_the_wrong_dtype_or_shape_is_named(array: np.ndarray) -> None:
    content = encode(EVERYTHING)
    content["named-arrays"]["table"] = Array(array)
    with pytest.raises(MessageError, match="'table'"):
        decode(content, Everything)


def test_an_array_whose_label_lies_is_refused():
    content = encode(reply({"a": np.ones(4, np.float32)}))
    honest = content["arrays"]["a"]
    content["arrays"]["a"] = Array("float32", (1,), honest.stype, honest.data)
    with pytest.raises(MessageError, match=r"array 'a' says float32 with shape \(1,\)"):
        decode(content, TrainingReply)


def test_damaged_array_bytes_are_refused():
    content = encode(reply({"a": np.ones(4, np.float32)}))
    honest = content["arrays"]["a"]
    content["arrays"]["a"] = Array("float32", (4,), honest.stype, honest.data[:-3])
    with pytest.raises(MessageError, match="array 'a' is damaged"):
        decode(content, TrainingReply)


def test_python_objects_are_never_unpickled():

    stream = BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    content = encode(reply({}))
    content["arrays"] = ArrayRecord(
        {"a": Array("object", (1,), "numpy.ndarray", stream.getvalue())}
    )
    with pytest.raises(MessageError, match="never unpickled"):
        decode(content, TrainingReply)


def test_encoding_names_a_value_that_does_not_fit():
    with pytest.raises(MessageError, match="'level' should be float, got a value of type str"):
        encode(replace(EVERYTHING, level="high"))


def test_a_field_that_cannot_travel_is_refused():
    @dataclass(frozen=True)
    class Strange:
        rows: list[dict[str, str]]

    with pytest.raises(MessageError, match=r"Strange\.rows"):
        encode(Strange([]))
