import numpy as np
import pytest
import torch
from torch import nn

from shared.errors import DeviceError
from shared.models.mri_scores import MriScores, MriScoresSettings
from shared.models.weights import to_arrays
from shared.training.device import choose_device, place, scoring_precision, training_precision

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")


def test_the_cpu_is_there_when_asked_for():
    assert choose_device("cpu").type == "cpu"


def test_auto_takes_the_gpu_exactly_where_there_is_one():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@NO_GPU
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_missing_gpu_is_an_error_that_says_what_to_do(name):
    with pytest.raises(DeviceError, match=rf"nvidia-smi.*'cpu' instead of '{name}'"):
        choose_device(name)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_that_does_not_exist_is_an_error_that_says_what_to_do():
    with pytest.raises(DeviceError, match="'cpu' instead of 'cuda:99'"):
        choose_device("cuda:99")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", ""])
def test_an_unknown_word_is_refused_with_the_choices(name):
    with pytest.raises(DeviceError, match="auto, cpu, cuda or cuda:N"):
        choose_device(name)


def test_a_cpu_computes_in_full_precision():
    layer = nn.Linear(2, 2)
    with training_precision(torch.device("cpu")):
        assert layer(torch.ones(1, 2)).dtype == torch.float32


def test_scoring_needs_no_gradients():
    layer = nn.Linear(2, 2)
    with scoring_precision(torch.device("cpu")):
        assert not layer(torch.ones(1, 2)).requires_grad


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_keeps_channels_last():
    layer = nn.Conv2d(3, 8, 3)
    place(layer, torch.device("cuda"))
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)


def test_an_mri_network_is_channels_last_also_on_a_cpu_and_others_keep_their_layout():
    network = MriScores(MriScoresSettings(width=0.05, blocks=(1, 1, 1)))
    place(network, torch.device("cpu"))
    weight = network.networks[0].features[1].conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    layer = nn.Conv2d(3, 8, 3)
    place(layer, torch.device("cpu"))
    assert layer.weight.is_contiguous()


def test_the_layout_changes_no_weight_that_travels():
    network = MriScores(MriScoresSettings(width=0.05, blocks=(1, 1, 1)))
    before = to_arrays(network)
    place(network, torch.device("cpu"))
    for name, array in to_arrays(network).items():
        np.testing.assert_array_equal(array, before[name])
        assert array.flags.c_contiguous
