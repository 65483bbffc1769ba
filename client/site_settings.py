"""The hospital's own settings file, parsed once into a frozen value; the server cannot override it.

A complete file::

    [site]
    name = "north-hospital"
    dicom = "dicom"            # folder with one folder per study; relative to this file
    manifest = "manifest.csv"  # one row per patient
    work = "work"              # prepared images and reports; created when needed
    clinical = "clinical.csv"  # only for clinical statistics, which need no images

    [device]
    accelerator = "auto"       # auto, cpu or cuda

    [policy]
    minimum_count = 5          # counts below it are withheld; may only go up

    [cache]                    # prepared images are encrypted on disk
    key_file = "cache.key"     # or key_env = "HEPAFED_CACHE_KEY", or encrypt = false

    [alignment]                # this, [roles] and [liver]: client.image_settings
    registration = false

    [secrets]
    rotation_secret_file = "rotation.key"  # the same at all sites: docs/deployment.md

    [archive]                  # where 'hepafed site ingest' fetches studies from: docs/archive.md
    kind = "folder"
    path = "export"
"""

import tomllib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from client.archive.settings import ArchiveSettings, parse_archive_settings
from client.cache_settings import (
    CACHE_KEYS,
    CacheSettings,
    optional_file,
    parse_cache_settings,
    text_of,
)
from client.image_settings import (
    ALIGNMENT_KEYS,
    LIVER_KEYS,
    ROLE_KEYS,
    ImageSettings,
    parse_image_settings,
)
from shared.errors import Problem, SettingsError

SMALLEST_MINIMUM_COUNT = 5
"""Smallest count a site may report; the usual small-cell limit of hospital statistics."""

_KEYS: dict[str, tuple[str, ...]] = {
    "site": ("name", "dicom", "manifest", "work", "key_file", "clinical"),
    "device": ("accelerator",),
    "policy": ("minimum_count",),
    "cache": CACHE_KEYS,
    "alignment": ALIGNMENT_KEYS,
    "roles": ROLE_KEYS,
    "liver": LIVER_KEYS,
    "secrets": ("rotation_secret_file",),
}
_ARCHIVE = "archive"
_SECTIONS = (*_KEYS, _ARCHIVE)
_IMAGE_KEYS = ("dicom", "manifest")
_LONGEST_NAME = 64  # it is shown in tables


class Accelerator(StrEnum):
    """Where a site computes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Needs(StrEnum):
    """What a command needs to find at the site beside the settings file itself."""

    DICOM = "dicom"
    MANIFEST = "manifest"
    ARCHIVE = "archive"
    CLINICAL = "clinical"


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
        key_file: The secret from which pseudonyms are made; None for ``site.key`` in the work
            folder.
        cache: How prepared images are kept.
        images: How studies are read.
        archive: Where studies are fetched from; None where nothing was asked of it.
        clinical: Clinical table; None where the site has none.
        rotation_secret_file: Secret of all sites that the server must not know; None for none.
    """

    name: str
    dicom: Path
    manifest: Path
    work: Path
    accelerator: Accelerator = Accelerator.AUTO
    minimum_count: int = SMALLEST_MINIMUM_COUNT
    key_file: Path | None = None
    cache: CacheSettings = field(default_factory=CacheSettings)
    images: ImageSettings = field(default_factory=ImageSettings)
    archive: ArchiveSettings | None = None
    clinical: Path | None = None
    rotation_secret_file: Path | None = None


