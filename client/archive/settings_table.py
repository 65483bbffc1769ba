"""Read single values of a TOML table, noting a problem for each that cannot be used."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from shared.errors import Problem

_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
"""One to 16 printable characters without a backslash (PS3.5, section 6.2)."""


@dataclass(frozen=True)
class Table:
    """The ``[archive]`` table.

    Attributes:
        values: As TOML gives it.
        folder: What paths are relative to.
        problems: Gets one entry per value that cannot be used.
    """

    values: Mapping[str, object]
    folder: Path
    problems: list[Problem]

    def refuse(self, key: str, got: str, expected: str, fix: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(f"archive.{key}", got, expected, fix))

    def text(self, key: str) -> str:
        """Read a text that must be there."""
        value = self.values.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        got = "nothing" if value is None else "another value"
        self.refuse(key, got, "text in quotes", f'Write {key} = "..." under [archive].')
        return ""

    def optional_text(self, key: str) -> str:
        """Read a text; empty where there is none."""
        return self.text(key) if key in self.values else ""

    def ae_title(self, key: str) -> str:
        """Read an AE title: at most 16 printable characters."""
        title = self.text(key)
        if title and not _AE_TITLE.fullmatch(title):
            self.refuse(key, repr(title), "1 to 16 plain characters", "Copy it from the PACS.")
        return title

    def path(self, key: str, *, is_folder: bool) -> Path:
        """Read a path to a folder or file that must be there."""
        path = self.folder / (self.text(key) or ".")
        there = path.is_dir() if is_folder else path.is_file()
        if key in self.values and not there:
            kind = "folder" if is_folder else "file"
            self.refuse(key, f"no such {kind}", f"an existing {kind}", "Correct the path.")
        return path

    def optional_path(self, key: str) -> Path | None:
        """Read a path to a file; None where there is none."""
        return self.path(key, is_folder=False) if key in self.values else None

    def whole(self, key: str, default: int | None, limits: tuple[int, int]) -> int:
        """Read a whole number; without a default it must be there."""
        value = self.values.get(key, default)
        low, high = limits
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        got = "nothing" if value is None else repr(value)
        self.refuse(key, got, f"a whole number from {low} to {high}", "Correct the value.")
        return low

    def number(self, key: str, default: float, limits: tuple[float, float]) -> float:
        """Read a number."""
        value = self.values.get(key, default)
        low, high = limits
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        self.refuse(key, repr(value), f"a number from {low:g} to {high:g}", "Correct the value.")
        return default

    def flag(self, key: str) -> bool:
        """Read true or false; false where there is none."""
        value = self.values.get(key, False)
        if isinstance(value, bool):
            return value
        self.refuse(key, repr(value), "true or false", "Correct the value.")
        return False

    def day(self, key: str) -> date | None:
        """Read a day; None where there is none."""
        value = self.values.get(key)
        try:
            day = date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            day = value
        if day is None or (isinstance(day, date) and not isinstance(day, datetime)):
            return day
        self.refuse(key, repr(value), "a day such as 2019-01-31", "Correct the value.")
        return None

    def words(self, key: str) -> tuple[str, ...]:
        """Read a list of words; empty where there is none."""
        value = self.values.get(key, [])
        if isinstance(value, list) and all(isinstance(word, str) and word for word in value):
            return tuple(str(word) for word in value)
        self.refuse(key, repr(value), 'a list such as ["CT"]', "Correct the value.")
        return ()
