"""The site's keys: made once, read by their owner only, never half a key."""

import base64

import pytest

from client.cache_settings import CacheSettings
from client.secret_keys import cache_key_file, cache_secret, make_key, read_key, site_key
from client.site_settings import SiteSettings
from shared.errors import SettingsError

KEY = base64.b64encode(b"k" * 32) + b"\n"


def _site(folder, **cache):
    paths = folder, folder / "manifest.csv", folder / "work"
    return SiteSettings("north", *paths, cache=CacheSettings(**cache))


def _write(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_without_a_named_key_one_is_made_once(tmp_path):
    first, told = cache_secret(_site(tmp_path))
    again, told_again = cache_secret(_site(tmp_path))
    assert first == again
    assert len(first) == 32
    assert told.made
    assert not told_again.made
    assert told.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in told.path.parent.iterdir()] == ["cache.key"]


def test_a_named_file_is_read_and_never_made(tmp_path):
    site = _site(tmp_path, key_file=tmp_path / "my.key")
    with pytest.raises(SettingsError, match="no readable file"):
        cache_secret(site)
    _write(tmp_path / "my.key", KEY)
    assert cache_secret(site)[0] == b"k" * 32


def test_a_key_in_the_environment_is_read(tmp_path, monkeypatch):
    site = _site(tmp_path, key_env="HEPAFED_TEST_KEY")
    with pytest.raises(SettingsError, match="HEPAFED_TEST_KEY"):
        cache_secret(site)
    monkeypatch.setenv("HEPAFED_TEST_KEY", KEY.decode())
    assert cache_secret(site)[0] == b"k" * 32
    assert cache_key_file(site) is None
    assert not (tmp_path / "work").exists()


def test_a_site_that_does_not_encrypt_has_no_key(tmp_path):
    assert cache_secret(_site(tmp_path, encrypt=False))[0] is None
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("content", [b"short", base64.b64encode(b"k" * 31), b"\xff" * 44])
def test_another_text_is_no_key_and_is_not_repeated(tmp_path, content):
    with pytest.raises(SettingsError) as caught:
        read_key(_write(tmp_path / "my.key", content))
    assert content.decode("latin-1") not in str(caught.value)


def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = _write(tmp_path / "my.key", KEY)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_key(path)


def test_the_key_of_the_pseudonyms_is_made_once_or_named(tmp_path):
    key, told = site_key(_site(tmp_path))
    assert told.made
    assert site_key(_site(tmp_path))[0] == key
    _write(tmp_path / "own.key", b"x" * 40)
    paths = tmp_path, tmp_path / "manifest.csv", tmp_path / "work"
    own, _ = site_key(SiteSettings("north", *paths, key_file=tmp_path / "own.key"))
    assert own != key


def test_an_existing_key_is_never_replaced(tmp_path):
    path = _write(tmp_path / "my.key", KEY)
    assert not make_key(path)
    assert path.read_bytes() == KEY
