"""From five MRI sequences to five image features (Quan 2024), in the readings its text permits.

"5 image features from 5 sequences" can mean one score per sequence, by one network shared by all
sequences (``shared``, the default) or by one network each (``per_sequence``), or a five-channel
network that ends in five units (``five_channel``). In the first two a feature is a logit of the
event and can be read; see ``docs/decisions/0004-five-image-features.md``.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from shared.errors import SettingsError
from shared.models.backbones import build_backbone
from shared.models.inception_v4 import InceptionV4, InceptionV4Settings
from shared.vocabulary import MriSequence


class Reading(StrEnum):
    """How five sequences become five features."""

    SHARED = "shared"
    PER_SEQUENCE = "per_sequence"
    FIVE_CHANNEL = "five_channel"


NETWORKS = ("inception_v4", "resnet18", "resnet50", "alexnet")
"""The candidates of Quan 2024 (Fig 2); the depth of its ResNet is not given."""


@dataclass(frozen=True)
class MriScoresSettings:
    """Everything that fixes the shape of the network.

    Attributes:
        sequences: MRI sequences, in the order of the input's sequence axis.
        network: One of ``NETWORKS``.
        reading: How sequences become features.
        norm: ``batch`` as published or ``group``; AlexNet has no norm layer.
        dropout: Before the last layer (Quan 2024: 0.2).
        width: Of InceptionV4's filters; 1 is the published network.
        blocks: Of InceptionV4; (4, 7, 3) is the published network.
    """

    sequences: tuple[MriSequence, ...] = tuple(MriSequence)
    network: str = "inception_v4"
    reading: Reading = Reading.SHARED
    norm: str = "batch"
    dropout: float = 0.2
    width: float = 1.0
    blocks: tuple[int, int, int] = (4, 7, 3)

    def __post_init__(self) -> None:
        """Refuse an empty or repeating list of sequences and an unknown network."""
        if not self.sequences or len(set(self.sequences)) != len(self.sequences):
            raise SettingsError(
                "Expected one or more different MRI sequences, got "
                f"'{', '.join(self.sequences)}'. Correct 'sequences'."
            )
        if self.network not in NETWORKS:
            raise SettingsError(
                f"Expected a network of {', '.join(NETWORKS)}, got {self.network!r}. "
                "Correct 'network'."
            )


class MriScores(nn.Module):
    """Five sequences to features, and features to logits of the event.

    In the readings with one score per sequence the features are the logits; the five-channel
    network adds one linear unit on its five features.
    """

    def __init__(self, settings: MriScoresSettings) -> None:
        """Build the network with random weights from torch's global generator."""
        super().__init__()
        self.settings = settings
        count = len(settings.sequences)
        self.last: nn.Module = nn.Identity()
        if settings.reading is Reading.FIVE_CHANNEL:
            self.networks = nn.ModuleList([_network(settings, channels=count, outputs=count)])
            self.last = nn.Linear(count, 1)
        elif settings.reading is Reading.PER_SEQUENCE:
            self.networks = nn.ModuleList(_network(settings, 1, 1) for _ in range(count))
        else:
            self.networks = nn.ModuleList([_network(settings, channels=1, outputs=1)])

    @property
    def images_at_once(self) -> int:
        """Give how many images of a slice the network holds in memory at the same time."""
        return len(self.settings.sequences) if self.settings.reading is Reading.SHARED else 1

    def feature_layers(self) -> list[nn.Module]:
        """Give each network's layers before its pool, in which an image is still an image."""
        layers = (
            network[0] if isinstance(network, nn.Sequential) else network.features
            for network in self.networks
        )
        return [layer for layer in layers if isinstance(layer, nn.Module)]

    def forward(
        self, images: Float[Tensor, "batch sequence height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Give one feature per sequence.

        Args:
            images: One slice of every sequence, in the order of the settings.

        Returns:
            Features; logits of the event unless the reading is ``five_channel``.

        Raises:
            SettingsError: When there are not as many sequences as the settings name.
        """
        batch, count = images.shape[:2]
        if count != len(self.settings.sequences):
            raise SettingsError(
                f"Expected images of {len(self.settings.sequences)} sequences, got {count}. "
                "Prepare the images with the same list of sequences."
            )
        if self.settings.reading is Reading.FIVE_CHANNEL:
            features: Tensor = self.networks[0](images)
            return features
        if self.settings.reading is Reading.SHARED:
            scores: Tensor = self.networks[0](images.flatten(0, 1).unsqueeze(1))
            return scores.reshape(batch, count)
        return torch.cat([net(images[:, i : i + 1]) for i, net in enumerate(self.networks)], dim=1)

    def logits(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch score"]:
        """Give the logits of the event that training compares with the outcome.

        Args:
            features: What ``forward`` gave.

        Returns:
            One logit per sequence, or a single one in the five-channel reading.
        """
        scored: Tensor = self.last(features)
        return scored


def _network(settings: MriScoresSettings, channels: int, outputs: int) -> nn.Module:
    if settings.network == "inception_v4":
        return InceptionV4(
            InceptionV4Settings(
                channels=channels,
                outputs=outputs,
                norm=settings.norm,
                width=settings.width,
                blocks=settings.blocks,
                dropout=settings.dropout,
            )
        )
    if settings.network == "alexnet":
        network = torchvision.models.alexnet(
            weights=None, num_classes=outputs, dropout=settings.dropout
        )
        first = network.features[0]
        network.features[0] = _with_channels(first, channels)
        built: nn.Module = network
        return built
    backbone = build_backbone(settings.network, settings.norm)
    backbone.features[0] = _with_channels(backbone.features[0], channels)
    return nn.Sequential(
        backbone.features,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(settings.dropout),
        nn.Linear(backbone.channels, outputs),
    )


def _with_channels(first: nn.Module, channels: int) -> nn.Module:
    if not isinstance(first, nn.Conv2d):
        raise TypeError(f"Expected a network that begins with a convolution, got {first}.")
    return nn.Conv2d(
        channels,
        first.out_channels,
        kernel_size=(first.kernel_size[0], first.kernel_size[1]),
        stride=(first.stride[0], first.stride[1]),
        padding=(int(first.padding[0]), int(first.padding[1])),
        bias=first.bias is not None,
    )
