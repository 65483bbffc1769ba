"""What the site will tell the coordinating centre about its data, for the site to see beforehand.

The same counts, withheld by the same rules, as the census reply that passes the release gate; a
test holds both equal.
"""

from dataclasses import asdict

from client.dataset import SiteData
from client.local_census import answer_census
from shared.messages.census import WITHHELD, CensusReply
from shared.privacy.disclosure_rules import may_release_count, may_release_parts

SCHEMA_VERSION = 1
_NOT_YET = ("code_digest", "seconds")
"""Parts of the reply that say nothing about patients and are only known in a run."""


def shareable_report(site: str, data: SiteData | None, minimum: int) -> dict[str, object]:
    """Give the counts that will leave.

    Args:
        site: Display name of the site.
        data: The site's patients, or None where it cannot take part.
        minimum: Smallest count above 0 that may leave.

    Returns:
        A JSON-serialisable document; a withheld count is null and named in ``withheld``.
    """
    leaving: dict[str, object] = {}
    if data is not None:
        reply = answer_census(site, "", data, 0.0)
        hidden = _hidden(reply, minimum)
        leaving = {
            name: None if name in hidden or value == WITHHELD else value
            for name, value in asdict(reply).items()
            if name not in _NOT_YET
        }
    return {
        "schema_version": SCHEMA_VERSION,
        "about": "Everything that leaves about this site's patients before training begins. "
        "Counts below the minimum, and those they would follow from, are withheld.",
        "takes_part": data is not None,
        "minimum_count": minimum,
        "leaves": leaving,
        "withheld": sorted(name for name, value in leaving.items() if value is None),
    }


def _hidden(reply: CensusReply, minimum: int) -> set[str]:
    """Choose the counts to withhold, as the release gate does."""
    hidden: set[str] = set()
    if not may_release_parts((reply.inner_validation_patients, reply.held_out_patients), minimum):
        hidden |= {"inner_validation_patients", "held_out_patients"}
    if not may_release_parts((reply.events, reply.patients - reply.events), minimum):
        hidden.add("events")
    alone = ("patients", "training_patients", "excluded_patients")
    return hidden | {name for name in alone if not may_release_count(getattr(reply, name), minimum)}
