"""Changing the key of the prepared images, also when it is interrupted."""

import base64

import numpy as np
import pytest

from client.cache import SUFFIX, load, reseal, store
from client.cache_settings import CacheSettings
from client.key_rotation import Rotation, rotate_key
from client.secret_keys import cache_secret, make_key, read_key
from client.site_settings import SiteSettings
from shared.errors import SettingsError
from shared.imaging.resample import PlaneStack
from shared.tasks.prepared_study import PreparedStudy
from shared.vocabulary import CtPhase

NAMES = ["0" * 64, "1" * 64, "2" * 64]


def _prepared():
    grid = PlaneStack(np.zeros((1, 3)), np.eye(3)[:2], np.zeros(1), (1.0, 1.0), (4, 4))
    images = np.full((1, 1, 4, 4), 0.5, dtype=np.float32)
    return PreparedStudy(images, np.zeros(1), (CtPhase.PORTAL,), (), (), (), grid)


def _site(folder, **cache):
    paths = folder, folder / "manifest.csv", folder / "work"
    return SiteSettings("north", *paths, cache=CacheSettings(**cache))


@pytest.fixture
def site(tmp_path):
    made = _site(tmp_path)
    secret, _ = cache_secret(made)
    for name in NAMES:
        store(made.work / "prepared", name, _prepared(), secret)
    return made


def _all_open(site, secret):
    return all(load(site.work / "prepared", name, secret) is not None for name in NAMES)


def test_all_files_have_the_new_key_and_the_old_one_is_gone(site):
    before, _ = cache_secret(site)
    assert rotate_key(site) == Rotation(sealed=3, removed=0)
    after, told = cache_secret(site)
    assert after != before
    assert not told.made
    assert _all_open(site, after)
    assert {path.name for path in site.work.iterdir()} == {"cache.key", "prepared"}


def test_an_interrupted_rotation_goes_on_with_the_same_new_key(site):
    before, _ = cache_secret(site)
    following = site.work / "cache.key.next"
    make_key(following)
    new = read_key(following)
    reseal(site.work / "prepared" / f"{NAMES[0]}{SUFFIX}", before, new)
    assert rotate_key(site) == Rotation(sealed=3, removed=0)
    assert cache_secret(site)[0] == new
    assert _all_open(site, new)


def test_a_file_that_opens_with_neither_key_is_removed_and_counted(site):
    path = site.work / "prepared" / f"{NAMES[1]}{SUFFIX}"
    path.write_bytes(path.read_bytes()[:-3])
    assert rotate_key(site) == Rotation(sealed=2, removed=1)
    assert not path.exists()


def test_a_key_in_the_environment_is_replaced_by_another_variable(tmp_path, monkeypatch):
    site = _site(tmp_path, key_env="OLD_KEY")
    monkeypatch.setenv("OLD_KEY", base64.b64encode(b"a" * 32).decode())
    monkeypatch.setenv("NEW_KEY", base64.b64encode(b"b" * 32).decode())
    for name in NAMES:
        store(site.work / "prepared", name, _prepared(), b"a" * 32)
    with pytest.raises(SettingsError, match="--new-key-env"):
        rotate_key(site)
    assert rotate_key(site, "NEW_KEY").sealed == 3
    assert _all_open(site, b"b" * 32)


def test_without_encryption_there_is_no_key_to_change(tmp_path):
    with pytest.raises(SettingsError, match="encrypt = false"):
        rotate_key(_site(tmp_path, encrypt=False))


def test_a_site_that_has_prepared_nothing_gets_a_new_key(tmp_path):
    assert rotate_key(_site(tmp_path)) == Rotation(0, 0)
