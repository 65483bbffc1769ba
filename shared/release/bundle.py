"""The release folder: weights, settings, model card and checksums, written and read whole.

Nothing in it is unpickled: weights are safetensors, settings are JSON.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shared.errors import Problem, ReleaseError
from shared.release.checksums import checksum_lines, checksum_problems, sha256_hex
from shared.release.release_settings import (
    ReleaseSettings,
    settings_from_json,
    settings_to_json,
)

WEIGHTS_NAME = "weights.safetensors"
SETTINGS_NAME = "settings.json"
CARD_NAME = "model_card.md"
CHECKSUMS_NAME = "SHA256SUMS"
_CONTENT_NAMES = (WEIGHTS_NAME, SETTINGS_NAME, CARD_NAME)
_ALL_NAMES = (*_CONTENT_NAMES, CHECKSUMS_NAME)


@dataclass(frozen=True)
class Release:
    """A released model, checked.

    Attributes:
        settings: All facts but the weights.
        weights: Parameter name to float32 array.
        card: The model card, Markdown.
        digest: SHA-256 of the list of checksums, hex: names exactly this release.
    """

    settings: ReleaseSettings
    weights: Mapping[str, np.ndarray]
    card: str
    digest: str


def write_release(
    folder: Path, weights: Mapping[str, np.ndarray], settings: ReleaseSettings, card: str
) -> Release:
    """Write a release folder, whole or not at all.

    An earlier release in the same place is replaced; any other folder with files in it is left
    alone.

    Args:
        folder: To be made.
        weights: Parameter name to finite float32 array.
        settings: All facts but the weights.
        card: The model card, Markdown.

    Returns:
        What was written.

    Raises:
        ReleaseError: With one problem per array that is not finite float32 or impossible fact,
            or if the folder holds something else.
    """
    problems = _weight_problems(weights)
    if problems:
        raise ReleaseError("The weights cannot be released.", problems)
    text = json.dumps(
        settings_to_json(settings), indent=1, ensure_ascii=False, allow_nan=False, sort_keys=True
    )
    contents = {
        WEIGHTS_NAME: save({name: np.ascontiguousarray(weights[name]) for name in sorted(weights)}),
        SETTINGS_NAME: f"{text}\n".encode(),
        CARD_NAME: card.encode(),
    }
    listing = checksum_lines(contents).encode()
    _replace_folder(folder, {**contents, CHECKSUMS_NAME: listing})
    return Release(settings, dict(weights), card, sha256_hex(listing))


def read_release(folder: Path) -> Release:
    """Read a release folder, checking everything.

    Args:
        folder: As ``write_release`` made it.

    Returns:
        The release.

    Raises:
        ReleaseError: With every problem found: a missing file, an altered file, settings of
            another version, weights that are not safetensors of float32.
    """
    contents = _contents(folder)
    problems = [
        Problem(name, "no such file", "a file of the release", "Copy the whole folder again.")
        for name in _ALL_NAMES
        if name not in contents
    ]
    listing = contents.pop(CHECKSUMS_NAME, None)
    if listing is not None:
        problems += checksum_problems(listing, contents)
    faulty = {problem.where for problem in problems}  # said once, and not opened
    sound = {name: data for name, data in contents.items() if name not in faulty}
    settings = _settings(sound.get(SETTINGS_NAME), problems)
    weights = _weights(sound.get(WEIGHTS_NAME), problems)
    if problems or settings is None or weights is None or listing is None:
        raise ReleaseError("The release cannot be used.", problems)
    return Release(settings, weights, contents[CARD_NAME].decode("utf-8"), sha256_hex(listing))


def _contents(folder: Path) -> dict[str, bytes]:
    present = [name for name in _ALL_NAMES if (folder / name).is_file()]
    if not present:
        raise ReleaseError(
            f"Expected a release folder with {', '.join(_ALL_NAMES)}, got {_what_is(folder)}."
            f"{_better_place(folder)}"
        )
    return {name: (folder / name).read_bytes() for name in present}


def _what_is(folder: Path) -> str:
    if not folder.exists():
        return f"'{folder}', which does not exist"
    return f"'{folder}', which is {'another folder' if folder.is_dir() else 'a file'}"


def _better_place(folder: Path) -> str:
    near = (folder / "release", folder.parent / "release", folder.parent)
    found = next((place for place in near if (place / CHECKSUMS_NAME).is_file()), None)
    return f" Did you mean '{found}'?" if found else " Give the folder that a finished run wrote."


def _settings(data: bytes | None, problems: list[Problem]) -> ReleaseSettings | None:
    if data is None:
        return None
    try:
        return settings_from_json(json.loads(data))
    except ReleaseError as error:
        problems.extend(error.problems)
    except (ValueError, RecursionError):
        problems.append(
            Problem(SETTINGS_NAME, "a text that is not JSON", "JSON", "Copy the release again.")
        )
    return None


def _weights(data: bytes | None, problems: list[Problem]) -> dict[str, np.ndarray] | None:
    if data is None:
        return None
    try:
        weights: dict[str, np.ndarray] = load(data)
    except (SafetensorError, KeyError, ValueError):
        problems.append(
            Problem(
                WEIGHTS_NAME,
                "bytes that are not safetensors of float32",
                "safetensors of float32",
                "Copy the release again.",
            )
        )
        return None
    problems.extend(_weight_problems(weights))
    return weights


def _weight_problems(weights: Mapping[str, np.ndarray]) -> list[Problem]:
    if not weights:
        return [Problem("weights", "no array", "arrays", "Train a model before releasing it.")]
    problems: list[Problem] = []
    for name, array in weights.items():
        if array.dtype != np.float32:
            problems.append(
                Problem(name, str(array.dtype), "float32", "Release what training gave.")
            )
        elif not np.isfinite(array).all():
            bad = int(array.size - np.isfinite(array).sum())
            problems.append(
                Problem(name, f"{bad} values that are not", "finite values", "Train again.")
            )
    return problems


def _replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and not _replaceable(folder):
        raise ReleaseError(
            f"Expected a new folder or an earlier release to replace, got {_what_is(folder)}. "
            "Choose another folder."
        )
    with tempfile.TemporaryDirectory(prefix=".release-", dir=folder.parent) as scratch:
        fresh, old = Path(scratch) / "fresh", Path(scratch) / "old"
        fresh.mkdir()
        for name, data in contents.items():
            (fresh / name).write_bytes(data)
        if folder.exists():
            shutil.move(folder, old)
        fresh.rename(folder)


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and {item.name for item in folder.iterdir()} <= set(_ALL_NAMES)
