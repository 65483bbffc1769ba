"""The server's part of the image features: send a fold's network out, learn that features are kept.

What leaves a site: a count. The features become columns that later questions of the run can name;
``ImageRunRoad`` writes the run's name into those questions.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from shared.messages.census import WITHHELD
from shared.messages.exchange import Ask
from shared.messages.image_features import ImageFeaturesReply, ImageFeaturesRequest

Reply = TypeVar("Reply")

_RUN_FIELD = "image_run"


def keep_features(ask: Ask, request: ImageFeaturesRequest) -> Mapping[str, int | None]:
    """Have the sites compute and keep the features of one fold.

    Args:
        ask: The road to the sites.
        request: The fold and its network.

    Returns:
        Patients by site; None where the count is withheld.

    Raises:
        QuorumError: If too few sites answered.
    """
    replies = ask(request, ImageFeaturesReply)
    return {
        site: None if reply.patients == WITHHELD else reply.patients
        for site, reply in sorted(replies.items())
    }


class ImageRunRoad:
    """An ``Ask`` whose questions about the sites' tables name the run's image features."""

    def __init__(self, ask: Ask, run: str) -> None:
        """Prepare.

        Args:
            ask: The road to the sites.
            run: Names the run's features at the sites.
        """
        self._ask, self._run = ask, run

    def __call__(self, request: object, reply_type: type[Reply]) -> Mapping[str, Reply]:
        """Ask; see ``Ask``."""
        return self._ask(self._named(request), reply_type)

    def _named(self, request: object) -> object:
        if not is_dataclass(request) or isinstance(request, type):
            return request
        named = _RUN_FIELD in {field.name for field in fields(request)}
        return replace(request, **{_RUN_FIELD: self._run}) if named else request
