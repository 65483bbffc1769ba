"""Start a network's feature layers from weights learned elsewhere, kept in a local file.

The file is what ``safetensors.torch.save_file(model.state_dict(), path)`` makes of a torchvision
model, of timm's ``inception_v4``, or of an MRI network of ours, whose first network is then taken
for all. Nothing is downloaded.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import nn

from shared.errors import MessageError, Problem, SettingsError
from shared.models.backbones import torchvision_prefix
from shared.models.mri_scores import MriScores, Reading
from shared.models.multiphase_ct import MultiphaseCt
from shared.models.study_network import StudyNetwork
from shared.models.weights import load_arrays

_CLASSIFIERS = ("fc.", "classifier.", "last_linear.", "head.")
"""ImageNet's thousand classes serve nothing here."""
_COUNTER = "num_batches_tracked"

_SOURCES = {"inception_v4": "timm's inception_v4"}
_FIRST = {"inception_v4": "0.conv.weight", "alexnet": "0.weight"}
_FIRST_OF_RESNETS = "conv1.weight"


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise SettingsError(
            f"Expected a safetensors file of weights at '{path}', but reading it failed with "
            f"{type(error).__name__}. Correct 'pretrained-weights', or leave it empty to start "
            "from random weights."
        ) from error


def _features(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array.astype(np.float32)
        for name, array in arrays.items()
        if not name.startswith(_CLASSIFIERS) and not name.endswith(_COUNTER)
    }


def _load(
    parts: list[nn.Module], features: Mapping[str, np.ndarray], path: Path, network: str
) -> None:
    for part in parts:
        try:
            load_arrays(part, features)
        except MessageError as error:
            problems = [
                Problem(p.where, p.got, p.expected, "Save it from the network named in the run.")
                for p in error.problems
            ]
            source = _SOURCES.get(network, f"torchvision's {network}")
            raise SettingsError(f"The file '{path}' does not hold {source}.", problems) from error


def load_pretrained(network: StudyNetwork, path: Path) -> None:
    """Start every pathway or network for one image from the same file.

    Sources: Liao 2024, section 2.4 (ResNet-18, pre-trained on ImageNet, fine-tuned). Quan 2024
    starts from random weights; pre-training is an option there.

    A CT pathway shows its grey image to all three colours. An MRI network has one channel, whose
    weight is the sum over the colours and so does the same; with five channels it is a fifth of
    that for each, so that five equal sequences give what one would.

    Args:
        network: Changed in place, all its feature layers or, on any problem, none.
        path: The file.

    Raises:
        SettingsError: When the file cannot be read, belongs to another network, or the network
            has group norm, which batch-norm weights do not fit.
    """
    if network.settings.norm != "batch":
        raise SettingsError(
            f"Expected batch norm with pretrained weights, got {network.settings.norm!r} norm: "
            "the weights were learned with batch statistics. Choose norm 'batch', or leave "
            "'pretrained-weights' empty."
        )
    arrays = _read(path)
    if isinstance(network, MultiphaseCt):
        backbone = network.settings.backbone
        backbones: list[nn.Module] = [
            network.pathway(phase).backbone for phase in network.settings.phases
        ]
        _load(backbones, _features(arrays, torchvision_prefix(backbone)), path, backbone)
    else:
        _load_mri(network, arrays, path)


def _load_mri(network: MriScores, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    settings = network.settings
    resnet = settings.network.startswith("resnet")
    own = "networks.0.0." if resnet else "networks.0.features."
    if any(name.startswith(own) for name in arrays):
        kept = {name: array for name, array in arrays.items() if name.startswith(own)}
        features = _features(kept, own)
    else:
        features = _features(arrays, "" if resnet else "features.")
    first = _FIRST.get(settings.network, _FIRST_OF_RESNETS)
    if first in features:
        channels = len(settings.sequences) if settings.reading is Reading.FIVE_CHANNEL else 1
        features[first] = _grey(features[first], channels)
    _load(network.feature_layers(), features, path, settings.network)


def _grey(weight: np.ndarray, channels: int) -> np.ndarray:
    """Give a first convolution of so many grey channels; one that has them stays as it is."""
    if weight.shape[1:2] == (channels,):
        return weight
    return np.repeat(weight.sum(axis=1, keepdims=True) / channels, channels, axis=1)
