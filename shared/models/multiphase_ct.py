"""The network of Liao 2024: one image pathway per CT phase, joined by self-attention."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shared.errors import SettingsError
from shared.models.attention import SelfAttention
from shared.models.backbones import build_backbone
from shared.models.normalization import norm_layer
from shared.vocabulary import CtPhase

NO_EVENT = 0
EVENT = 1
"""Places of the two classes among the logits."""

_TOKEN_FEATURES = 512
"""Width of the extra convolution (papers leave it open; the width of ResNet-18's last stage)."""


@dataclass(frozen=True)
class MultiphaseCtSettings:
    """Everything that fixes the shape of the network.

    Attributes:
        phases: CT phases, in the order of the input's phase axis; any non-empty subset.
        backbone: Pathway network, one of ``shared.models.backbones.BACKBONES``.
        norm: ``batch`` as published or ``group``.
        attention: Whether self-attention joins the phases (Liao 2024, Fig 3b ablates it).
        heads: Attention heads (not given in the paper; one).
        hidden: Width of the first fully connected layer (not given in the paper).
        dropout: Share of units dropped between the fully connected layers (Liao 2024: 0.5).
        classes: Two: no event, event.
    """

    phases: tuple[CtPhase, ...] = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
    backbone: str = "resnet18"
    norm: str = "batch"
    attention: bool = True
    heads: int = 1
    hidden: int = 128
    dropout: float = 0.5
    classes: int = 2

    def __post_init__(self) -> None:
        """Refuse an empty or repeating list of phases."""
        if not self.phases or len(set(self.phases)) != len(self.phases):
            raise SettingsError(
                "Expected one or more different CT phases, got "
                f"'{', '.join(self.phases)}'. Correct 'phases'."
            )


class Pathway(nn.Module):
    """One phase's way from an image to a token: backbone, extra convolution, average pool.

    Source: Liao 2024, section 2.4 ("several convolution layers with BatchNorm and ReLU, then
    average pooling to 1x1"); one 3x3 convolution, as neither number nor width is printed.
    """

    def __init__(self, settings: MultiphaseCtSettings) -> None:
        """Build the pathway with random weights."""
        super().__init__()
        backbone = build_backbone(settings.backbone, settings.norm)
        self.backbone = backbone.features
        self.convolution = nn.Sequential(
            nn.Conv2d(backbone.channels, _TOKEN_FEATURES, 3, padding=1, bias=False),
            norm_layer(settings.norm)(_TOKEN_FEATURES),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)

    def stages(self) -> tuple[nn.Module, ...]:
        """Give the stages in the order an image passes them; the last ends the pathway's maps."""
        return (*self.backbone.children(), self.convolution)

    def forward(
        self, image: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Turn one phase into a token of 512 features.

        CT has one channel and the backbone three: the grey value is replicated, so that weights
        learned on colour pictures fit (Liao 2024 starts from ImageNet).
        """
        colour = image.expand(-1, 3, -1, -1)
        token: Tensor = self.pool(self.convolution(self.backbone(colour))).flatten(1)
        return token


class MultiphaseCt(nn.Module):
    """One pathway per phase, self-attention across the phase tokens, two fully connected layers.

    Source: Liao 2024, section 2.4 and Fig 2a. The tokens are joined by concatenation after the
    attention, which keeps them apart by phase.
    """

    def __init__(self, settings: MultiphaseCtSettings) -> None:
        """Build the network with random weights from torch's global generator."""
        super().__init__()
        self.settings = settings
        self.pathways = nn.ModuleDict({phase.value: Pathway(settings) for phase in settings.phases})
        self.attention: nn.Module = (
            SelfAttention(_TOKEN_FEATURES, settings.heads) if settings.attention else nn.Identity()
        )
        self.classifier = nn.Sequential(
            nn.Linear(_TOKEN_FEATURES * len(settings.phases), settings.hidden),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.hidden, settings.classes),
        )

    def pathway(self, phase: CtPhase) -> Pathway:
        """Give the pathway of one phase.

        Raises:
            KeyError: When the network does not see the phase.
        """
        found = self.pathways[phase.value]
        if not isinstance(found, Pathway):
            raise TypeError(f"Expected a Pathway at '{phase}', got {type(found).__name__}.")
        return found

    def forward(
        self, images: Float[Tensor, "batch phase height width"]
    ) -> Float[Tensor, "batch class"]:
        """Score slices.

        Args:
            images: Values in [0, 1]; phases in the order of the settings; 32 pixels a side or
                more.

        Returns:
            Logits in the order no event, event.

        Raises:
            SettingsError: When the phases of the images are not as many as the network's.
        """
        phases = self.settings.phases
        if images.shape[1] != len(phases):
            raise SettingsError(
                f"Expected images of {len(phases)} phases ({', '.join(phases)}), got "
                f"{images.shape[1]}. Prepare the images with the same list of phases."
            )
        tokens = torch.stack(
            [self.pathways[phase.value](images[:, i : i + 1]) for i, phase in enumerate(phases)],
            dim=1,
        )
        logits: Tensor = self.classifier(self.attention(tokens).flatten(1))
        return logits
