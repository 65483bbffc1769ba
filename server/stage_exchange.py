"""The road to the sites for one stage: who fails one of its questions is left out to its end.

Sums of one stage belong together, so they need the same sites throughout. A site that refuses a
question would refuse it again; without this road the stage would start over until it gave up.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from server.site_failures import refusal_sentence
from server.traffic import Traffic
from shared.errors import QuorumError, Refusal, RefusedError
from shared.messages.exchange import Ask

Reply = TypeVar("Reply")


class StageExchange:
    """An ``Ask`` that remembers whom the stage goes on without, and what it cost.

    Attributes:
        left_out: Sites that failed a question, and why where they refused it on purpose.
        sites: Who answered the last question and is in the stage.
        exchanges: Questions so far.
        bytes_sent: Payload sent to all sites together.
        bytes_received: Payload received from all sites together.
    """

    def __init__(
        self,
        ask: Ask,
        traffic: Callable[[], Traffic],
        refusals: Callable[[], Mapping[str, Refusal]],
        minimum_sites: int,
    ) -> None:
        """Begin a stage.

        Args:
            ask: The road that all stages share.
            traffic: Tells what its last exchange cost.
            refusals: Tells who refused its last exchange.
            minimum_sites: Quorum of the run.
        """
        self._ask, self._traffic, self._refusals = ask, traffic, refusals
        self._minimum = minimum_sites
        self.left_out: dict[str, Refusal | None] = {}
        self.sites: tuple[str, ...] = ()
        self.exchanges = self.bytes_sent = self.bytes_received = 0

    def __call__(self, request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        """Ask; see ``Ask``.

        Raises:
            QuorumError: If too few sites answered.
            RefusedError: If that is because sites refused this or an earlier question.
        """
        try:
            replies = self._ask(request, reply_type)
        finally:
            self._account()
        kept = {site: reply for site, reply in replies.items() if site not in self.left_out}
        if len(kept) < self._minimum:
            raise self._too_few(len(kept))
        self.sites = tuple(sorted(kept))
        return kept

    def _account(self) -> None:
        traffic, refusals = self._traffic(), self._refusals()
        self.exchanges += 1
        self.bytes_sent += traffic.bytes_sent
        self.bytes_received += traffic.bytes_received
        for site in traffic.failed:
            self.left_out.setdefault(site, refusals.get(site))

    def _too_few(self, count: int) -> QuorumError:
        refused = {site: why for site, why in self.left_out.items() if why is not None}
        if count + len(refused) >= self._minimum:
            return RefusedError(refusal_sentence(self._minimum, count, refused))
        return QuorumError(
            f"Expected at least {self._minimum} sites in every question of the stage, got {count}. "
            f"Left out: {', '.join(sorted(self.left_out))}. Ask those sites for their log."
        )
