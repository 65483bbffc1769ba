"""Flower's ``Grid`` in this process: the same apps, no cluster, no fixed cost.

Nodes work one after the other. Everything that crosses the border between server and node is
copied as serialised records; the bytes of an array are immutable, so they are shared instead of
copied. Each node keeps its own ``Context`` over the run, as in a deployment. What a ClientApp
raises becomes an error reply, as in Flower.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Final
from uuid import uuid4

from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Context,
    Error,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.app.message import make_message
from flwr.app.user_config import UserConfig
from flwr.clientapp import ClientApp
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from shared.settings import ConfigValue

_RUN_ID: Final = 1
_FIRST_NODE_ID: Final = 1001
"""Far from 1, which Flower reserves for the SuperLink."""


class InProcessGrid(Grid):
    """A grid whose nodes live in this process."""

    def __init__(
        self,
        client_app: ClientApp,
        node_configs: Sequence[Mapping[str, ConfigValue]],
        run_config: Mapping[str, ConfigValue],
    ) -> None:
        """Create the nodes.

        Args:
            client_app: Answers for every node.
            node_configs: One per node, as ``flower-supernode --node-config`` gives it.
            run_config: Of the run.
        """
        # Flower builds the metadata of every message from this process-wide identity.
        TaskIdentity.task_id = TaskIdentity.run_id = _RUN_ID
        TaskIdentity.node_id = SUPERLINK_NODE_ID
        self._client_app = client_app
        self._run = Run.create_empty(_RUN_ID)
        self._contexts = {
            node: Context(_RUN_ID, node, dict(config), RecordDict(), dict(run_config))
            for node, config in enumerate(node_configs, start=_FIRST_NODE_ID)
        }
        self._finished: dict[str, Message] = {}

    def set_run(self, run: Run) -> None:
        """Take another description of the run."""
        self._run = run

    @property
    def run(self) -> Run:
        """Describe the run."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Create a message; ``Message`` itself does the same."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Give the nodes, all of which are online."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Let the addressed nodes work; their replies wait to be pulled."""
        identifiers = []
        for message in messages:
            message.metadata.__dict__["_message_id"] = str(uuid4())
            identifiers.append(message.metadata.message_id)
            self._finished[message.metadata.message_id] = self._work(message)
        return identifiers

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Give the replies that are there, once."""
        return [self._finished.pop(i) for i in message_ids if i in self._finished]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and collect the replies.

        Args:
            messages: To any nodes.
            timeout: Seconds that one node may work, since real nodes work side by side; a reply
                that takes longer is lost, but its work is not interrupted.

        Returns:
            The replies.
        """
        replies: list[Message] = []
        for message in messages:
            started = time.monotonic()
            replies_of_node = self.pull_messages(self.push_messages([message]))
            if timeout is None or time.monotonic() - started <= timeout:
                replies.extend(replies_of_node)
        return replies

    def _work(self, message: Message) -> Message:
        context = self._contexts.get(message.metadata.dst_node_id)
        if context is None:
            reason = "Error: Node Unavailable"
            return Message(Error(ErrorCode.NODE_UNAVAILABLE, reason), reply_to=message)
        delivered = make_message(message.metadata, _copied(message.content))
        try:
            reply = self._client_app(message=delivered, context=context)
        except Exception as error:  # noqa: BLE001  # Flower turns every exception of an app into an error reply
            reason = f"{type(error)}:<'{error}'>"
            return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason), reply_to=message)
        if reply.has_error():
            return Message(reply.error, reply_to=message)
        return Message(_copied(reply.content), reply_to=message)


def simulated_nodes(count: int) -> list[UserConfig]:
    """Give node configs as Flower's simulation engine does: a partition number each."""
    return [{"partition-id": number, "num-partitions": count} for number in range(count)]


def _copied(content: RecordDict) -> RecordDict:
    """Copy every record; arrays keep their immutable bytes."""
    return RecordDict({name: _copied_record(record) for name, record in content.items()})


def _copied_record(
    record: ArrayRecord | MetricRecord | ConfigRecord,
) -> ArrayRecord | MetricRecord | ConfigRecord:
    if isinstance(record, ArrayRecord):
        return ArrayRecord(
            {name: Array(a.dtype, tuple(a.shape), a.stype, a.data) for name, a in record.items()}
        )
    return deepcopy(record)
