"""The release folder of a model of MRI and clinic: network, fitted models, facts and checksums."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.errors import ReleaseError
from shared.fusion.svm import FittedSvm
from shared.release.bundle import Release, read_release
from shared.release.fitted_models import models_from_json, models_to_json
from shared.release.haic_settings import (
    HAIC_RELEASE_FORMAT,
    HaicReleaseSettings,
    haic_settings_from_json,
    haic_settings_to_json,
)
from shared.release.release_files import (
    CARD_NAME,
    MODELS_NAME,
    SETTINGS_NAME,
    WEIGHTS_NAME,
    ReleaseFiles,
    json_bytes,
    read_files,
    weight_problems,
    weights_bytes,
    write_files,
)

_NAMES = (WEIGHTS_NAME, SETTINGS_NAME, MODELS_NAME, CARD_NAME)


@dataclass(frozen=True)
class HaicRelease:
    """A released network with its fitted models, checked.

    Attributes:
        settings: All facts but the numbers of network and models.
        weights: Of the network, parameter name to float32 array.
        models: By name; each works on the columns of ``shared.cohort.fusion_columns``.
        card: The model card, Markdown.
        digest: SHA-256 of the list of checksums, hex: names exactly this release.
    """

    settings: HaicReleaseSettings
    weights: Mapping[str, np.ndarray]
    models: Mapping[str, FittedSvm]
    card: str
    digest: str


def write_haic_bundle(
    folder: Path,
    weights: Mapping[str, np.ndarray],
    models: Mapping[str, FittedSvm],
    settings: HaicReleaseSettings,
    card: str,
) -> HaicRelease:
    """Write a release folder, whole or not at all.

    An earlier release in the same place is replaced; any other folder with files in it is left
    alone.

    Args:
        folder: To be made.
        weights: Of the network: parameter name to finite float32 array.
        models: By name.
        settings: All other facts.
        card: The model card, Markdown.

    Returns:
        What was written.

    Raises:
        ReleaseError: With one problem per array that is not finite float32, number that is not
            finite or impossible fact, or if the folder holds something else.
    """
    problems = weight_problems(weights)
    if problems:
        raise ReleaseError("The weights cannot be released.", problems)
    digest = write_files(
        folder,
        {
            WEIGHTS_NAME: weights_bytes(weights),
            SETTINGS_NAME: json_bytes(haic_settings_to_json(settings)),
            MODELS_NAME: json_bytes(models_to_json(models)),
            CARD_NAME: card.encode(),
        },
    )
    return HaicRelease(settings, dict(weights), dict(models), card, digest)


def read_haic_release(folder: Path) -> HaicRelease:
    """Read a release folder, checking everything.

    Args:
        folder: As ``write_haic_bundle`` made it.

    Returns:
        The release.

    Raises:
        ReleaseError: With every problem found: a missing file, an altered file, facts of another
            version or study, weights that are not safetensors of float32, models whose numbers
            do not fit together.
    """
    files = read_files(folder, _NAMES)
    settings, models = _settings(files), _models(files)
    weights = files.weights()
    if files.problems or settings is None or models is None or weights is None:
        raise ReleaseError("The release cannot be used.", files.problems)
    card = files.contents[CARD_NAME].decode("utf-8")
    return HaicRelease(settings, weights, models, card, files.digest)


def read_any_release(folder: Path) -> Release | HaicRelease:
    """Read a release of whichever study; its settings tell which.

    Raises:
        ReleaseError: If it cannot be used; see ``read_release`` and ``read_haic_release``.
    """
    stored = read_files(folder, (SETTINGS_NAME,)).json_of(SETTINGS_NAME)
    if isinstance(stored, Mapping) and stored.get("format") == HAIC_RELEASE_FORMAT:
        return read_haic_release(folder)
    return read_release(folder)


def _settings(files: ReleaseFiles) -> HaicReleaseSettings | None:
    data = files.json_of(SETTINGS_NAME)
    if data is None:
        return None
    try:
        return haic_settings_from_json(data)
    except ReleaseError as error:
        files.problems.extend(error.problems)
    return None


def _models(files: ReleaseFiles) -> dict[str, FittedSvm] | None:
    data = files.json_of(MODELS_NAME)
    if data is None:
        return None
    try:
        return models_from_json(data)
    except ReleaseError as error:
        files.problems.extend(error.problems)
    return None