def read_site_settings(
    path: Path, needs: AbstractSet[Needs] = frozenset((Needs.DICOM, Needs.MANIFEST))
) -> SiteSettings:
    """Read a site settings file.

    Args:
        path: A TOML file; folders named in it are relative to the file.
        needs: What must be there for the command; the archive's password is only read for it.

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
    folder = path.resolve().parent
    archive = _archive(document, folder, problems) if Needs.ARCHIVE in needs else None
    settings = replace(_settings(values, folder, needs, problems), archive=archive)
    if problems:
        raise SettingsError(message, problems)
    return settings


def _known_values(
    document: Mapping[str, object], problems: list[Problem]
) -> dict[tuple[str, str], object]:
    values: dict[tuple[str, str], object] = {}
    for section, content in document.items():
        if section not in _SECTIONS:
            problems.append(_unknown(section, section, _SECTIONS, "section"))
        elif not isinstance(content, dict):
            problems.append(
                Problem(section, repr(content), f"a section [{section}]", "Write it as a section.")
            )
        elif section != _ARCHIVE:  # its keys depend on its kind
            for key, value in content.items():
                if key in _KEYS[section]:
                    values[section, key] = value
                else:
                    problems.append(_unknown(f"{section}.{key}", key, _KEYS[section], "key"))
    return values


def _archive(
    document: Mapping[str, object], folder: Path, problems: list[Problem]
) -> ArchiveSettings | None:
    table = document.get(_ARCHIVE)
    if not isinstance(table, dict):
        problems.append(
            Problem(
                _ARCHIVE,
                "nothing",
                "a section [archive]",
                "Say where studies are; docs/archive.md has an example per kind of archive.",
            )
        )
        return None
    try:
        return parse_archive_settings(table, folder)
    except SettingsError as error:
        problems += error.problems
        return None


def _unknown(where: str, word: str, known: tuple[str, ...], kind: str) -> Problem:
    near = get_close_matches(word, known, n=1)
    fix = f"Did you mean '{near[0]}'?" if near else "Remove it."
    return Problem(where, f"an unknown {kind}", f"one of {', '.join(known)}", fix)


def _settings(
    given: Mapping[tuple[str, str], object],
    folder: Path,
    needs: AbstractSet[Needs],
    problems: list[Problem],
) -> SiteSettings:
    values = {key: value for (section, key), value in given.items() if section == "site"}
    secret = given.get(("secrets", "rotation_secret_file"))
    problems.extend(
        Problem(f"site.{key}", "nothing", "a value", f"Add '{key} = \"...\"' under [site].")
        for key in ("name", *(["clinical"] if Needs.CLINICAL in needs else _IMAGE_KEYS))
        if key not in values
    )
    name = text_of("site.name", values.get("name", "-"), problems)
    if len(name) > _LONGEST_NAME:
        problems.append(
            Problem("site.name", f"{len(name)} letters", f"at most {_LONGEST_NAME}", "Shorten it.")
        )
    dicom = folder / text_of("site.dicom", values.get("dicom", "-"), problems)
    manifest = folder / text_of("site.manifest", values.get("manifest", "-"), problems)
    work = folder / text_of("site.work", values.get("work", "work"), problems)
    if Needs.DICOM in needs and "dicom" in values and not dicom.is_dir():
        problems.append(
            Problem("site.dicom", "no such folder", "an existing folder", "Correct the path.")
        )
    if Needs.MANIFEST in needs and "manifest" in values and not manifest.is_file():
        problems.append(
            Problem(
                "site.manifest",
                "no such file",
                "an existing CSV file",
                "Correct the path, or draft a manifest with 'hepafed site scan'.",
            )
        )
    return SiteSettings(
        name=name,
        dicom=dicom,
        manifest=manifest,
        work=work,
        accelerator=_accelerator(given.get(("device", "accelerator"), "auto"), problems),
        minimum_count=_minimum_count(
            given.get(("policy", "minimum_count"), SMALLEST_MINIMUM_COUNT), problems
        ),
        key_file=optional_file("site.key_file", values.get("key_file"), folder, problems),
        cache=parse_cache_settings(given, folder, problems),
        images=parse_image_settings(given, folder, problems),
        clinical=optional_file("site.clinical", values.get("clinical"), folder, problems),
        rotation_secret_file=optional_file(
            "secrets.rotation_secret_file", secret, folder, problems
        ),
    )


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
