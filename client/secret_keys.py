"""The site's two secrets: one makes pseudonyms, one encrypts prepared images.

A key is 32 random bytes, written as base64 in a file that only its owner can read, or held in an
environment variable. A key that the site did not name is made once, in the work folder.
"""

import base64
import binascii
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from client.archive.secret import read_secret_file
from client.site_settings import SiteSettings
from shared.dicom.pseudonym import SiteKey
from shared.errors import SettingsError

KEY_BYTES = 32
CACHE_KEY_NAME = "cache.key"
SITE_KEY_NAME = "site.key"


@dataclass(frozen=True)
class MadeKey:
    """A key and whether it was made just now, so that a person can be told to keep it.

    Attributes:
        path: Where the key lies; None for one from the environment.
        made: Whether it was made now.
    """

    path: Path | None
    made: bool


def cache_key_file(site: SiteSettings) -> Path | None:
    """Give the file of the cache's key; None where it is in the environment or not needed."""
    if not site.cache.encrypt or site.cache.key_env:
        return None
    return site.cache.key_file or site.work / CACHE_KEY_NAME


def cache_secret(site: SiteSettings) -> tuple[bytes | None, MadeKey]:
    """Give the key that encrypts prepared images.

    Args:
        site: The hospital's settings.

    Returns:
        The key, or None where the site chose not to encrypt; and where it is from.

    Raises:
        SettingsError: If the named key is missing, no key, or open to others.
    """
    if not site.cache.encrypt:
        return None, MadeKey(None, made=False)
    if site.cache.key_env:
        return key_in_environment(site.cache.key_env), MadeKey(None, made=False)
    path = site.cache.key_file or site.work / CACHE_KEY_NAME
    made = site.cache.key_file is None and make_key(path)
    return read_key(path), MadeKey(path, made)


def site_key(site: SiteSettings) -> tuple[SiteKey, MadeKey]:
    """Give the key from which pseudonyms are made.

    Args:
        site: The hospital's settings.

    Returns:
        The key and where it is from.

    Raises:
        SettingsError: If the named key is missing, too short, or open to others.
    """
    path = site.key_file or site.work / SITE_KEY_NAME
    made = site.key_file is None and make_key(path)
    return SiteKey(read_secret_file(path)), MadeKey(path, made)


def make_key(path: Path) -> bool:
    """Write a new key unless there is one; the file is complete from its first moment on.

    Args:
        path: The file; its folder is created when needed.

    Returns:
        Whether it was made now.
    """
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails where another process was faster
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def read_key(path: Path) -> bytes:
    """Read a key file.

    Raises:
        SettingsError: If it is missing, no key, or open to others.
    """
    return _parsed(read_secret_file(path), path.name)


def key_in_environment(variable: str) -> bytes:
    """Read a key from an environment variable.

    Raises:
        SettingsError: If it is not set or no key.
    """
    return _parsed(os.environ.get(variable, "").encode(), f"the variable {variable}")


def _parsed(text: bytes, name: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"Expected a key of {KEY_BYTES} bytes as base64 in {name}, got another text or "
            "nothing. Make one with 'head -c 32 /dev/urandom | base64'."
        )
    return key
