"""Why a site gave no usable answer, in words that the server chose itself.

A site's error text could name a patient, so nothing of it is kept but two patterns: a reference to
the site's own log, and one of the closed words of ``Refusal``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.errors import Refusal

_TEXT: Final = re.compile(
    r"site (?:error|refusal (?P<word>[a-z-]{1,32})) ref (?P<ref>[0-9a-f]{12})"
)
_ERROR_WORDS: Final = {
    0: "unknown failure",
    1: "the site could not load the app",
    2: "the app failed at the site",
    3: "message lost",
    4: "no reply before it expired",
    5: "the site is offline",
    6: "a precondition failed at the site",
    7: "the site refused the app bundle",
    8: "the app stopped responding at the site",
}
"""Flower's codes."""
_REFUSAL_WORDS: Final = {
    Refusal.FEW_PATIENTS: "too few patients stand behind some part of the answer",
    Refusal.MANY_PARAMETERS: "too many parameters for the site's patients",
    Refusal.NEEDS_MASKS: "only a masked sum may answer this",
    Refusal.SPENT: "the answers permitted for this fit are used up",
    Refusal.POLICY: "the site's policy forbids it",
}


@dataclass(frozen=True)
class SiteFailure:
    """One site's failure in one exchange.

    Attributes:
        reason: What happened, as people read it.
        code: Flower's error code; None where the reply itself was unusable or missing.
        refusal: Why the site refused on purpose; None for any other failure.
    """

    reason: str
    code: int | None = None
    refusal: Refusal | None = None


def refusal_sentence(minimum: int, answered: int, refusals: Mapping[str, Refusal]) -> str:
    """Say who refused and why, sites with the same reason together.

    Args:
        minimum: Sites needed.
        answered: Sites that answered.
        refusals: Why, by site.
    """
    reasons = [
        f"{', '.join(sorted(site for site, why in refusals.items() if why is refusal))}: {words}"
        for refusal, words in _REFUSAL_WORDS.items()
        if refusal in refusals.values()
    ]
    return (
        f"Expected answers from at least {minimum} sites, got {answered}. "
        f"Sites refuse: {'; '.join(reasons)}."
    )


def site_failure(code: int, text: str) -> SiteFailure:
    """Read an error reply.

    Args:
        code: Flower's error code.
        text: What came with it; only a reference and a known word of refusal are taken.

    Returns:
        The failure.
    """
    found = _TEXT.fullmatch(text.strip())
    refusal = _refusal(found["word"]) if found else None
    words = _ERROR_WORDS.get(code, "unknown failure")
    if refusal is not None:
        words = f"the site refuses to answer: {_REFUSAL_WORDS[refusal]}"
    reference = f"; ask the site for error ref {found['ref']}" if found else ""
    return SiteFailure(f"{words}{reference}", code, refusal)


def _refusal(word: str | None) -> Refusal | None:
    return next((refusal for refusal in Refusal if refusal.value == word), None)
