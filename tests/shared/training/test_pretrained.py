import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from shared.errors import SettingsError
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.models.weights import to_arrays
from shared.training.pretrained import load_pretrained
from shared.vocabulary import CtPhase

PHASES = (CtPhase.ARTERIAL, CtPhase.PORTAL)


@pytest.fixture(scope="module")
def resnet18_file(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


def network(**changes) -> MultiphaseCt:
    return MultiphaseCt(MultiphaseCtSettings(phases=PHASES, **changes))


def test_every_pathway_starts_from_the_file(resnet18_file):
    net = network()
    load_pretrained(net, resnet18_file)
    torch.manual_seed(0)
    original = torchvision.models.resnet18(weights=None).eval()
    image = torch.rand(1, 1, 32, 32)
    with torch.inference_mode():
        expected = original(image.expand(-1, 3, -1, -1))
        for phase in PHASES:
            maps = net.pathway(phase).backbone.eval()(image.expand(-1, 3, -1, -1))
            torch.testing.assert_close(original.fc(maps.mean(dim=(2, 3))), expected)


def test_what_torchvision_lacks_keeps_its_random_weights(resnet18_file):
    net = network()
    before = to_arrays(net.classifier)
    load_pretrained(net, resnet18_file)
    for name, array in to_arrays(net.classifier).items():
        np.testing.assert_array_equal(array, before[name])


def test_weights_of_another_network_are_refused_by_name(resnet18_file):
    net = network(backbone="resnet34")
    before = to_arrays(net)
    with pytest.raises(SettingsError, match="does not hold torchvision's resnet34") as caught:
        load_pretrained(net, resnet18_file)
    assert "layer1.2.conv1.weight" in {problem.where for problem in caught.value.problems}
    for name, array in to_arrays(net).items():
        np.testing.assert_array_equal(array, before[name])


def test_group_norm_refuses_batch_norms_weights(resnet18_file):
    with pytest.raises(SettingsError, match="norm 'batch'"):
        load_pretrained(network(norm="group"), resnet18_file)


def test_a_missing_file_is_refused_with_advice(tmp_path):
    with pytest.raises(SettingsError, match="leave it empty"):
        load_pretrained(network(), tmp_path / "none.safetensors")


def test_a_file_that_is_no_safetensors_is_refused_with_advice(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not a header at all")
    with pytest.raises(SettingsError, match="SafetensorError"):
        load_pretrained(network(), path)
