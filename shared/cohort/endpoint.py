"""Endpoints: a named event and the RECIST categories that count as it.

The two studies disagree on what their sensitivity counts, so no endpoint is ever just "positive".
"""

from dataclasses import dataclass

from shared.vocabulary import RecistResponse


@dataclass(frozen=True)
class Endpoint:
    """A yes/no question about a patient's best response.

    Attributes:
        name: Stable key, used in files.
        event: What happened when the event happened, in words a clinician reads.
        no_event: The other class, in words.
        event_responses: The RECIST categories that are the event.
    """

    name: str
    event: str
    no_event: str
    event_responses: frozenset[RecistResponse]

    def is_event(self, response: RecistResponse) -> bool:
        """Tell whether a best response is this endpoint's event."""
        return response in self.event_responses


OBJECTIVE_RESPONSE = Endpoint(
    name="objective_response",
    event="objective response (CR or PR)",
    no_event="no objective response (SD or PD)",
    event_responses=frozenset({RecistResponse.COMPLETE, RecistResponse.PARTIAL}),
)
"""Liao 2024, section 2.1: responder = CR + PR."""

PROGRESSIVE_DISEASE = Endpoint(
    name="progressive_disease",
    event="progressive disease (PD)",
    no_event="disease control (CR, PR or SD)",
    event_responses=frozenset({RecistResponse.PROGRESSIVE}),
)
"""Quan 2024, Table 3: the sensitivity denominators (17 and 13) are the counts of PD."""
