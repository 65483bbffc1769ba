"""The release folder of a model on CT: weights, settings, model card and checksums."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.errors import ReleaseError
from shared.release.release_files import (
    CARD_NAME,
    SETTINGS_NAME,
    WEIGHTS_NAME,
    ReleaseFiles,
    json_bytes,
    read_files,
    weight_problems,
    weights_bytes,
    write_files,
)
from shared.release.release_settings import (
    ReleaseSettings,
    settings_from_json,
    settings_to_json,
)

_NAMES = (WEIGHTS_NAME, SETTINGS_NAME, CARD_NAME)


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
    problems = weight_problems(weights)
    if problems:
        raise ReleaseError("The weights cannot be released.", problems)
    digest = write_files(
        folder,
        {
            WEIGHTS_NAME: weights_bytes(weights),
            SETTINGS_NAME: json_bytes(settings_to_json(settings)),
            CARD_NAME: card.encode(),
        },
    )
    return Release(settings, dict(weights), card, digest)


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
    files = read_files(folder, _NAMES)
    settings = _settings(files)
    weights = files.weights()
    if files.problems or settings is None or weights is None:
        raise ReleaseError("The release cannot be used.", files.problems)
    return Release(settings, weights, files.contents[CARD_NAME].decode("utf-8"), files.digest)


def _settings(files: ReleaseFiles) -> ReleaseSettings | None:
    data = files.json_of(SETTINGS_NAME)
    if data is None:
        return None
    try:
        return settings_from_json(data)
    except ReleaseError as error:
        files.problems.extend(error.problems)
    return None
