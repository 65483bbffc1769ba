import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from shared.errors import SettingsError
from shared.models.inception_v4 import InceptionV4, InceptionV4Settings
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
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


NARROW = {"width": 0.05, "blocks": (1, 1, 1)}


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory):
    """A file with the names of timm's network, narrowed, for three colours and ten classes."""
    torch.manual_seed(1)
    colour = InceptionV4(InceptionV4Settings(channels=3, outputs=10, **NARROW)).state_dict()
    arrays = {name.replace("head.3", "last_linear"): value for name, value in colour.items()}
    path = tmp_path_factory.mktemp("weights") / "inception_v4.safetensors"
    save_file(arrays, path)
    return path


def mri_network(**changes) -> MriScores:
    return MriScores(MriScoresSettings(**{**NARROW, **changes}))


@pytest.mark.parametrize("reading", list(Reading))
def test_an_mri_network_sees_grey_as_the_colour_network_does(inception_file, reading):
    net = mri_network(reading=reading)
    load_pretrained(net, inception_file)
    torch.manual_seed(1)
    colour = InceptionV4(InceptionV4Settings(channels=3, outputs=10, **NARROW)).eval()
    grey = torch.randn(2, 1, 80, 80)
    with torch.inference_mode():
        expected = colour.features(grey.expand(-1, 3, -1, -1))
        for layers in net.eval().feature_layers():
            channels = 5 if reading is Reading.FIVE_CHANNEL else 1
            given = layers(grey.expand(-1, channels, -1, -1))
            torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "alexnet"])
def test_torchvisions_names_fit_the_other_candidates(tmp_path, name):
    torch.manual_seed(0)
    original = torchvision.models.get_model(name, weights=None)
    save_file(original.state_dict(), tmp_path / "weights.safetensors")
    net = mri_network(network=name, reading=Reading.PER_SEQUENCE)
    load_pretrained(net, tmp_path / "weights.safetensors")
    weights = original.conv1.weight if name == "resnet18" else original.features[0].weight
    for layers in net.feature_layers():
        torch.testing.assert_close(layers[0].weight, weights.sum(dim=1, keepdim=True))


@pytest.mark.parametrize("name", ["inception_v4", "resnet18"])
def test_our_own_networks_weights_can_start_another(tmp_path, name):
    torch.manual_seed(2)
    first, second = mri_network(network=name), mri_network(network=name)
    save_file(to_arrays_as_tensors(first), tmp_path / "weights.safetensors")
    load_pretrained(second, tmp_path / "weights.safetensors")
    theirs = to_arrays(first.feature_layers()[0])
    for key, array in to_arrays(second.feature_layers()[0]).items():
        np.testing.assert_array_equal(array, theirs[key])


def to_arrays_as_tensors(network: MriScores) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in to_arrays(network).items()}


def test_a_network_of_other_width_is_refused_and_stays_as_it_was(inception_file):
    net = mri_network(width=0.125)
    before = to_arrays(net)
    with pytest.raises(SettingsError, match="does not hold timm's inception_v4") as caught:
        load_pretrained(net, inception_file)
    assert any("shape" in problem.got for problem in caught.value.problems)
    for name, array in to_arrays(net).items():
        np.testing.assert_array_equal(array, before[name])


def test_weights_of_a_resnet_do_not_fit_an_inception(resnet18_file):
    with pytest.raises(SettingsError, match="timm's inception_v4"):
        load_pretrained(mri_network(), resnet18_file)
