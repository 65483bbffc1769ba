"""Give the prepared images of a site another key.

The new key is written beside the old one as ``<key>.next``; every file is sealed anew; then the new
key takes the old one's place. A rotation that is killed goes on with the same new key. A training
that runs meanwhile finds files of another key and prepares them again, which is slow but right.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from client.cache import SUFFIX, CacheError, reseal
from client.secret_keys import cache_key_file, cache_secret, key_in_environment, make_key, read_key
from client.site_preparation import PREPARED_FOLDER
from client.site_settings import SiteSettings
from shared.errors import SettingsError


@dataclass(frozen=True)
class Rotation:
    """What a rotation did.

    Attributes:
        sealed: Files that have the new key now.
        removed: Files that opened with neither key; they are prepared again when needed.
    """

    sealed: int
    removed: int


def rotate_key(site: SiteSettings, new_key_env: str = "") -> Rotation:
    """Replace the key of the site's prepared images.

    Args:
        site: The hospital's settings.
        new_key_env: Environment variable with the new key, where the old one is in one as well.

    Returns:
        Counts.

    Raises:
        SettingsError: If images are not encrypted, or a key cannot be used.
    """
    old, _ = cache_secret(site)
    if old is None:
        raise SettingsError(
            "Expected encrypted images, got encrypt = false under [cache]: there is no key. "
            "Remove that line to encrypt; images are prepared again."
        )
    path = cache_key_file(site)
    if path is None:
        if not new_key_env:
            raise SettingsError(
                "The key is in an environment variable, so the new one must be, too. Give its "
                "name with --new-key-env, then write that name into key_env under [cache]."
            )
        return _reseal_all(site.work / PREPARED_FOLDER, old, key_in_environment(new_key_env))
    following = path.with_name(f"{path.name}.next")
    make_key(following)
    rotation = _reseal_all(site.work / PREPARED_FOLDER, old, read_key(following))
    following.replace(path)
    return rotation


def _reseal_all(folder: Path, old: bytes, new: bytes) -> Rotation:
    sealed = removed = 0
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []:
        try:
            reseal(path, old, new)
            sealed += 1
        except CacheError:
            path.unlink()
            removed += 1
    if folder.is_dir():
        _settle(folder)
    return Rotation(sealed, removed)


def _settle(folder: Path) -> None:
    """Wait until the renamed files are on the disk, before the old key goes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
