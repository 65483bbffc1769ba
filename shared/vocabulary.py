"""Closed word lists: CT phases, MRI sequences, RECIST responses, patient splits."""

from enum import StrEnum


class CtPhase(StrEnum):
    """A contrast phase of abdominal CT (Liao 2024, section 2.2)."""

    PLAIN = "plain"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    DELAYED = "delayed"


class MriSequence(StrEnum):
    """A sequence of liver MRI (Quan 2024, Methods, MRI)."""

    T1_ARTERIAL = "t1_arterial"
    T1_PORTAL = "t1_portal"
    T1_DELAYED = "t1_delayed"
    T2_FSE = "t2_fse"
    DUAL_ECHO = "dual_echo"


class MriRole(StrEnum):
    """What a series of liver MRI is; ``other`` is recognised and used by no study."""

    T1_PLAIN = "t1_plain"
    T1_ARTERIAL = "t1_arterial"
    T1_PORTAL = "t1_portal"
    T1_DELAYED = "t1_delayed"
    T1_HEPATOBILIARY = "t1_hepatobiliary"
    T2_FSE = "t2_fse"
    T2_SINGLE_SHOT = "t2_single_shot"
    IN_PHASE = "in_phase"
    OPPOSED_PHASE = "opposed_phase"
    OTHER = "other"


ImageRole = CtPhase | MriRole
"""What a series of a study can be."""

Channel = CtPhase | MriSequence
"""What one plane of a network's input shows."""


class RecistResponse(StrEnum):
    """Best response by RECIST 1.1 (Eisenhauer 2009)."""

    COMPLETE = "CR"
    PARTIAL = "PR"
    STABLE = "SD"
    PROGRESSIVE = "PD"


class Split(StrEnum):
    """What a patient serves for; a patient is in one split only."""

    TRAINING = "training"
    INNER_VALIDATION = "inner_validation"
    HELD_OUT = "held_out"
