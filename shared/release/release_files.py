"""The files of a release folder: written whole or not at all, read with every check.

Nothing in them is unpickled: weights are safetensors, everything else is JSON or Markdown.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shared.errors import Problem, ReleaseError
from shared.release.checksums import checksum_lines, checksum_problems, sha256_hex

WEIGHTS_NAME = "weights.safetensors"
SETTINGS_NAME = "settings.json"
MODELS_NAME = "models.json"
CARD_NAME = "model_card.md"
CHECKSUMS_NAME = "SHA256SUMS"
ALL_NAMES = (WEIGHTS_NAME, SETTINGS_NAME, MODELS_NAME, CARD_NAME, CHECKSUMS_NAME)
"""Every file that a release of any study may have."""


@dataclass(frozen=True)
class ReleaseFiles:
    """What lay in a release folder.

    Attributes:
        contents: Content by name, of files that fit their checksum.
        digest: SHA-256 of the list of checksums, hex; empty if there is none.
        problems: Everything found wrong; those who read the contents add theirs.
    """

    contents: Mapping[str, bytes]
    digest: str
    problems: list[Problem] = field(default_factory=list)

    def json_of(self, name: str) -> object:
        """Parse a JSON file; None, with a problem, if it is missing, faulty or no JSON."""
        data = self.contents.get(name)
        if data is None:
            return None
        parsed: object = None
        try:
            parsed = json.loads(data)
            came = "nothing but null"
        except (ValueError, RecursionError):
            came = "a text that is not JSON"
        if parsed is None:
            self.problems.append(Problem(name, came, "JSON", "Copy the release again."))
        return parsed

    def weights(self) -> dict[str, np.ndarray] | None:
        """Load the weights; None, with problems, if they are missing or not finite float32."""
        data = self.contents.get(WEIGHTS_NAME)
        if data is None:
            return None
        try:
            weights: dict[str, np.ndarray] = load(data)
        except (SafetensorError, KeyError, ValueError):
            self.problems.append(
                Problem(
                    WEIGHTS_NAME,
                    "bytes that are not safetensors of float32",
                    "safetensors of float32",
                    "Copy the release again.",
                )
            )
            return None
        self.problems.extend(weight_problems(weights))
        return weights


def json_bytes(plain: object) -> bytes:
    """Write JSON values as a file's content, keys sorted; numbers must be finite."""
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=True)
    return f"{text}\n".encode()


def weights_bytes(weights: Mapping[str, np.ndarray]) -> bytes:
    """Write weights as safetensors, names sorted."""
    return save({name: np.ascontiguousarray(weights[name]) for name in sorted(weights)})


def weight_problems(weights: Mapping[str, np.ndarray]) -> list[Problem]:
    """Give one problem per array that is not finite float32, and one if there is none."""
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


def write_files(folder: Path, contents: Mapping[str, bytes]) -> str:
    """Write a release folder with its list of checksums, whole or not at all.

    An earlier release in the same place is replaced; any other folder with files in it is left
    alone.

    Args:
        folder: To be made.
        contents: Content by name, some of ``ALL_NAMES`` but the checksums.

    Returns:
        SHA-256 of the list of checksums, hex: names exactly this release.

    Raises:
        ReleaseError: If the folder holds something else.
    """
    listing = checksum_lines(contents).encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and not _replaceable(folder):
        raise ReleaseError(
            f"Expected a new folder or an earlier release to replace, got {_what_is(folder)}. "
            "Choose another folder."
        )
    with tempfile.TemporaryDirectory(prefix=".release-", dir=folder.parent) as scratch:
        fresh, old = Path(scratch) / "fresh", Path(scratch) / "old"
        fresh.mkdir()
        for name, data in {**contents, CHECKSUMS_NAME: listing}.items():
            (fresh / name).write_bytes(data)
        if folder.exists():
            shutil.move(folder, old)
        fresh.rename(folder)
    return sha256_hex(listing)


def read_files(folder: Path, names: Sequence[str]) -> ReleaseFiles:
    """Read a release folder and compare it with its checksums.

    Args:
        folder: As ``write_files`` made it.
        names: Files that it must have beside the checksums.

    Returns:
        The sound files, and every problem.

    Raises:
        ReleaseError: If it is no release folder at all.
    """
    every = (*names, CHECKSUMS_NAME)
    contents = {name: (folder / name).read_bytes() for name in every if (folder / name).is_file()}
    if not contents:
        raise ReleaseError(
            f"Expected a release folder with {', '.join(every)}, got {_what_is(folder)}."
            f"{_better_place(folder)}"
        )
    problems = [
        Problem(name, "no such file", "a file of the release", "Copy the whole folder again.")
        for name in every
        if name not in contents
    ]
    listing = contents.pop(CHECKSUMS_NAME, None)
    if listing is not None:
        problems += checksum_problems(listing, contents)
    faulty = {problem.where for problem in problems}  # said once, and not opened
    return ReleaseFiles(
        contents={name: data for name, data in contents.items() if name not in faulty},
        digest="" if listing is None else sha256_hex(listing),
        problems=problems,
    )


def _what_is(folder: Path) -> str:
    if not folder.exists():
        return f"'{folder}', which does not exist"
    return f"'{folder}', which is {'another folder' if folder.is_dir() else 'a file'}"


def _better_place(folder: Path) -> str:
    near = (folder / "release", folder.parent / "release", folder.parent)
    found = next((place for place in near if (place / CHECKSUMS_NAME).is_file()), None)
    return f" Did you mean '{found}'?" if found else " Give the folder that a finished run wrote."


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and {item.name for item in folder.iterdir()} <= set(ALL_NAMES)
