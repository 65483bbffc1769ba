"""Open the archive that the site settings name."""

from collections.abc import Iterator
from contextlib import contextmanager

from client.archive.dicomweb import DicomwebArchive
from client.archive.folder import FolderArchive
from client.archive.pacs import PacsArchive
from client.archive.settings import DicomwebSource, LocalSource, PacsSource
from client.archive.study import Archive
from client.archive.zip_file import ZipArchive


@contextmanager
def open_archive(source: LocalSource | DicomwebSource | PacsSource) -> Iterator[Archive]:
    """Open an archive and close it at the end.

    Args:
        source: From `client.archive.settings.parse_archive_settings`.

    Yields:
        The archive.
    """
    archive = _archive(source)
    try:
        yield archive
    finally:
        archive.close()


def _archive(source: LocalSource | DicomwebSource | PacsSource) -> Archive:
    if isinstance(source, DicomwebSource):
        return DicomwebArchive(source)
    if isinstance(source, PacsSource):
        return PacsArchive(source)
    return FolderArchive(source.path) if source.kind == "folder" else ZipArchive(source.path)
