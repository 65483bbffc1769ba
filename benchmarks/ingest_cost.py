"""What one line of the ingest benchmark says, and the words it is asked with."""

from dataclasses import dataclass

REFERENCE = "decoder + resampling"
"""The road to which all others are compared."""

COMPRESSED = {
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "rle": "1.2.840.10008.1.2.5",
}
"""Transfer syntaxes (PS3.5 A.4) by the word that asks for them."""


@dataclass(frozen=True)
class Cost:
    """What one road took.

    Attributes:
        study: How the study's pixels are stored.
        road: Which road.
        cpu_seconds: Least of the repetitions.
        wall_seconds: Least of the repetitions.
        peak_memory_mb: Peak resident memory of the process, imports included.
    """

    study: str
    road: str
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
