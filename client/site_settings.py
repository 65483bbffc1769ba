"""The hospital's own settings file, parsed once into a frozen value; the server cannot override it.

A complete file::

    [site]
    name = "north-hospital"
    dicom = "dicom"            # folder with one folder per study; relative to this file
    manifest = "manifest.csv"  # one row per patient
    work = "work"              # prepared images and reports; created when needed

    [device]
    accelerator = "auto"       # auto, cpu or cuda

    [policy]
    minimum_count = 5          # counts below it are withheld; may only go up
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from shared.errors import Problem, SettingsError

SMALLEST_MINIMUM_COUNT = 5
"""Smallest count a site may report; the usual small-cell limit of hospital statistics."""

_KEYS: dict[str, tuple[str, ...]] = {
    "site": ("name", "dicom", "manifest", "work"),
    "device": ("accelerator",),
    "policy": ("minimum_count",),
}
_REQUIRED = ("name", "dicom", "manifest")
_LONGEST_NAME = 64  # it is shown in tables


class Accelerator(StrEnum):
    """Where a site computes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True)
class SiteSettings:
    """What a hospital decides about its own part in a run.

    Attributes:
        name: Display name of the site, as tables show it.
        dicom: Folder that holds the studies.
        manifest: Table with one row per patient.
        work: Folder for prepared images, the catalogue and the data report.
        accelerator: Where training runs; ``auto`` takes a GPU when one can be used.
        minimum_count: Counts below it are withheld from the server; at least 5.
    """

    name: str
    dicom: Path
    manifest: Path
    work: Path
    accelerator: Accelerator = Accelerator.AUTO
    minimum_count: int = SMALLEST_MINIMUM_COUNT


def read_site_settings(path: Path) -> SiteSettings:
    """Read a site settings file.

    Args:
        path: A TOML file; folders named in it are relative to the file.

    Returns:
        The settings, with absolute paths.

    Raises:
        SettingsError: With one problem per wrong key or value.
    """
    message = f"The site settings file {path.name} cannot be used."
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no site settings file at {path}. "
            "Give the path of the site's TOML file, usually site.toml."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{message} It must be a readable UTF-8 text file. Check its rights and encoding."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{message} It is not valid TOML: {error}. "
            "Write text values in quotes, one key per line."
        ) from error
    problems: list[Problem] = []
    values = _known_values(document, problems)
    settings = _settings(values, path.resolve().parent, problems)
    if problems:
        raise SettingsError(message, problems)
    return settings


def _known_values(document: Mapping[str, object], problems: list[Problem]) -> dict[str, object]:
    values: dict[str, object] = {}
    for section, content in document.items():
        if section not in _KEYS:
            problems.append(_unknown(section, section, _KEYS, "section"))
        elif not isinstance(content, dict):
            problems.append(
                Problem(section, repr(content), f"a section [{section}]", "Write it as a section.")
            )
        else:
            for key, value in content.items():
                if key in _KEYS[section]:
                    values[key] = value
                else:
                    problems.append(_unknown(f"{section}.{key}", key, _KEYS[section], "key"))
    return values


def _unknown(
    where: str, word: str, known: Mapping[str, object] | tuple[str, ...], kind: str
) -> Problem:
    near = get_close_matches(word, list(known), n=1)
    fix = f"Did you mean '{near[0]}'?" if near else "Remove it."
    return Problem(where, f"an unknown {kind}", f"one of {', '.join(known)}", fix)


def _settings(values: Mapping[str, object], folder: Path, problems: list[Problem]) -> SiteSettings:
    problems.extend(
        Problem(f"site.{key}", "nothing", "a value", f"Add '{key} = \"...\"' under [site].")
        for key in _REQUIRED
        if key not in values
    )
    name = _text("site.name", values.get("name", "-"), problems)
    if len(name) > _LONGEST_NAME:
        problems.append(
            Problem(
                "site.name", f"{len(name)} characters", f"at most {_LONGEST_NAME}", "Shorten it."
            )
        )
    dicom = folder / _text("site.dicom", values.get("dicom", "-"), problems)
    manifest = folder / _text("site.manifest", values.get("manifest", "-"), problems)
    work = folder / _text("site.work", values.get("work", "work"), problems)
    if "dicom" in values and not dicom.is_dir():
        problems.append(
            Problem("site.dicom", "no such folder", "an existing folder", "Correct the path.")
        )
    if "manifest" in values and not manifest.is_file():
        problems.append(
            Problem("site.manifest", "no such file", "an existing CSV file", "Correct the path.")
        )
    return SiteSettings(
        name=name,
        dicom=dicom,
        manifest=manifest,
        work=work,
        accelerator=_accelerator(values.get("accelerator", Accelerator.AUTO), problems),
        minimum_count=_minimum_count(values.get("minimum_count", SMALLEST_MINIMUM_COUNT), problems),
    )


def _text(where: str, value: object, problems: list[Problem]) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    problems.append(Problem(where, repr(value), "text in quotes", "Correct the value."))
    return "-"


def _accelerator(value: object, problems: list[Problem]) -> Accelerator:
    words = [word.value for word in Accelerator]
    if isinstance(value, str) and value.lower() in words:
        return Accelerator(value.lower())
    near = get_close_matches(str(value).lower(), words, n=1)
    problems.append(
        Problem(
            "device.accelerator",
            repr(value),
            f"one of {', '.join(words)}",
            f"Did you mean '{near[0]}'?" if near else "Correct the value.",
        )
    )
    return Accelerator.AUTO


def _minimum_count(value: object, problems: list[Problem]) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, int) and whole and value >= SMALLEST_MINIMUM_COUNT:
        return value
    problems.append(
        Problem(
            "policy.minimum_count",
            repr(value),
            f"a whole number of at least {SMALLEST_MINIMUM_COUNT}",
            "Raise it; smaller counts can point to a person.",
        )
    )
    return SMALLEST_MINIMUM_COUNT
