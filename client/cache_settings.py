"""The ``[cache]`` table of the site settings: how prepared images are kept on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Problem

CACHE_KEYS = ("encrypt", "key_file", "key_env")


@dataclass(frozen=True)
class CacheSettings:
    """How prepared images are kept on disk.

    Attributes:
        encrypt: Whether they are encrypted.
        key_file: File with the key; None for ``cache.key`` in the work folder.
        key_env: Environment variable with the key; empty to use a file.
    """

    encrypt: bool = True
    key_file: Path | None = None
    key_env: str = ""


def parse_cache_settings(
    given: Mapping[tuple[str, str], object], folder: Path, problems: list[Problem]
) -> CacheSettings:
    """Parse the table.

    Args:
        given: All values of the settings file, by section and key.
        folder: The folder of the settings file; paths are relative to it.
        problems: Gets one entry per value that cannot be used.
    """
    encrypt = given.get(("cache", "encrypt"), True)
    if not isinstance(encrypt, bool):
        problems.append(
            Problem("cache.encrypt", repr(encrypt), "true or false", "Correct the value.")
        )
    key_env = given.get(("cache", "key_env"))
    key_file = optional_file("cache.key_file", given.get(("cache", "key_file")), folder, problems)
    if key_env is not None and key_file is not None:
        problems.append(
            Problem("cache.key_env", "a key_file as well", "one of them", "Remove one of them.")
        )
    return CacheSettings(
        encrypt=encrypt is not False,
        key_file=key_file,
        key_env="" if key_env is None else text_of("cache.key_env", key_env, problems),
    )


def optional_file(where: str, value: object, folder: Path, problems: list[Problem]) -> Path | None:
    """Read a path relative to the settings file; None where there is none."""
    return None if value is None else folder / text_of(where, value, problems)


def text_of(where: str, value: object, problems: list[Problem]) -> str:
    """Read a text; anything else is a problem."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    problems.append(Problem(where, repr(value), "text in quotes", "Correct the value."))
    return "-"
