"""Pseudonyms: stable, short, unlinkable without the key."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from shared.dicom.pseudonym import (
    SiteKey,
    date_shift,
    file_code,
    new_uid,
    patient_pseudonym,
    study_pseudonym,
)
from shared.errors import SettingsError

KEY = SiteKey(bytes(range(32)))


@given(st.text(min_size=1, max_size=64))
def test_every_code_is_well_formed_for_any_text(text: str) -> None:
    uid = new_uid(KEY, text)
    assert len(uid) <= 44
    assert UID(uid).is_valid
    code = uuid.UUID(int=int(uid.removeprefix("2.25.")))
    assert (code.version, code.variant) == (8, uuid.RFC_4122)
    assert len(patient_pseudonym(KEY, text)) == 19
    assert file_code(KEY, text).isalnum()
    assert -4019 <= date_shift(KEY, text).days <= -366


def test_padding_does_not_make_another_patient() -> None:
    assert patient_pseudonym(KEY, "A1") == patient_pseudonym(KEY, " A1 \0")
    assert patient_pseudonym(KEY, "A1") != patient_pseudonym(KEY, "a1")


def test_the_same_text_has_unrelated_codes_as_patient_study_and_file() -> None:
    codes = {
        patient_pseudonym(KEY, "1.2").removeprefix("HF-").lower(),
        study_pseudonym(KEY, "1.2").removeprefix("study-"),
        file_code(KEY, "1.2"),
    }
    assert len(codes) == 3


def test_no_two_of_ten_thousand_patients_share_a_code() -> None:
    assert len({patient_pseudonym(KEY, str(number)) for number in range(10_000)}) == 10_000


def test_a_short_key_is_refused_and_a_key_is_never_shown() -> None:
    with pytest.raises(SettingsError, match="at least 32 bytes, got 31"):
        SiteKey(bytes(31))
    assert "secret" not in repr(SiteKey(b"secret" * 6))
