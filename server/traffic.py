"""What one exchange with the sites cost, and who did not answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Traffic:
    """One exchange.

    Attributes:
        bytes_sent: Payload sent to all sites together.
        bytes_received: Payload received from all sites together.
        seconds: Wall time from the first byte out to the last reply.
        failed: Sites asked that gave no usable reply, by name, sorted.
    """

    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0
    failed: tuple[str, ...] = ()
