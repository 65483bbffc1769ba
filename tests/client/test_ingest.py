"""From an archive into the site's DICOM folder, for the patients that are wanted."""

from dataclasses import replace

import pytest
from ct_files import CtFiles, write_ct

from client.ingest import ingest
from client.site_settings import Needs, read_site_settings
from shared.errors import SettingsError

SETTINGS = """\
[site]
name = "north"
dicom = "dicom"
manifest = "manifest.csv"
[archive]
kind = "folder"
path = "export"
"""


@pytest.fixture
def site(tmp_path):
    for number in (1, 2):
        one = CtFiles(patient_id=f"P{number}", study_uid=f"2.25.{number}", z_mm=(0.0, 5.0))
        write_ct(tmp_path / "export" / f"Wang{number}", one)
    (tmp_path / "site.toml").write_text(SETTINGS)
    return read_site_settings(tmp_path / "site.toml", {Needs.ARCHIVE})


def _files(site):
    return sorted(path for path in site.dicom.rglob("*.dcm"))


def test_studies_arrive_under_names_that_tell_nothing(site):
    result = ingest(site, site.archive, manifest_only=False)
    assert (result.listed, result.wanted, result.transfer.fetched) == (2, 2, 2)
    assert result.key.made
    assert len(_files(site)) == 4
    assert not any("Wang" in str(path.relative_to(site.dicom)) for path in _files(site))


def test_a_second_ingest_fetches_nothing(site):
    ingest(site, site.archive, manifest_only=False)
    before = {path: path.stat().st_mtime_ns for path in _files(site)}
    result = ingest(site, site.archive, manifest_only=False)
    assert (result.transfer.fetched, result.transfer.already_complete) == (0, 2)
    assert {path: path.stat().st_mtime_ns for path in _files(site)} == before


def test_only_patients_of_the_manifest_are_fetched_when_asked(site):
    site.manifest.write_text("patient_id,response\nP2,CR\nP9,PD\n")
    result = ingest(site, site.archive, manifest_only=True)
    assert (result.listed, result.wanted, result.transfer.fetched) == (2, 1, 1)


@pytest.mark.parametrize("dicom", ["export", "export/inside", "."])
def test_an_archive_that_is_the_dicom_folder_is_refused(site, dicom):
    nested = replace(site, dicom=site.manifest.parent / dicom)
    with pytest.raises(SettingsError, match="one inside the other"):
        ingest(nested, site.archive, manifest_only=False)
