"""What the series of a study can be, by its modality, and how a site writes it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from shared.dicom.mri_tables import SEQUENCE_OF
from shared.tasks.preparation_settings import MriPreparation, Preparation
from shared.tasks.sequence_selection import ROLE_SHOWN
from shared.vocabulary import Channel, CtPhase, ImageRole, MriRole


class Modality(StrEnum):
    """The kinds of study that a run can be about, as DICOM writes them."""

    CT = "CT"
    MR = "MR"


OFFERED: dict[Modality, tuple[ImageRole, ...]] = {
    Modality.CT: tuple(CtPhase),
    Modality.MR: tuple(role for role in MriRole if role is not MriRole.OTHER),
}
"""What a person may call a series; for one that is nothing of the kind there is another answer."""

USED: dict[Modality, tuple[ImageRole, ...]] = {
    Modality.CT: tuple(CtPhase),
    Modality.MR: tuple(SEQUENCE_OF),
}
"""What a run can ask for; each has a column of the manifest."""


def role_of(word: str) -> ImageRole:
    """Give the role of a stored word.

    Raises:
        ValueError: If no role has it.
    """
    return CtPhase(word) if word in {*CtPhase} else MriRole(word)


def modality_of(role: ImageRole) -> Modality:
    """Say whether a role is one of CT or of MRI."""
    return Modality.MR if isinstance(role, MriRole) else Modality.CT


def phases(roles: Mapping[str, ImageRole]) -> dict[str, CtPhase]:
    """Keep the roles of CT."""
    return {uid: role for uid, role in roles.items() if isinstance(role, CtPhase)}


def sequences(roles: Mapping[str, ImageRole]) -> dict[str, MriRole]:
    """Keep the roles of MRI."""
    return {uid: role for uid, role in roles.items() if isinstance(role, MriRole)}


def modality_for(preparation: Preparation) -> Modality:
    """Say which studies a preparation reads."""
    return Modality.MR if isinstance(preparation, MriPreparation) else Modality.CT


def roles_for(preparation: Preparation) -> tuple[ImageRole, ...]:
    """Give the roles from which a preparation takes its images, in its order."""
    if isinstance(preparation, MriPreparation):
        return tuple(ROLE_SHOWN[sequence] for sequence in preparation.sequences)
    return preparation.phases


def reference_role(preparation: Preparation) -> ImageRole:
    """Give the role of the images on whose slices the others are laid."""
    if isinstance(preparation, MriPreparation):
        return ROLE_SHOWN[preparation.reference]
    return preparation.reference


def reference_of(roles: Sequence[ImageRole]) -> ImageRole:
    """Give the same of the roles that a model needs."""
    usual = (CtPhase.PORTAL, MriRole.T1_ARTERIAL)
    return next((role for role in usual if role in roles), roles[0])


def role_words(role: ImageRole) -> str:
    """Name a role as people say it: ``portal phase``, ``T1 arterial``."""
    words = role.value.replace("_", " ")
    if isinstance(role, CtPhase):
        return f"{words} phase"
    return words.replace("t1", "T1").replace("t2", "T2").replace("fse", "FSE")


def channel_words(channel: Channel) -> str:
    """Name a plane of a model's input."""
    return role_words(channel if isinstance(channel, CtPhase) else ROLE_SHOWN[channel])


def series_column(role: ImageRole) -> str:
    """Give the manifest's column for a role."""
    return f"{role.value}_series"
