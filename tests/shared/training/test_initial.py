import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

from shared.models.mri_scores import MriScores, MriScoresSettings
from shared.models.multiphase_ct import MultiphaseCtSettings
from shared.models.weights import to_arrays
from shared.training.initial import initial_network
from shared.vocabulary import CtPhase

SETTINGS = MultiphaseCtSettings(phases=(CtPhase.PORTAL,))


def test_a_seed_always_gives_the_same_network():
    first = to_arrays(initial_network(SETTINGS, 4))
    torch.rand(3)
    second = to_arrays(initial_network(SETTINGS, 4))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_another_seed_gives_another_network():
    name = "pathways.portal.backbone.conv1.weight"
    first, second = (to_arrays(initial_network(SETTINGS, seed))[name] for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_torchs_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    initial_network(SETTINGS, 1)
    assert torch.equal(torch.rand(1), expected)


def test_pretrained_weights_replace_the_backbones(tmp_path):
    path = tmp_path / "resnet18.safetensors"
    original = torchvision.models.resnet18(weights=None).state_dict()
    save_file(original, path)
    network = initial_network(SETTINGS, 0, path)
    assert torch.equal(network.pathway(CtPhase.PORTAL).backbone[0].weight, original["conv1.weight"])


def test_the_mri_network_too_is_the_same_for_the_same_seed():
    settings = MriScoresSettings(width=0.05, blocks=(1, 1, 1))
    first, second = initial_network(settings, 4), initial_network(settings, 4)
    assert isinstance(first, MriScores)
    other = to_arrays(second)
    for name, array in to_arrays(first).items():
        np.testing.assert_array_equal(array, other[name])
