"""The ``[archive]`` table: what is right is read, and all that is wrong is said at once."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from client.archive.settings import (
    PASSWORD_VARIABLE,
    DicomwebSource,
    LocalSource,
    PacsSource,
    parse_archive_settings,
)
from client.archive.study import StudyFilter
from shared.errors import SettingsError


def parse(text: str, folder: Path):
    return parse_archive_settings(tomllib.loads(text), folder)


def wrong(text: str, folder: Path) -> dict[str, str]:
    with pytest.raises(SettingsError) as error:
        parse(text, folder)
    return {problem.where.removeprefix("archive."): problem.got for problem in error.value.problems}


PACS = """
kind = "pacs"
host = "10.1.2.3"
port = 104
called_ae_title = "HOSPITAL PACS"
calling_ae_title = "HEPAFED"
listen_host = "10.1.2.40"
listen_port = 11112
"""


def test_a_folder_is_relative_to_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    settings = parse('kind = "folder"\npath = "export"', tmp_path)
    assert settings.source == LocalSource("folder", tmp_path / "export")
    assert (settings.limits.parallel, settings.limits.attempts) == (2, 3)


def test_a_zip_must_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    assert wrong('kind = "zip"\npath = "export"', tmp_path) == {"path": "no such file"}


def test_a_pacs_is_read_with_what_is_wanted(tmp_path: Path) -> None:
    more = 'from = 2019-01-01\nuntil = "2020-12-31"\nmodalities = ["CT"]\ntimeout_seconds = 30\n'
    settings = parse(PACS + more + "parallel = 4", tmp_path)
    assert settings.source == PacsSource(
        "10.1.2.3", 104, "HOSPITAL PACS", "HEPAFED", "10.1.2.40", 11112, (), 30.0
    )
    assert settings.wanted == StudyFilter(date(2019, 1, 1), date(2020, 12, 31), ("CT",))
    assert settings.limits.parallel == 4


def test_a_password_is_read_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("wordofmouth\n")
    (tmp_path / "pw").chmod(0o600)
    settings = parse(
        'kind = "dicomweb"\nurl = "https://pacs.example/dicom-web"\nusername = "a"\n'
        'password_file = "pw"',
        tmp_path,
    )
    assert isinstance(settings.source, DicomwebSource)
    assert settings.source.password == "wordofmouth"  # noqa: S105  # invented
    assert "wordofmouth" not in repr(settings)


def test_everything_wrong_with_a_pacs_is_said_at_once(tmp_path: Path) -> None:
    text = """
    kind = "pacs"
    port = 70000
    called_ae_title = "A TITLE THAT IS TOO LONG"
    calling_ae_title = "back\\\\slash"
    listen_host = ""
    listen_prot = 11112
    parallel = true
    attempts = 0
    modalities = "CT"
    from = "yesterday"
    timeout_seconds = nan
    """
    assert set(wrong(text, tmp_path)) == {
        *("host", "port", "called_ae_title", "calling_ae_title", "listen_host", "listen_port"),
        *("listen_prot", "parallel", "attempts", "modalities", "from", "timeout_seconds"),
    }


def test_a_misspelt_key_gets_a_proposal(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Did you mean 'listen_port'"):
        parse(PACS.replace("listen_port", "listenport"), tmp_path)


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("http://pacs.example/dicom-web", "http without encryption"),
        ("https://me:hidden@pacs.example/dicom-web", "a login in the address"),
        ("ftp://pacs.example", "another address"),
        ("pacs.example", "another address"),
    ],
)
def test_an_unsafe_address_is_refused_without_showing_it(
    tmp_path: Path, url: str, got: str
) -> None:
    with pytest.raises(SettingsError) as error:
        parse(f'kind = "dicomweb"\nurl = "{url}"', tmp_path)
    assert [problem.got for problem in error.value.problems] == [got]
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        'kind = "dicomweb"\nurl = "http://127.0.0.1:8042/dicom-web"',
        'kind = "dicomweb"\nurl = "http://pacs/dicom-web"\nplain_http = true',
    ],
)
def test_http_is_taken_on_this_machine_or_when_asked_for(tmp_path: Path, text: str) -> None:
    assert isinstance(parse(text, tmp_path).source, DicomwebSource)


def test_a_user_without_a_password_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    text = 'kind = "dicomweb"\nurl = "https://pacs.example/x"\nusername = "a"'
    assert wrong(text, tmp_path) == {"password_file": "no usable secret"}


@pytest.mark.parametrize("text", ["", 'kind = "xnat"', "kind = 3"])
def test_an_unknown_kind_is_refused(tmp_path: Path, text: str) -> None:
    assert list(wrong(text, tmp_path)) == ["kind"]


def test_days_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    assert "until" in wrong(PACS + "from = 2021-01-01\nuntil = 2020-01-01", tmp_path)
