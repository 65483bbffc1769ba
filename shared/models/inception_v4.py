"""InceptionV4, with width, depth and norm layer as parameters.

Source: Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning", AAAI 2017 (arXiv 1602.07261), figures 3 to 9. At full width
and depth, three input channels and 1000 classes it has the published 42,679,816 parameters.

The stem and the reductions are unpadded, as published, so an image needs at least 75 pixels a side.

Names of the feature layers' weights and the order in which branches are joined are those of the
``timm`` package's ``inception_v4``, so that weights learned with it fit without a table.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shared.errors import SettingsError
from shared.models.normalization import norm_layer

SMALLEST_SIDE = 75
"""Pixels below which the unpadded stem and two reductions leave nothing."""

_BATCH_NORM_EPSILON = 1e-3
"""Of the network that its authors published (TensorFlow-Slim, ``inception_utils``)."""

Size = int | tuple[int, int]


@dataclass(frozen=True)
class InceptionV4Settings:
    """Everything that fixes the shape of the network.

    Attributes:
        channels: Input channels.
        outputs: Values per image.
        norm: ``batch`` as published or ``group``.
        width: Multiplies every number of filters; 1 is the published network.
        blocks: Inception-A, -B and -C blocks; (4, 7, 3) is the published network.
        dropout: Share of features dropped before the last layer (Quan 2024: 0.2).
    """

    channels: int = 1
    outputs: int = 1
    norm: str = "batch"
    width: float = 1.0
    blocks: tuple[int, int, int] = (4, 7, 3)
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a network without filters or blocks."""
        if not 0 < self.width <= 1 or min(self.blocks) < 1:
            raise SettingsError(
                f"Expected a width in (0, 1] and at least one block of each kind, got width "
                f"{self.width:g} and blocks {self.blocks}. Correct the network settings."
            )


class _Builder:
    """Makes convolutions of one norm and width, so that blocks read like the paper's figures."""

    def __init__(self, settings: InceptionV4Settings) -> None:
        self.norm = norm_layer(settings.norm)
        self.width = settings.width

    def filters(self, published: int) -> int:
        """Scale a published number of filters; multiples of 4 keep groups possible."""
        return max(4, int(published * self.width / 4 + 0.5) * 4)

    def conv(
        self, inputs: int, outputs: int, size: Size, *, stride: int = 1, padding: Size = 0
    ) -> nn.Module:
        """Convolution, norm, ReLU; both numbers of filters as they are (already scaled)."""
        norm = self.norm(outputs)
        if isinstance(norm, nn.BatchNorm2d):
            norm.eps = _BATCH_NORM_EPSILON
        layers = nn.Sequential()
        layers.add_module(
            "conv", nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding, bias=False)
        )
        layers.add_module("bn", norm)
        layers.add_module("relu", nn.ReLU())  # not in place: per-sample gradients hook the norm
        return layers

    def chain(self, inputs: int, *steps: tuple[int, Size]) -> tuple[nn.Module, int]:
        """Stack convolutions that keep the size of the map; gives the last number of filters."""
        layers: list[nn.Module] = []
        for published, size in steps:
            outputs = self.filters(published)
            layers.append(self.conv(inputs, outputs, size, padding=_same(size)))
            inputs = outputs
        return (layers[0] if len(layers) == 1 else nn.Sequential(*layers)), inputs


def _same(size: Size) -> Size:
    if isinstance(size, tuple):
        return size[0] // 2, size[1] // 2
    return size // 2


