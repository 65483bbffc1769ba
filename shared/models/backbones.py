"""Torchvision image networks, by name, cut after their last feature layer.

Parameter names below the cut are torchvision's own, so that its weights load without a table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torchvision
from torch import Tensor, nn
from torchvision.models import resnet

from shared.errors import SettingsError
from shared.models.normalization import norm_layer


@dataclass(frozen=True)
class Backbone:
    """A feature extractor and what its surroundings must know about it.

    Attributes:
        features: Maps three-channel images to feature maps, stage after stage.
        channels: Number of feature maps it ends in.
    """

    features: nn.Sequential
    channels: int


@dataclass(frozen=True)
class _Architecture:
    build: Callable[[str], Backbone]
    prefix: str


class _BasicBlock(resnet.BasicBlock):  # type: ignore[misc]  # torchvision ships no types
    """Torchvision's block of two convolutions, adding its input without overwriting.

    Per-sample gradients (Opacus) hook the norm layers, and torch forbids overwriting what a
    hooked layer returns. MobileNet's blocks overwrite too and are left as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        summed: Tensor = self.relu(inner + (x if self.downsample is None else self.downsample(x)))
        return summed


class _Bottleneck(resnet.Bottleneck):  # type: ignore[misc]  # torchvision ships no types
    """Torchvision's block of three convolutions, adding its input without overwriting."""

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        inner = self.bn3(self.conv3(inner))
        summed: Tensor = self.relu(inner + (x if self.downsample is None else self.downsample(x)))
        return summed


def _resnet(
    block: type[resnet.BasicBlock | resnet.Bottleneck], depths: list[int]
) -> Callable[[str], Backbone]:
    def build(norm: str) -> Backbone:
        network = resnet.ResNet(block, depths, norm_layer=norm_layer(norm))
        stages = nn.Sequential()
        for name, stage in network.named_children():
            if name not in {"avgpool", "fc"}:
                stages.add_module(name, stage)
        return Backbone(stages, network.fc.in_features)

    return build


def _vgg19(_norm: str) -> Backbone:
    return Backbone(torchvision.models.vgg19(weights=None).features, 512)


def _mobilenet(norm: str) -> Backbone:
    network = torchvision.models.mobilenet_v3_large(weights=None, norm_layer=norm_layer(norm))
    return Backbone(network.features, 960)


_ACTIVATIONS = (nn.ReLU, nn.Hardswish, nn.Hardsigmoid)

_ARCHITECTURES: dict[str, _Architecture] = {
    "resnet18": _Architecture(_resnet(_BasicBlock, [2, 2, 2, 2]), ""),
    "resnet34": _Architecture(_resnet(_BasicBlock, [3, 4, 6, 3]), ""),
    "resnet50": _Architecture(_resnet(_Bottleneck, [3, 4, 6, 3]), ""),
    "vgg19": _Architecture(_vgg19, "features."),
    "mobilenet_v3_large": _Architecture(_mobilenet, "features."),
}
BACKBONES = tuple(_ARCHITECTURES)
"""The networks that Liao 2024 compares (section 2.4, Table 3); VGG19 itself has no norm layer."""


def _architecture(name: str) -> _Architecture:
    if name not in _ARCHITECTURES:
        raise SettingsError(
            f"Expected a backbone of {', '.join(BACKBONES)}, got {name!r}. Correct 'backbone'."
        )
    return _ARCHITECTURES[name]


def build_backbone(name: str, norm: str) -> Backbone:
    """Build a backbone with random weights.

    Args:
        name: One of ``BACKBONES``.
        norm: Normalisation layer, ``batch`` or ``group``; VGG19 has none to replace.

    Returns:
        The cut network and its width.

    Raises:
        SettingsError: When a name is unknown.
    """
    backbone = _architecture(name).build(norm)
    for layer in backbone.features.modules():
        if isinstance(layer, _ACTIVATIONS):
            # The same trap as in the blocks above; training keeps the activations either way.
            layer.inplace = False
    return backbone


def torchvision_prefix(name: str) -> str:
    """Give what torchvision's parameter names carry before ours.

    Args:
        name: One of ``BACKBONES``.

    Returns:
        ``""`` for ResNets, ``"features."`` for VGG and MobileNet.

    Raises:
        SettingsError: When the name is unknown.
    """
    return _architecture(name).prefix
