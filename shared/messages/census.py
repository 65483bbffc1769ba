"""Census: who takes part, with how many patients, running which code."""

from dataclasses import dataclass

WITHHELD = -1
"""Stands for a count that the site's disclosure policy withholds."""


@dataclass(frozen=True)
class CensusRequest:
    """Ask a site what it brings to a run.

    Attributes:
        config_json: The run config as JSON, so that a site can prepare its data for the run.
    """

    config_json: str


@dataclass(frozen=True)
class CensusReply:
    """What a site brings; counts below the site's minimum are ``WITHHELD``.

    Attributes:
        site: The site's display name.
        code_digest: SHA-256 of the code that answered, hex; all sites and the server must agree.
        patients: Patients usable in the run.
        events: Those with the endpoint's event.
        training_patients: Patients trained on (without inner validation).
        inner_validation_patients: Patients that choose the best round.
        held_out_patients: Patients never trained on.
        slices: Prepared slices (per phase) of all usable patients.
        excluded_patients: Patients left out for a stated reason.
        seconds: Wall time the preparation took.
    """

    site: str
    code_digest: str
    patients: int
    events: int
    training_patients: int
    inner_validation_patients: int
    held_out_patients: int
    slices: int
    excluded_patients: int
    seconds: float
