"""A sum is over enough sites, all of one length, and the same sites throughout."""

from dataclasses import dataclass

import numpy as np
import pytest

from shared.aggregation.fixed_point import MAX_SITES
from shared.aggregation.sum_channel import PlainSumChannel, over_steady_sites
from shared.errors import DisclosureError, MessageError, QuorumError
from shared.messages.sums import SumField, SumKind, SumReply


@dataclass(frozen=True)
class Count:
    sums: tuple[SumField, ...] = (SumField("n", (2,), SumKind.COUNT),)


def sites_with(**words):
    return lambda _request, _reply: {
        name: SumReply(np.array(value, dtype=np.int64)) for name, value in words.items()
    }


def test_a_total_names_its_sites_in_order():
    total = PlainSumChannel(sites_with(c=[1, 2], a=[3, 4], b=[5, 6]))(Count())
    assert total.values["n"].tolist() == [9, 12]
    assert total.sites == ("a", "b", "c")


def test_two_sites_are_refused():
    with pytest.raises(DisclosureError, match="at least 3 sites"):
        PlainSumChannel(sites_with(a=[1, 2], b=[3, 4]))(Count())


def test_more_sites_than_a_sum_can_hold_are_refused():
    many = {f"s{i}": [1, 1] for i in range(MAX_SITES + 1)}
    with pytest.raises(MessageError, match="wrap around"):
        PlainSumChannel(sites_with(**many))(Count())


def test_every_share_of_a_wrong_length_is_named():
    with pytest.raises(MessageError) as caught:
        PlainSumChannel(sites_with(a=[1, 2], b=[3], c=[4, 5, 6]))(Count())
    assert [problem.where for problem in caught.value.problems] == ["b", "c"]


def test_a_computation_starts_again_without_the_site_that_left():
    present = iter([{"a": [1, 1], "b": [1, 1]}, {"a": [1, 1]}, {"a": [2, 2]}, {"a": [3, 3]}])

    def ask(*arguments):
        return sites_with(**next(present))(*arguments)

    channel = PlainSumChannel(ask, minimum_sites=1)

    def twice(steady):
        return [steady(Count()).values["n"].tolist() for _ in range(2)]

    assert over_steady_sites(channel, twice) == [[2, 2], [3, 3]]


def test_sites_that_change_in_every_attempt_are_named():
    turns = iter(range(100))

    def ask(*arguments):
        return sites_with(**{"a": [1, 1], f"b{next(turns)}": [1, 1]})(*arguments)

    with pytest.raises(QuorumError, match=r"b4, b5 came or went in each of 3 attempts"):
        over_steady_sites(
            PlainSumChannel(ask, minimum_sites=1), lambda steady: [steady(Count()), steady(Count())]
        )
