"""Start the pathways from torchvision's ImageNet weights, kept in a local safetensors file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from shared.errors import MessageError, Problem, SettingsError
from shared.models.backbones import torchvision_prefix
from shared.models.multiphase_ct import MultiphaseCt
from shared.models.weights import load_arrays

_CLASSIFIERS = ("fc.", "classifier.")  # ImageNet's thousand classes serve nothing here
_COUNTER = "num_batches_tracked"


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise SettingsError(
            f"Expected a safetensors file of torchvision weights at '{path}', but reading it "
            f"failed with {type(error).__name__}. Correct 'pretrained-weights', or leave it empty "
            "to start from random weights."
        ) from error


def _features(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array.astype(np.float32)
        for name, array in arrays.items()
        if not name.startswith(_CLASSIFIERS) and not name.endswith(_COUNTER)
    }


def load_pretrained(network: MultiphaseCt, path: Path) -> None:
    """Start every phase's backbone from the same file.

    Source: Liao 2024, section 2.4 (ResNet-18, pre-trained on ImageNet, fine-tuned). The file is
    what ``safetensors.torch.save_file(model.state_dict(), path)`` makes of a torchvision model.

    Args:
        network: Changed in place, all backbones or, on any problem, none.
        path: The file.

    Raises:
        SettingsError: When the file cannot be read, belongs to another network, or the network
            has group norm, which batch-norm weights do not fit.
    """
    settings = network.settings
    if settings.norm != "batch":
        raise SettingsError(
            f"Expected batch norm with pretrained weights, got {settings.norm!r} norm: the "
            "weights were learned with batch statistics. Choose norm 'batch', or leave "
            "'pretrained-weights' empty."
        )
    features = _features(_read(path), torchvision_prefix(settings.backbone))
    for phase in settings.phases:
        try:
            load_arrays(network.pathway(phase).backbone, features)
        except MessageError as error:
            problems = [
                Problem(p.where, p.got, p.expected, "Save it from the backbone named in the run.")
                for p in error.problems
            ]
            raise SettingsError(
                f"The file '{path}' does not hold torchvision's {settings.backbone}.", problems
            ) from error
