import numpy as np
import pytest
import torch
from torch import nn

from shared.errors import MessageError
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.models.weights import load_arrays, to_arrays
from shared.vocabulary import CtPhase


def small_network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def test_every_array_is_float32_and_counters_stay_at_home():
    arrays = to_arrays(MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,))))
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    assert any(name.endswith("running_var") for name in arrays)
    assert not any(name.endswith("num_batches_tracked") for name in arrays)


def test_loading_what_was_taken_out_gives_the_same_answers():
    torch.manual_seed(0)
    source, target = small_network().eval(), small_network().eval()
    image = torch.rand(1, 1, 3, 3)
    assert not torch.equal(source(image), target(image))
    load_arrays(target, to_arrays(source))
    assert torch.equal(source(image), target(image))


def test_the_average_of_two_networks_loads_again():
    first, second = to_arrays(small_network()), to_arrays(small_network())
    target = small_network()
    load_arrays(target, {name: (first[name] + second[name]) / 2 for name in first})
    np.testing.assert_allclose(
        to_arrays(target)["0.weight"], (first["0.weight"] + second["0.weight"]) / 2
    )


def test_the_arrays_do_not_change_when_the_network_does():
    network = small_network()
    arrays = to_arrays(network)
    before = arrays["3.bias"].copy()
    with torch.no_grad():
        network[3].bias.add_(1)
    np.testing.assert_array_equal(arrays["3.bias"], before)


def test_read_only_arrays_load_without_a_warning():
    arrays = to_arrays(small_network())
    for array in arrays.values():
        array.flags.writeable = False
    target = small_network()
    load_arrays(target, arrays)
    np.testing.assert_array_equal(to_arrays(target)["3.weight"], arrays["3.weight"])


def test_all_problems_are_named_and_nothing_is_loaded():
    network = small_network()
    before = to_arrays(network)
    wrong = {name: array + 1 for name, array in before.items()}
    del wrong["0.bias"]
    wrong["extra"] = np.zeros(1, dtype=np.float32)
    wrong["0.weight"] = np.zeros((1,), dtype=np.float32)
    wrong["1.weight"] = np.array([1, np.nan], dtype=np.float32)
    wrong["3.bias"] = np.zeros(2, dtype=np.float64)
    with pytest.raises(MessageError) as caught:
        load_arrays(network, wrong)
    assert {problem.where for problem in caught.value.problems} == {
        "0.bias",
        "extra",
        "0.weight",
        "1.weight",
        "3.bias",
    }
    for name, array in to_arrays(network).items():
        np.testing.assert_array_equal(array, before[name])
