"""The [cache] table: every choice is read, every mistake named."""

import pytest

from client.cache_settings import CacheSettings
from client.site_settings import read_site_settings
from shared.errors import SettingsError

SITE = '[site]\nname = "north"\ndicom = "."\nmanifest = "site.toml"\n'


def _read(folder, cache):
    path = folder / "site.toml"
    path.write_text(f"{SITE}[cache]\n{cache}\n")
    return read_site_settings(path).cache


def test_images_are_encrypted_unless_the_site_says_otherwise(tmp_path):
    assert _read(tmp_path, "") == CacheSettings(encrypt=True, key_file=None, key_env="")
    assert _read(tmp_path, "encrypt = false").encrypt is False


def test_a_key_is_named_by_file_or_variable(tmp_path):
    assert _read(tmp_path, 'key_file = "keys/c.key"').key_file == tmp_path / "keys" / "c.key"
    assert _read(tmp_path, 'key_env = "MY_KEY"').key_env == "MY_KEY"


@pytest.mark.parametrize(
    ("cache", "where"),
    [
        ('encrypt = "no"', "cache.encrypt"),
        ("key_file = 3", "cache.key_file"),
        ('key_env = " "', "cache.key_env"),
        ('key_file = "a"\nkey_env = "B"', "cache.key_env"),
        ('keyfile = "a"', "cache.keyfile"),
    ],
)
def test_a_mistake_is_named(tmp_path, cache, where):
    with pytest.raises(SettingsError) as caught:
        _read(tmp_path, cache)
    assert [problem.where for problem in caught.value.problems] == [where]
