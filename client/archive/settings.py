"""The ``[archive]`` table of the site settings, parsed into a frozen value, all mistakes at once.

One of::

    [archive]
    kind = "folder"            # or "zip"
    path = "export"            # relative to the settings file

    [archive]
    kind = "dicomweb"
    url = "https://pacs.example/dicom-web"
    username = "hepafed"
    password_file = "pacs.password"      # or the environment variable HEPAFED_ARCHIVE_PASSWORD

    [archive]
    kind = "pacs"
    host = "10.1.2.3"
    port = 104
    called_ae_title = "HOSPITALPACS"
    calling_ae_title = "HEPAFED"
    listen_host = "10.1.2.40"            # this machine, as the PACS reaches it
    listen_port = 11112

and for all: ``from``, ``until``, ``modalities``, ``parallel``, ``attempts``, ``timeout_seconds``.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from client.archive.secret import read_password
from client.archive.settings_table import Table
from client.archive.study import StudyFilter
from client.archive.transfer import TransferLimits
from shared.errors import Problem, SettingsError

PASSWORD_VARIABLE = "HEPAFED_ARCHIVE_PASSWORD"  # noqa: S105  # a name, not a password
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COMMON = ("kind", "from", "until", "modalities", "parallel", "attempts", "timeout_seconds")
_KEYS = {
    "folder": ("path",),
    "zip": ("path",),
    "dicomweb": ("url", "username", "password_file", "token_file", "ca_file", "plain_http"),
    "pacs": (
        *("host", "port", "called_ae_title", "calling_ae_title", "listen_host", "listen_port"),
        "sending_ae_titles",
    ),
}


@dataclass(frozen=True)
class LocalSource:
    """A folder tree or a ZIP file.

    Attributes:
        kind: Which of the two.
        path: Where it is.
    """

    kind: Literal["folder", "zip"]
    path: Path


@dataclass(frozen=True)
class DicomwebSource:
    """A DICOMweb server.

    Attributes:
        url: Its root, such as ``https://pacs.example/dicom-web``.
        username: For basic authentication; empty for none.
        password: Belongs to the user name.
        token: For bearer authentication; empty for none.
        ca_file: Certificate authority of the hospital; None for the system's.
        timeout_seconds: How long one read may take.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout_seconds: float = 60.0

    def tls(self) -> ssl.SSLContext:
        """Give the certificates that are trusted; certificates are always checked."""
        return ssl.create_default_context(cafile=self.ca_file)


@dataclass(frozen=True)
class PacsSource:
    """A PACS that speaks DIMSE.

    Attributes:
        host: Its address.
        port: Its port.
        called_ae_title: Its AE title.
        calling_ae_title: Ours; the PACS must know it as a move destination.
        listen_host: Our address, on which instances are received.
        listen_port: Our port, as it is entered in the PACS.
        sending_ae_titles: Further titles under which the PACS sends.
        timeout_seconds: How long one answer may take.
    """

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str
    listen_host: str
    listen_port: int
    sending_ae_titles: tuple[str, ...] = ()
    timeout_seconds: float = 60.0


@dataclass(frozen=True)
class ArchiveSettings:
    """Where studies come from, which are wanted, and how hard the archive is worked."""

    source: LocalSource | DicomwebSource | PacsSource
    wanted: StudyFilter
    limits: TransferLimits


def parse_archive_settings(table: Mapping[str, object], folder: Path) -> ArchiveSettings:
    """Parse the ``[archive]`` table.

    Args:
        table: As TOML gives it.
        folder: The folder of the settings file; paths are relative to it.

    Returns:
        The settings, with the password read.

    Raises:
        SettingsError: With one problem per wrong key or value.
    """
    problems: list[Problem] = []
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in _KEYS:
        expected = f"one of {', '.join(_KEYS)}"
        problems.append(Problem("archive.kind", repr(kind), expected, "Say where studies are."))
        raise SettingsError("The [archive] settings cannot be used.", problems)
    known = (*_COMMON, *_KEYS[kind])
    problems.extend(_unknown(key, known) for key in table if key not in known)
    read = Table(table, folder, problems)
    source = _source(kind, read)
    wanted = StudyFilter(read.day("from"), read.day("until"), read.words("modalities"))
    if wanted.first and wanted.last and wanted.first > wanted.last:
        problems.append(
            Problem("archive.until", "a day before 'from'", "a later day", "Correct one of them.")
        )
    limits = TransferLimits(
        parallel=read.whole("parallel", 2, (1, 16)), attempts=read.whole("attempts", 3, (1, 10))
    )
    if problems:
        raise SettingsError("The [archive] settings cannot be used.", problems)
    return ArchiveSettings(source, wanted, limits)


def _source(kind: str, read: Table) -> LocalSource | DicomwebSource | PacsSource:
    timeout = read.number("timeout_seconds", 60.0, (1.0, 3600.0))
    if kind == "dicomweb":
        return _dicomweb(read, timeout)
    if kind == "pacs":
        return _pacs(read, timeout)
    is_folder = kind == "folder"
    return LocalSource("folder" if is_folder else "zip", read.path("path", is_folder=is_folder))


def _unknown(key: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(key, known, n=1)
    fix = f"Did you mean '{near[0]}'?" if near else "Remove it."
    return Problem(f"archive.{key}", "an unknown key", f"one of {', '.join(known)}", fix)


def _dicomweb(read: Table, timeout: float) -> DicomwebSource:
    url = read.text("url")
    address = urlsplit(url)
    if url and (address.scheme not in ("http", "https") or not address.hostname):
        read.refuse("url", "another address", "https://host/path", "Correct the address.")
    if address.username or address.password:
        read.refuse("url", "a login in the address", "none", "Use 'username' and 'password_file'.")
    plain = address.scheme == "http" and address.hostname not in _LOOPBACK
    if plain and not read.flag("plain_http"):
        read.refuse(
            "url",
            "http without encryption",
            "https",
            "Use https; only inside a protected network set plain_http = true.",
        )
    username = read.optional_text("username")
    token_file = read.optional_path("token_file")
    return DicomwebSource(
        url=url,
        username=username,
        password=_secret(read, "password_file") if username else "",
        token=_secret(read, "token_file") if token_file else "",
        ca_file=read.optional_path("ca_file"),
        timeout_seconds=timeout,
    )


def _secret(read: Table, key: str) -> str:
    try:
        return read_password(PASSWORD_VARIABLE, read.optional_path(key))
    except SettingsError as error:
        read.refuse(key, "no usable secret", "a file or variable with it", error.message)
        return ""


def _pacs(read: Table, timeout: float) -> PacsSource:
    return PacsSource(
        host=read.text("host"),
        port=read.whole("port", None, (1, 65_535)),
        called_ae_title=read.ae_title("called_ae_title"),
        calling_ae_title=read.ae_title("calling_ae_title"),
        listen_host=read.text("listen_host"),
        listen_port=read.whole("listen_port", None, (1, 65_535)),
        sending_ae_titles=read.words("sending_ae_titles"),
        timeout_seconds=timeout,
    )
