"""The road to the sites over a Flower ``Grid``: ask everybody, check every reply, name failures.

A node of Flower becomes a site when it has answered the census with a name, the server's code
digest and finite figures. A site that fails an exchange is recorded and left out of that exchange
only. Nodes that appear later, or come back under another number, take the census before the next
exchange.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from server.events import EventKind, EventStore
from server.reply_checks import check_reply
from server.site_failures import SiteFailure, refusal_sentence, site_failure
from server.traffic import Traffic
from shared.errors import MessageError, QuorumError, Refusal, RefusedError
from shared.messages.census import CensusReply, CensusRequest
from shared.messages.training import TrainingReply, TrainingRequest
from shared.settings import RunSettings
from shared.wire.actions import flower_type_of
from shared.wire.codec import decode, encode

Reply = TypeVar("Reply")
Progress = Callable[[str], None]
"""Takes one line for a person who waits."""

_POLL_SECONDS: Final = 1.0
_LINE_SECONDS: Final = 30.0
"""A wait is announced at once and then this often."""


class SiteExchange:
    """Implements ``shared.messages.exchange.Ask`` over Flower.

    Attributes:
        traffic: Of the last exchange.
        refusals: Sites that refused on purpose to answer the last exchange, and why.
    """

    def __init__(
        self,
        grid: Grid,
        settings: RunSettings,
        events: EventStore,
        code_digest: str,
        progress: Progress,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            grid: Flower's, real or simulated.
            settings: Quorum and waiting times.
            events: Where replies and failures are recorded.
            code_digest: Of the server's own code; sites with another are left out.
            progress: Told whom the run waits for.
        """
        self._grid = grid
        self._settings = settings
        self._events = events
        self._code_digest = code_digest
        self._progress = progress
        self._sites: dict[int, str] = {}
        self._patients: dict[str, int] = {}
        self._refused: dict[int, str] = {}
        self._census: CensusRequest | None = None
        self._replies: dict[str, CensusReply] = {}
        self.traffic = Traffic()
        self.refusals: Mapping[str, Refusal] = {}

    def __call__(self, request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        """Ask every site that is online; see ``Ask``.

        Raises:
            QuorumError: If fewer than ``min_sites`` were there or answered usably; names the
                missing sites and the reasons.
            RefusedError: If that is because sites refused.
        """
        if isinstance(request, CensusRequest):
            self._census = request
            self._sites.clear()
            self._refused.clear()
        online = self._wait_for_quorum()
        if isinstance(request, CensusRequest):
            return self._census_replies(reply_type)
        replies, failures = self._exchange(request, reply_type, online)
        named = {self._sites[node]: reply for node, reply in replies.items()}
        failed = {self._sites[node]: failure for node, failure in failures.items()}
        self._record(request, named, failed)
        self.refusals = {s: f.refusal for s, f in failed.items() if f.refusal is not None}
        if len(named) < self._settings.min_sites:
            needed = self._settings.min_sites
            if len(named) + len(self.refusals) >= needed:
                raise RefusedError(refusal_sentence(needed, len(named), self.refusals))
            raise QuorumError(self._quorum_sentence(named, failed))
        return dict(sorted(named.items()))

    @property
    def sites(self) -> tuple[str, ...]:
        """Give the names of all sites met so far, sorted."""
        return tuple(sorted(self._sites.values()))

    def _census_replies(self, reply_type: type[Reply]) -> Mapping[str, Reply]:
        replies = {name: self._replies[name] for name in self.sites}
        return {name: reply for name, reply in replies.items() if isinstance(reply, reply_type)}

    def _wait_for_quorum(self) -> list[int]:
        """Wait until enough admitted sites are online; take the census of newcomers meanwhile."""
        started = time.monotonic()
        announced = -_LINE_SECONDS
        while True:
            nodes = set(self._grid.get_node_ids())
            # A refused node that went away may come back repaired.
            self._refused = {n: why for n, why in self._refused.items() if n in nodes}
            if newcomers := sorted(nodes - set(self._sites) - set(self._refused)):
                self._introduce(newcomers, nodes)
            online = sorted(nodes & set(self._sites))
            waited = time.monotonic() - started
            if len(online) >= self._settings.min_sites:
                return online
            here = {self._sites[node]: None for node in online}
            sentence = self._quorum_sentence(here, {})
            if waited >= self._settings.wait_seconds:
                self._events.append(EventKind.STOP, reason="quorum", sites=len(here))
                raise QuorumError(sentence)
            if waited - announced >= _LINE_SECONDS:
                announced = waited
                self._progress(f"Waiting. {sentence}")
                self._events.append(
                    EventKind.WAIT, sites=len(here), needed=self._settings.min_sites
                )
            time.sleep(_POLL_SECONDS)

    def _introduce(self, newcomers: list[int], online: set[int]) -> None:
        """Take the census of nodes that have no name yet."""
        if self._census is None:
            raise MessageError("Expected a census before any other exchange, got none. Ask first.")
        replies, failures = self._exchange(self._census, CensusReply, newcomers)
        for node, failure in failures.items():
            self._refuse(node, failure.reason)
        for node, reply in sorted(replies.items(), key=lambda item: item[1].site):
            gone = [n for n, name in self._sites.items() if name == reply.site]
            if reply.code_digest != self._code_digest:
                self._refuse(node, "runs other code than the server", reply.site)
            elif any(other in online for other in gone):
                self._refuse(node, "carries the name of a site that is already here", reply.site)
            else:
                for other in gone:
                    del self._sites[other]
                self._sites[node] = reply.site
                self._replies[reply.site] = reply
                self._patients[reply.site] = reply.training_patients
                self._events.append(
                    EventKind.CENSUS,
                    site=reply.site,
                    patients=reply.patients,
                    events=reply.events,
                    training_patients=reply.training_patients,
                    seconds=reply.seconds,
                )

    def _refuse(self, node: int, reason: str, site: str = "") -> None:
        name = site or f"node {node}"
        self._refused[node] = f"{name} ({reason})"
        self._events.append(EventKind.ERROR, site=name, reason=reason)
        self._progress(f"Left out: {name}: {reason}.")

    def _exchange(
        self, request: object, reply_type: type[Reply], nodes: list[int]
    ) -> tuple[dict[int, Reply], dict[int, SiteFailure]]:
        """Send one request to some nodes; sort what comes back into replies and failures."""
        started = time.monotonic()
        content = encode(request)
        timeout = float(self._settings.round_timeout_seconds)
        kind = flower_type_of(type(request))
        # The record is shared: Flower pushes the same content once for all nodes.
        messages = [Message(content, node, kind, ttl=timeout) for node in nodes]
        answers = list(self._grid.send_and_receive(messages, timeout=timeout))
        # An unavailable node's error comes from the SuperLink itself, so its sender says nothing.
        node_of = {
            message.metadata.message_id: message.metadata.dst_node_id for message in messages
        }
        replies: dict[int, Reply] = {}
        failures = {node: SiteFailure("no reply in time") for node in nodes}
        received = 0
        while answers:
            answer = answers.pop()
            node = node_of.get(answer.metadata.reply_to_message_id)
            if node is None or node in replies:
                continue
            if answer.has_error():
                failures[node] = site_failure(answer.error.code, answer.error.reason or "")
                continue
            received += _size(answer.content)
            try:
                reply = decode(answer.content, reply_type)
                check_reply(request, reply)
                self._check_weight(node, request, reply)
            except MessageError as error:
                failures[node] = SiteFailure(f"refused: {error}")
                continue
            replies[node] = reply
            del failures[node]
        self.traffic = Traffic(
            bytes_sent=_size(content) * len(nodes),
            bytes_received=received,
            seconds=time.monotonic() - started,
            failed=tuple(sorted(self._sites.get(node, f"node {node}") for node in failures)),
        )
        return replies, failures

    def _check_weight(self, node: int, request: object, reply: object) -> None:
        """Refuse an update that claims other patients than the site's census."""
        if not isinstance(reply, TrainingReply) or not isinstance(request, TrainingRequest):
            return
        known = self._patients.get(self._sites.get(node, ""), -1)
        # Where a fold is left out, fewer patients are trained on; never more.
        claimed = reply.training_patients
        wrong = claimed > known if request.fold else claimed != known
        if known >= 0 and wrong:
            raise MessageError(
                f"Expected the {known} training patients of the census"
                f"{' or fewer' if request.fold else ''}, got {claimed}."
            )

    def _record(
        self, request: object, named: Mapping[str, object], failed: Mapping[str, SiteFailure]
    ) -> None:
        round_number = getattr(request, "round", 0)
        message = type(request).__name__
        for site in sorted(named):
            self._events.append(
                EventKind.REPLY, round_number=round_number, site=site, message=message
            )
        for site, failure in sorted(failed.items()):
            self._events.append(
                EventKind.ERROR,
                round_number=round_number,
                site=site,
                message=message,
                reason=failure.reason,
                code=failure.code,
            )
            self._progress(f"{site}: {failure.reason}; left out of this exchange.")

    def _quorum_sentence(
        self, here: Mapping[str, object], failed: Mapping[str, SiteFailure]
    ) -> str:
        """Say who is here and whom the run waits for."""
        missing = [f"{site} ({failed[site].reason})" for site in sorted(failed)]
        missing += sorted(f"{s} (offline)" for s in set(self.sites) - set(here) - set(failed))
        missing += sorted(self._refused.values())
        lacking = self._settings.min_sites - len(here) - len(missing)
        if lacking > 0:
            missing.append(f"{lacking} not yet known")
        return (
            f"Expected at least {self._settings.min_sites} sites, got {len(here)}: "
            f"{', '.join(sorted(here)) or 'none'}. Missing: {', '.join(missing)}. "
            "Start the missing sites or lower min-sites."
        )


def _size(content: RecordDict) -> int:
    """Count payload bytes; Flower's own count fails on an empty text or list in a config record."""
    words = sum(_words_size(record) for record in content.config_records.values())
    arrays = sum(record.count_bytes() for record in content.array_records.values())
    return words + arrays + sum(record.count_bytes() for record in content.metric_records.values())


def _words_size(record: ConfigRecord) -> int:
    values = [
        v for value in record.values() for v in (value if isinstance(value, list) else [value])
    ]
    number = 8  # Flower sends integers and floats in 64 bits
    sizes = [len(v) if isinstance(v, (str, bytes)) else number for v in values]
    return sum(map(len, record)) + sum(sizes)