class _Branches(nn.Module):
    """Parallel branches joined along the channels."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel_out height_out width_out"]:
        return torch.cat([branch(maps) for branch in self.children()], dim=1)


def _stem(build: _Builder, channels: int) -> tuple[list[nn.Module], int]:
    """Figure 3: from the image to 384 filters at an eighth of the size."""
    f32, f64, f96, f192 = (build.filters(n) for n in (32, 64, 96, 192))
    joined = f64 + f96
    short = nn.Sequential(build.conv(joined, f64, 1), build.conv(f64, f96, 3))
    long = nn.Sequential(
        build.conv(joined, f64, 1),
        build.conv(f64, f64, (1, 7), padding=(0, 3)),
        build.conv(f64, f64, (7, 1), padding=(3, 0)),
        build.conv(f64, f96, 3),
    )
    layers = [
        build.conv(channels, f32, 3, stride=2),
        build.conv(f32, f32, 3),
        build.conv(f32, f64, 3, padding=1),
        _Branches(maxpool=nn.MaxPool2d(3, 2), conv=build.conv(f64, f96, 3, stride=2)),
        _Branches(branch0=short, branch1=long),
        _Branches(conv=build.conv(2 * f96, f192, 3, stride=2), maxpool=nn.MaxPool2d(3, 2)),
    ]
    return layers, f192 + 2 * f96


def _pooled(build: _Builder, inputs: int, published: int) -> tuple[nn.Module, int]:
    outputs = build.filters(published)
    pool = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    return nn.Sequential(pool, build.conv(inputs, outputs, 1)), outputs


def _block_a(build: _Builder, inputs: int) -> tuple[nn.Module, int]:
    """Figure 4."""
    return _join(
        build.chain(inputs, (96, 1)),
        build.chain(inputs, (64, 1), (96, 3)),
        build.chain(inputs, (64, 1), (96, 3), (96, 3)),
        _pooled(build, inputs, 96),
    )


def _block_b(build: _Builder, inputs: int) -> tuple[nn.Module, int]:
    """Figure 5."""
    return _join(
        build.chain(inputs, (384, 1)),
        build.chain(inputs, (192, 1), (224, (1, 7)), (256, (7, 1))),
        build.chain(inputs, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
        _pooled(build, inputs, 128),
    )


class _BlockC(nn.Module):
    """Figure 6: two of the branches end in a fork."""

    def __init__(self, build: _Builder, inputs: int) -> None:
        super().__init__()
        f256, f384, f448, f512 = (build.filters(n) for n in (256, 384, 448, 512))
        self.width = 6 * f256
        self.branch0 = build.conv(inputs, f256, 1)
        self.branch1_0 = build.conv(inputs, f384, 1)
        self.branch1_1a = build.conv(f384, f256, (1, 3), padding=(0, 1))
        self.branch1_1b = build.conv(f384, f256, (3, 1), padding=(1, 0))
        self.branch2_0 = build.conv(inputs, f384, 1)
        self.branch2_1 = build.conv(f384, f448, (3, 1), padding=(1, 0))
        self.branch2_2 = build.conv(f448, f512, (1, 3), padding=(0, 1))
        self.branch2_3a = build.conv(f512, f256, (1, 3), padding=(0, 1))
        self.branch2_3b = build.conv(f512, f256, (3, 1), padding=(1, 0))
        self.branch3, _ = _pooled(build, inputs, 256)

    def forward(
        self, maps: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel_out height width"]:
        near = self.branch1_0(maps)
        far = self.branch2_2(self.branch2_1(self.branch2_0(maps)))
        parts = [
            self.branch0(maps),
            self.branch1_1a(near),
            self.branch1_1b(near),
            self.branch2_3a(far),
            self.branch2_3b(far),
            self.branch3(maps),
        ]
        return torch.cat(parts, dim=1)


def _block_c(build: _Builder, inputs: int) -> tuple[nn.Module, int]:
    block = _BlockC(build, inputs)
    return block, block.width


def _reduction_a(build: _Builder, inputs: int) -> tuple[nn.Module, int]:
    """Figure 7 with k, l, m, n = 192, 224, 256, 384 (table 1)."""
    f192, f224, f256, f384 = (build.filters(n) for n in (192, 224, 256, 384))
    narrow = nn.Sequential(
        build.conv(inputs, f192, 1),
        build.conv(f192, f224, 3, padding=1),
        build.conv(f224, f256, 3, stride=2),
    )
    return _join(
        (build.conv(inputs, f384, 3, stride=2), f384),
        (narrow, f256),
        (nn.MaxPool2d(3, 2), inputs),
    )


def _reduction_b(build: _Builder, inputs: int) -> tuple[nn.Module, int]:
    """Figure 8."""
    f192, f256, f320 = (build.filters(n) for n in (192, 256, 320))
    near = nn.Sequential(build.conv(inputs, f192, 1), build.conv(f192, f192, 3, stride=2))
    far = nn.Sequential(
        build.conv(inputs, f256, 1),
        build.conv(f256, f256, (1, 7), padding=(0, 3)),
        build.conv(f256, f320, (7, 1), padding=(3, 0)),
        build.conv(f320, f320, 3, stride=2),
    )
    return _join((near, f192), (far, f320), (nn.MaxPool2d(3, 2), inputs))


def _join(*parts: tuple[nn.Module, int]) -> tuple[nn.Module, int]:
    branches = {f"branch{place}": part for place, (part, _) in enumerate(parts)}
    return _Branches(**branches), sum(width for _, width in parts)


class InceptionV4(nn.Module):
    """Stem, A blocks, reduction, B blocks, reduction, C blocks, average pool, dropout, linear."""

    def __init__(self, settings: InceptionV4Settings) -> None:
        """Build the network with random weights from torch's global generator."""
        super().__init__()
        self.settings = settings
        build = _Builder(settings)
        layers, width = _stem(build, settings.channels)
        kinds = (_block_a, _block_b, _block_c)
        for place, (block, count) in enumerate(zip(kinds, settings.blocks, strict=True)):
            for _ in range(count):
                layer, width = block(build, width)
                layers.append(layer)
            if place < len(kinds) - 1:
                layer, width = (_reduction_a, _reduction_b)[place](build, width)
                layers.append(layer)
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(settings.dropout),
            nn.Linear(width, settings.outputs),
        )

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Score images.

        Args:
            images: At least 75 pixels a side.

        Returns:
            One row of outputs per image; logits, no activation.

        Raises:
            SettingsError: When the image is too small for the unpadded stem.
        """
        if min(images.shape[-2:]) < SMALLEST_SIDE:
            raise SettingsError(
                f"Expected images of at least {SMALLEST_SIDE} pixels a side, got "
                f"{images.shape[-2]} x {images.shape[-1]}. Raise the image size."
            )
        scores: Tensor = self.head(self.features(images))
        return scores
