"""The one road of every sum from the sites to the server.

A stage asks a ``SumChannel`` and gets a total; it never sees one site's share. ``PlainSumChannel``
adds up shares that arrive in the clear. A channel with cancelling masks can take its place without
changing a bit of any result, because shares are integers modulo 2^64 already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from shared.aggregation.fixed_point import MAX_SITES, add_words, check_length, decode_sums
from shared.errors import DisclosureError, MessageError, Problem, QuorumError
from shared.messages.exchange import Ask
from shared.messages.sums import SumReply, SumRequest

MINIMUM_SITES = 3
"""With two sites in a sum, each knows the other's share."""

ATTEMPTS = 3
"""How often a computation of several exchanges starts again after the sites changed."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class SumTotal:
    """A total over the sites.

    Attributes:
        values: The arrays of the request's ``sums`` by name: int64 counts, float64 else.
        sites: Whose shares are in it, sorted.
    """

    values: Mapping[str, np.ndarray]
    sites: tuple[str, ...]


@runtime_checkable
class SumChannel(Protocol):
    """Ask every site for its share of a sum and give the total."""

    def __call__(self, request: SumRequest) -> SumTotal:
        """Give the total of what the request sums.

        Raises:
            QuorumError: If too few sites answered.
            DisclosureError: If the sum would stand for too few sites.
            MessageError: If a share has a wrong length.
        """
        ...


@dataclass(frozen=True)
class PlainSumChannel:
    """Sums whose shares the server can read; the protection is what the shares contain.

    Attributes:
        ask: The road to the sites.
        minimum_sites: Fewer sites in a sum are refused.
    """

    ask: Ask
    minimum_sites: int = MINIMUM_SITES

    def __call__(self, request: SumRequest) -> SumTotal:
        """Give the total of what the request sums.

        Raises:
            QuorumError: If too few sites answered at all.
            DisclosureError: If fewer than ``minimum_sites`` are in the sum.
            MessageError: If shares have a wrong length (all of them are named), or there are
                more sites than a sum can hold without wrapping around.
        """
        fields = request.sums
        replies = self.ask(request, SumReply)
        if len(replies) < self.minimum_sites:
            raise DisclosureError(
                f"Expected at least {self.minimum_sites} sites in a sum, got {len(replies)}: "
                "a sum over fewer would show what one site sent. Wait for more sites."
            )
        if len(replies) > MAX_SITES:
            raise MessageError(
                f"Expected at most {MAX_SITES} sites in a sum, got {len(replies)}: "
                "the total could wrap around. Run two federations."
            )
        problems: list[Problem] = []
        total = np.zeros(sum(field.words for field in fields), dtype=np.int64)
        for site, reply in sorted(replies.items()):
            try:
                check_length(fields, reply.words)
            except MessageError:
                expected = f"{total.size} words"
                fix = "Install the same version at the site and the server."
                problems.append(Problem(site, f"{reply.words.size} words", expected, fix))
            else:
                total = add_words(total, reply.words)
        if problems:
            raise MessageError("A sum cannot be formed.", problems)
        return SumTotal(decode_sums(fields, total), tuple(sorted(replies)))


def over_steady_sites(
    channel: SumChannel, work: Callable[[SumChannel], Result], attempts: int = ATTEMPTS
) -> Result:
    """Do a computation of several exchanges with the same sites throughout.

    Sums of different exchanges belong together only if the same sites are in them. When a site
    drops out (or comes back) half-way, the computation starts again with those who answer now.

    Args:
        channel: The road of the sums.
        work: The computation; it must use the channel it is given.
        attempts: How often it may be tried.

    Returns:
        What the work returned, from one set of sites.

    Raises:
        QuorumError: If the sites changed in every attempt, or too few answered.
    """
    if isinstance(channel, _SteadyChannel):
        # Part of a larger computation, which starts again as a whole.
        return work(channel)
    changed: tuple[str, ...] = ()
    for _ in range(attempts):
        try:
            return work(_SteadyChannel(channel))
        except _SitesChangedError as error:
            changed = error.sites
    raise QuorumError(
        f"Expected the same sites from the first exchange to the last, but {', '.join(changed)} "
        f"came or went in each of {attempts} attempts. Start again when the sites are stable."
    )


class _SitesChangedError(QuorumError):
    """Between two exchanges a site left or came back."""

    def __init__(self, sites: tuple[str, ...]) -> None:
        self.sites = sites
        super().__init__(f"Expected the same sites in every exchange, {', '.join(sites)} changed.")


class _SteadyChannel:
    """A channel that refuses a total over other sites than the first one."""

    def __init__(self, channel: SumChannel) -> None:
        self._channel = channel
        self._sites: tuple[str, ...] | None = None

    def __call__(self, request: SumRequest) -> SumTotal:
        total = self._channel(request)
        if self._sites is None:
            self._sites = total.sites
        elif self._sites != total.sites:
            raise _SitesChangedError(tuple(sorted(set(self._sites) ^ set(total.sites))))
        return total
