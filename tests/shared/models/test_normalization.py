import pytest
import torch
from torch import nn

from shared.errors import SettingsError
from shared.models.normalization import norm_layer


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (512, 32), (40, 8), (16, 16)])
def test_group_norm_takes_as_many_of_32_groups_as_divide_the_channels(channels, groups):
    layer = norm_layer("group")(channels)
    assert isinstance(layer, nn.GroupNorm)
    assert layer.num_groups == groups


def test_group_norm_of_a_slice_does_not_depend_on_its_neighbours():
    layer = norm_layer("group")(32)
    images = torch.randn(4, 32, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(images)[:1], layer(images[:1]))


def test_batch_norm_keeps_running_statistics():
    assert "running_mean" in dict(norm_layer("batch")(8).named_buffers())


def test_an_unknown_norm_is_refused_with_the_choices():
    with pytest.raises(SettingsError, match=r"batch, group, got 'layer'"):
        norm_layer("layer")
