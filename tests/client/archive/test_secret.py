"""Secrets are read only from where nobody else can read them."""

from pathlib import Path

import pytest

from client.archive.secret import read_password, read_secret_file
from shared.errors import SettingsError


def secret(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_key_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_secret_file(secret(tmp_path / "key", b"\0\xff\n")) == b"\0\xff\n"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match="chmod 600") as error:
        read_secret_file(secret(tmp_path / "key", b"hidden", mode))
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"x" * 100_000])
def test_an_empty_or_large_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SettingsError, match="secret"):
        read_secret_file(secret(tmp_path / "key", content))


def test_a_missing_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no readable file"):
        read_secret_file(tmp_path / "key")


def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = secret(tmp_path / "password", "pässwörd\n\n".encode())
    assert read_password("UNUSED", path) == "pässwörd"


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_PASSWORD", "word")
    assert read_password("SITE_PASSWORD", None) == "word"


def test_no_password_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SITE_PASSWORD", raising=False)
    with pytest.raises(SettingsError, match="SITE_PASSWORD"):
        read_password("SITE_PASSWORD", None)


def test_a_password_file_with_other_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="UTF-8"):
        read_password("UNUSED", secret(tmp_path / "password", b"\xff\xfe"))
