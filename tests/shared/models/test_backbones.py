import pytest
import torch
import torchvision
from torch import nn

from shared.errors import SettingsError
from shared.models.backbones import BACKBONES, build_backbone, torchvision_prefix


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_ends_in_the_width_it_states(name):
    backbone = build_backbone(name, "batch")
    backbone.features.eval()
    with torch.inference_mode():
        maps = backbone.features(torch.zeros(1, 3, 32, 32))
    assert maps.shape[:2] == (1, backbone.channels)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_large"])
def test_group_norm_leaves_no_batch_norm_behind(name):
    layers = list(build_backbone(name, "group").features.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in layers)
    assert any(isinstance(layer, nn.GroupNorm) for layer in layers)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_large"])
def test_names_below_the_cut_are_torchvisions_own(name):
    prefix = torchvision_prefix(name)
    original = getattr(torchvision.models, name)(weights=None).state_dict()
    cut = build_backbone(name, "batch").features.state_dict()
    assert {prefix + key for key in cut} == {
        key for key in original if not key.startswith(("fc.", "classifier."))
    }


def test_an_unknown_backbone_is_refused_with_the_choices():
    with pytest.raises(SettingsError, match=r"resnet18.*got 'alexnet'"):
        build_backbone("alexnet", "batch")


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_resnet_with_torchvisions_weights_gives_torchvisions_features(name):
    torch.manual_seed(0)
    original = getattr(torchvision.models, name)(weights=None).eval()
    ours = build_backbone(name, "batch").features.eval()
    ours.load_state_dict(
        {k: v for k, v in original.state_dict().items() if not k.startswith("fc.")}
    )
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        features = ours(image).mean(dim=(2, 3))
        torch.testing.assert_close(original.fc(features), original(image))
