"""What a hospital permits to leave, from its own settings file; the server cannot change it."""

from dataclasses import dataclass

from client.site_settings import SiteSettings
from shared.privacy.disclosure_rules import site_minimum

LARGEST_MESSAGE_BYTES = 2**30
"""Far above the published network (140 MB); stops an update that carries something else."""


@dataclass(frozen=True)
class Policy:
    """The hospital's rules for one reply.

    Attributes:
        minimum_count: Counts from 1 up to one less than this are withheld; at least 5.
        largest_message_bytes: A larger reply is refused.
    """

    minimum_count: int
    largest_message_bytes: int = LARGEST_MESSAGE_BYTES


def policy_of(site: SiteSettings) -> Policy:
    """Make the policy of a site.

    Args:
        site: The hospital's settings.

    Returns:
        The policy.

    Raises:
        SettingsError: If the minimum count is below 5.
    """
    return Policy(minimum_count=site_minimum(site.minimum_count))
