"""Passwords and keys of a site, from the environment or a file that only its owner can read."""

import os
import stat
from pathlib import Path

from shared.errors import SettingsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST_BYTES = 65_536


def read_secret_file(path: Path) -> bytes:
    """Read a secret.

    Args:
        path: A file that nobody but its owner may read (``chmod 600``).

    Returns:
        Its bytes as they are.

    Raises:
        SettingsError: When it is missing, empty, too large, or open to others.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"Expected a secret in {path.name}, got no readable file. Make it, or correct its name."
        ) from error
    if os.name == "posix" and mode & _OTHERS:
        raise SettingsError(
            f"Expected {path.name} to be readable by its owner only, got mode "
            f"{stat.S_IMODE(mode):o}. Run 'chmod 600 {path.name}'."
        )
    if not secret or len(secret) > _LARGEST_BYTES:
        raise SettingsError(
            f"Expected a secret in {path.name}, got {'nothing' if not secret else 'a large file'}. "
            "Write the secret into it."
        )
    return secret


def read_password(variable: str, path: Path | None) -> str:
    """Read a password from a file, or else from an environment variable.

    Args:
        variable: Name of the environment variable.
        path: File with the password in its first line; None to use the variable.

    Raises:
        SettingsError: When there is none.
    """
    if path is not None:
        try:
            return read_secret_file(path).decode("utf-8").splitlines()[0]
        except UnicodeDecodeError:
            raise SettingsError(
                f"Expected a password as UTF-8 text in {path.name}, got other bytes. Write it anew."
            ) from None  # the cause quotes the password
    password = os.environ.get(variable, "")
    if not password:
        raise SettingsError(
            f"Expected the password in the environment variable {variable}, got nothing. "
            "Set it, or give 'password_file' under [archive]."
        )
    return password
