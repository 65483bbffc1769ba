import math
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SettingsError
from shared.messages.strict_json import decode, encode


@dataclass(frozen=True)
class Inner:
    words: tuple[str, ...]
    share: float | None


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    table: Mapping[str, str | int | float | bool]
    flag: bool = False


finite = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, st.lists(st.text()).map(tuple), finite | st.none())
outers = st.builds(
    Outer,
    st.integers(),
    inners,
    st.dictionaries(st.text(), st.text() | st.integers() | finite | st.booleans()),
    st.booleans(),
)


@given(outers)
def test_what_was_encoded_decodes_to_the_same_value_with_the_same_types(value):
    back = decode(Outer, encode(value), "thing")

    assert back == value
    assert {k: type(v) for k, v in back.table.items()} == {
        k: type(v) for k, v in value.table.items()
    }


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_by_field_name(number):
    with pytest.raises(SettingsError, match=r"inner\.share: expected a finite number"):
        encode(Outer(1, Inner((), number), {}))


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"count": True, "inner": {"words": [], "share": None}, "table": {}}, "count"),
        ({"count": 1.5, "inner": {"words": [], "share": None}, "table": {}}, "count"),
        ({"count": 1, "inner": {"words": "ab", "share": None}, "table": {}}, "inner.words"),
        ({"count": 1, "inner": {"words": [1], "share": None}, "table": {}}, "inner.words[0]"),
        ({"count": 1, "inner": {"words": [], "share": math.nan}, "table": {}}, "inner.share"),
        ({"count": 1, "inner": None, "table": {}}, "inner"),
        ({"count": 1, "inner": {"words": [], "share": 1}, "table": {"a": None}}, "table.a"),
        ({"count": 1, "inner": {"words": [], "share": 1}, "table": {}, "flag": 0}, "flag"),
        ([], "the whole"),
    ],
)
def test_one_wrong_field_is_named(data, where):
    with pytest.raises(SettingsError) as refusal:
        decode(Outer, data, "thing")

    assert [p.where for p in refusal.value.problems] == [where]


def test_a_missing_field_with_a_default_takes_it():
    data = {"count": 1, "inner": {"words": ["a"], "share": 2}, "table": {}}

    assert decode(Outer, data, "thing") == Outer(1, Inner(("a",), 2.0), {})
