"""Roles as words, columns and needs."""

import pytest

from client.image_roles import (
    OFFERED,
    Modality,
    channel_words,
    modality_of,
    reference_role,
    role_of,
    role_words,
    roles_for,
)
from shared.tasks.preparation_settings import CtPreparation, MriPreparation
from shared.vocabulary import CtPhase, MriRole, MriSequence


def test_every_stored_word_comes_back_as_its_role():
    for role in (*CtPhase, *MriRole):
        assert role_of(role.value) is role
    with pytest.raises(ValueError, match="venous"):
        role_of("venous")


def test_a_study_needs_the_images_that_its_channels_show():
    assert roles_for(MriPreparation()) == (
        *(MriRole.T1_ARTERIAL, MriRole.T1_PORTAL, MriRole.T1_DELAYED, MriRole.T2_FSE),
        MriRole.OPPOSED_PHASE,
    )
    phases = (CtPhase.PORTAL, CtPhase.PLAIN)
    assert roles_for(CtPreparation(phases)) == phases
    assert reference_role(MriPreparation()) is MriRole.T1_ARTERIAL
    assert reference_role(CtPreparation(phases)) is CtPhase.PORTAL


def test_roles_are_shown_as_people_say_them():
    assert role_words(CtPhase.PORTAL) == "portal phase"
    assert role_words(MriRole.T2_FSE) == "T2 FSE"
    assert channel_words(MriSequence.DUAL_ECHO) == "opposed phase"


def test_what_a_person_may_answer_is_of_one_modality():
    for modality in Modality:
        assert {modality_of(role) for role in OFFERED[modality]} == {modality}
