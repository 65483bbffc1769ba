"""Which Flower message type carries which of our messages.

Training uses Flower's ``train``; every other stage is a query named after its module, so that
``shared/messages/census.py`` travels as ``query.census``.
"""

from flwr.app import MessageType

_TRAINING = "training"


def stage_of(request_type: type) -> str:
    """Give the stem of a message type's module: ``census``, ``training``, ``evaluation``."""
    return request_type.__module__.rsplit(".", maxsplit=1)[-1]


def flower_type_of(request_type: type) -> str:
    """Give the Flower message type under which a request travels."""
    stage = stage_of(request_type)
    return MessageType.TRAIN if stage == _TRAINING else f"{MessageType.QUERY}.{stage}"
