"""The server's part of the census: who takes part, with how many patients."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from shared.messages.census import WITHHELD, CensusReply, CensusRequest
from shared.messages.exchange import Ask
from shared.settings import ConfigValue

_COUNTS = (
    "patients",
    "events",
    "training_patients",
    "inner_validation_patients",
    "held_out_patients",
    "slices",
    "excluded_patients",
)


@dataclass(frozen=True)
class Census:
    """What the sites bring together.

    Attributes:
        sites: Replies by site name, sorted.
        totals: Sum of every count over the sites that gave it.
        withheld: For every count, how many sites withheld it.
    """

    sites: Mapping[str, CensusReply]
    totals: Mapping[str, int]
    withheld: Mapping[str, int]


def take_census(ask: Ask, config: Mapping[str, ConfigValue]) -> Census:
    """Ask every site what it brings; the sites prepare their data meanwhile.

    Args:
        ask: The road to the sites.
        config: The run config as the coordinator wrote it.

    Returns:
        The census.

    Raises:
        QuorumError: If too few sites answered.
    """
    request = CensusRequest(json.dumps(dict(config), sort_keys=True))
    replies = ask(request, CensusReply)
    counts = {name: [getattr(reply, name) for reply in replies.values()] for name in _COUNTS}
    return Census(
        sites=dict(sorted(replies.items())),
        totals={name: sum(n for n in given if n != WITHHELD) for name, given in counts.items()},
        withheld={name: given.count(WITHHELD) for name, given in counts.items()},
    )
