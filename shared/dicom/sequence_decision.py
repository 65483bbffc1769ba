"""What a series of MRI was taken for, and why."""

from dataclasses import dataclass

from shared.dicom.series import CandidateSeries
from shared.vocabulary import MriRole

SILENT = "nothing in its header names a phase"
"""The question of a T1 series that only its place in a dynamic study could name."""


@dataclass(frozen=True)
class SequenceDecision:
    """What a series is, and why.

    Attributes:
        series: The candidate.
        role: What it is, or None if a person must say.
        evidence: What speaks for it, as clauses without quotations from the file.
        confidence: In [0, 1]: 1 a person, 0.95 two agreeing sources, 0.8 text or physics, 0.7
            time or a pair of echoes, 0.6 order.
        question: What a person is asked; empty where the role is decided.
    """

    series: CandidateSeries
    role: MriRole | None
    evidence: tuple[str, ...]
    confidence: float
    question: str = ""


def ask(series: CandidateSeries, evidence: tuple[str, ...], why: str) -> SequenceDecision:
    """Leave a series to a person."""
    return SequenceDecision(series, None, evidence, 0.0, why)
