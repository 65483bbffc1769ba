"""Settings open the archive they name."""

import zipfile
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from client.archive.opening import open_archive
from client.archive.settings import DicomwebSource, LocalSource, PacsSource
from client.archive.study import Archive, StudyFilter


@pytest.mark.parametrize(
    "source",
    [
        LocalSource("folder", Path("nowhere")),
        LocalSource("zip", Path("nowhere.zip")),
        DicomwebSource("http://127.0.0.1:1/dicom-web"),
        PacsSource("127.0.0.1", 1, "PACS", "HEPAFED", "127.0.0.1", 11112),
    ],
)
def test_every_kind_of_source_opens_without_touching_the_network(source) -> None:
    with open_archive(source) as archive:
        assert isinstance(archive, Archive)


def test_a_folder_and_a_zip_of_it_list_the_same_studies(tmp_path: Path, image) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for patient in (1, 2):
            (folder / str(patient)).write_bytes(image(patient, 1))
            archive.writestr(str(patient), image(patient, 1))
    listings = []
    for source in (LocalSource("folder", folder), LocalSource("zip", tmp_path / "export.zip")):
        with open_archive(source) as archive:
            archive.check()
            listings.append(archive.list_studies(StudyFilter()))
    assert listings[0] == listings[1]
    assert len(listings[0].studies) == 2
