"""A federation of plain functions: each site answers from its own arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest


@dataclass
class LocalFederation:
    """Sites as functions from request to reply, with a transcript and sites that drop out.

    ``gone_at`` says at which exchange (from 0) a site stops answering.
    """

    answers: Mapping[str, Callable]
    gone_at: Mapping[str, int] = field(default_factory=dict)
    transcript: list = field(default_factory=list)

    def __call__(self, request, reply_type):
        exchange = len(self.transcript)
        replies = {
            site: answer(request)
            for site, answer in sorted(self.answers.items())
            if exchange < self.gone_at.get(site, exchange + 1)
        }
        if any(not isinstance(reply, reply_type) for reply in replies.values()):
            raise TypeError
        self.transcript.append((request, replies))
        return replies


@pytest.fixture(scope="session")
def federation():
    return LocalFederation
