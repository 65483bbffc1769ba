"""The hospital's settings file: what is read, and what is said about every mistake."""

from pathlib import Path

import pytest

from client.site_settings import Accelerator, Needs, read_site_settings
from shared.errors import SettingsError


def _site(folder: Path, text: str) -> Path:
    (folder / "dicom").mkdir()
    (folder / "manifest.csv").write_text("patient_id,response\n", encoding="utf-8")
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


GOOD = '[site]\nname = "north"\ndicom = "dicom"\nmanifest = "manifest.csv"\n'


def test_paths_are_relative_to_the_file_and_defaults_fill_the_rest(tmp_path):
    settings = read_site_settings(_site(tmp_path, GOOD))
    assert settings.name == "north"
    assert settings.dicom == tmp_path / "dicom"
    assert settings.work == tmp_path / "work"
    assert settings.accelerator is Accelerator.AUTO
    assert settings.minimum_count == 5


def test_device_and_policy_are_read(tmp_path):
    text = GOOD + '[device]\naccelerator = "cpu"\n[policy]\nminimum_count = 10\n'
    settings = read_site_settings(_site(tmp_path, text))
    assert settings.accelerator is Accelerator.CPU
    assert settings.minimum_count == 10


def test_three_mistakes_are_reported_at_once_with_the_closest_key(tmp_path):
    text = (
        '[site]\nname = "north"\ndicm = "dicom"\nmanifest = "manifest.csv"\n'
        '[device]\naccelerator = "cudaa"\n[policy]\nminimum_count = 2\n'
    )
    with pytest.raises(SettingsError) as caught:
        read_site_settings(_site(tmp_path, text))
    fixes = {problem.where: problem.fix for problem in caught.value.problems}
    assert fixes["site.dicm"] == "Did you mean 'dicom'?"
    assert fixes["device.accelerator"] == "Did you mean 'cuda'?"
    assert "policy.minimum_count" in fixes
    assert set(fixes) == {"site.dicm", "site.dicom", "device.accelerator", "policy.minimum_count"}


def test_a_folder_that_is_not_there_is_named(tmp_path):
    text = GOOD.replace('"dicom"', '"nowhere"')
    with pytest.raises(SettingsError, match="an existing folder"):
        read_site_settings(_site(tmp_path, text))


@pytest.mark.parametrize("text", ["[site\nname = 1", "\x00\xff"])
def test_text_that_is_not_toml_is_refused_with_a_sentence(tmp_path, text):
    with pytest.raises(SettingsError, match="not valid TOML"):
        read_site_settings(_site(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match="There is no site settings file"):
        read_site_settings(tmp_path / "site.toml")


def test_a_site_with_clinical_data_only_needs_no_images(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(
        '[site]\nname = "north"\nclinical = "clinical.csv"\n'
        '[secrets]\nrotation_secret_file = "rotation.key"\n'
    )
    settings = read_site_settings(path, {Needs.CLINICAL})
    assert settings.clinical == tmp_path / "clinical.csv"
    assert settings.rotation_secret_file == tmp_path / "rotation.key"
    with pytest.raises(SettingsError, match=r"site\.dicom"):
        read_site_settings(path)


def test_a_site_without_a_clinical_table_is_told_so(tmp_path):
    path = _site(tmp_path, GOOD)
    assert read_site_settings(path).clinical is None
    with pytest.raises(SettingsError, match=r"site\.clinical"):
        read_site_settings(path, {Needs.CLINICAL})
