from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import SettingsError
from shared.report.haic_files import record_digest, write_haic_record
from shared.report.run_files import write_run_record
from shared.report.sign_off import name_and_role, read_sign_off, sign_off


def test_a_sign_off_names_person_time_and_record(haic_record, tmp_path):
    write_haic_record(tmp_path, haic_record)

    said = sign_off(tmp_path, " Li Wei ", "principal investigator")

    assert read_sign_off(tmp_path) == said
    assert (said.name, said.role) == ("Li Wei", "principal investigator")
    assert said.record_sha256 == record_digest(haic_record)
    assert datetime.now(UTC) - datetime.fromisoformat(said.time) < timedelta(minutes=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.json", "sign_off.json"]


def test_a_changed_record_no_longer_is_the_one_signed(haic_record, tmp_path):
    write_haic_record(tmp_path, haic_record)
    said = sign_off(tmp_path, "Li Wei", "principal investigator")

    assert record_digest(replace(haic_record, seed=8)) != said.record_sha256


def test_a_run_that_nobody_signed_has_no_sign_off(tmp_path):
    assert read_sign_off(tmp_path) is None


def test_nobody_can_sign_without_a_name_or_for_another_study(haic_record, record, tmp_path):
    write_haic_record(tmp_path, haic_record)
    with pytest.raises(SettingsError, match="Expected a name and a role"):
        sign_off(tmp_path, "Li Wei", "  ")

    write_run_record(tmp_path, record)
    with pytest.raises(SettingsError, match="hepafed-haic-record/1"):
        sign_off(tmp_path, "Li Wei", "principal investigator")

    assert read_sign_off(tmp_path) is None


def test_a_damaged_sign_off_is_answered_with_what_to_do(tmp_path):
    (tmp_path / "sign_off.json").write_text("{", encoding="utf-8")

    with pytest.raises(SettingsError, match="Sign the run off again"):
        read_sign_off(tmp_path)


def test_name_and_role_are_parted_at_the_first_comma():
    assert name_and_role("Li Wei, head of radiology, Shanghai") == (
        "Li Wei",
        "head of radiology, Shanghai",
    )
    with pytest.raises(SettingsError, match="Expected 'Name, role', got 'Li Wei'"):
        name_and_role("Li Wei")
