"""How a stage on the server talks to the sites, without knowing Flower."""

from collections.abc import Mapping
from typing import Protocol, TypeVar, runtime_checkable

Reply = TypeVar("Reply")


@runtime_checkable
class Ask(Protocol):
    """Send one request to every site that takes part and collect the replies.

    ``server.transport`` implements it over Flower; tests implement it over local data with a
    dictionary comprehension. The implementation validates every reply, leaves out sites that
    failed (naming them in the event log), and refuses to return fewer replies than the quorum.
    """

    def __call__(self, request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        """Give the replies by site name, sorted by name.

        Args:
            request: A message of ``shared.messages``.
            reply_type: The message type every site must answer with.

        Raises:
            QuorumError: If fewer sites answered than the run needs.
        """
        ...
