"""InceptionV4 is the published network at full size, and the same idea when narrowed."""

import hashlib

import pytest
import torch
from torch import nn

from shared.errors import SettingsError
from shared.models.inception_v4 import SMALLEST_SIDE, InceptionV4, InceptionV4Settings

SMALL = InceptionV4Settings(channels=2, outputs=3, width=0.125, blocks=(1, 1, 1))
TIMMS = "b96b08bf109eef5f0d63be4fd6b6e3559e630e1a5bc0396aa5dd8af047e118a0"


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_full_network_has_the_published_number_of_parameters():
    with torch.device("meta"):
        network = InceptionV4(InceptionV4Settings(channels=3, outputs=1000))
    assert parameters(network) == 42_679_816


def test_the_map_before_the_pool_is_8_by_8_at_299_pixels():
    # Szegedy 2016, figure 9: 8 x 8 x 1536.
    with torch.device("meta"):
        network = InceptionV4(InceptionV4Settings(channels=3, outputs=1000))
        maps = network.features(torch.empty(1, 3, 299, 299))
    assert tuple(maps.shape) == (1, 1536, 8, 8)


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_a_narrow_network_scores_images_of_any_permitted_size(norm):
    torch.manual_seed(0)
    settings = InceptionV4Settings(2, 3, norm, width=0.125, blocks=(1, 1, 1))
    network = InceptionV4(settings).eval()
    scores = network(torch.randn(2, 2, SMALLEST_SIDE, 90))
    assert tuple(scores.shape) == (2, 3)
    assert torch.isfinite(scores).all()


def test_group_norm_leaves_no_batch_norm():
    settings = InceptionV4Settings(norm="group", width=0.125, blocks=(1, 1, 1))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in InceptionV4(settings).modules())


def test_an_image_too_small_is_refused_with_its_size():
    with pytest.raises(SettingsError, match="60 x 60"):
        InceptionV4(SMALL)(torch.zeros(1, 2, 60, 60))


@pytest.mark.parametrize("wrong", [{"width": 0.0}, {"width": 1.5}, {"blocks": (1, 0, 1)}])
def test_a_network_without_filters_or_blocks_is_refused(wrong):
    with pytest.raises(SettingsError, match="width"):
        InceptionV4Settings(**wrong)


def test_every_parameter_receives_a_gradient():
    torch.manual_seed(0)
    network = InceptionV4(SMALL)
    network(torch.randn(2, 2, SMALLEST_SIDE, SMALLEST_SIDE)).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_names_and_shapes_of_the_feature_layers_are_timms():
    # timm 1.0.31: the sorted "name shape" lines of create_model("inception_v4").state_dict() that
    # start with "features.", without the counters of batches.
    with torch.device("meta"):
        network = InceptionV4(InceptionV4Settings(channels=3, outputs=1000))
    lines = sorted(
        f"{name} {tuple(tensor.shape)}"
        for name, tensor in network.state_dict().items()
        if name.startswith("features.") and not name.endswith("num_batches_tracked")
    )
    assert len(lines) == 5 * 149
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == TIMMS


def test_branches_are_joined_in_the_order_of_their_names():
    # A consumer's weights fit only when its inputs come in the order they were learned in.
    torch.manual_seed(0)
    network = InceptionV4(SMALL).eval()
    image = torch.randn(1, 2, 90, 90)
    before = network.features[:3](image)
    stem = network.features[3]
    expected = torch.cat([stem.maxpool(before), stem.conv(before)], dim=1)
    torch.testing.assert_close(stem(before), expected)
    last = network.features[-1]
    maps = torch.randn(1, last.branch0.conv.in_channels, 2, 3)
    widths = [last.branch0.conv.out_channels] * 6
    parts = last(maps).split(widths, dim=1)
    torch.testing.assert_close(parts[0], last.branch0(maps))
    torch.testing.assert_close(parts[2], last.branch1_1b(last.branch1_0(maps)))
    torch.testing.assert_close(parts[5], last.branch3(maps))
