from itertools import combinations

import pytest
import torch
from opacus import GradSampleModule
from opacus.validators import ModuleValidator
from torch.nn import functional

from shared.errors import SettingsError
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.vocabulary import CtPhase

PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(PHASES, size)]


def images(batch, phases):
    return torch.rand(batch, phases, 32, 32, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("phases", SUBSETS, ids="+".join)
def test_any_subset_of_phases_gives_two_logits_per_slice(phases):
    network = MultiphaseCt(MultiphaseCtSettings(phases=phases)).eval()
    with torch.inference_mode():
        assert network(images(2, len(phases))).shape == (2, 2)


@pytest.mark.parametrize("backbone", ["resnet34", "resnet50", "vgg19", "mobilenet_v3_large"])
def test_every_published_backbone_fits_into_a_pathway(backbone):
    settings = MultiphaseCtSettings(phases=(CtPhase.PORTAL,), backbone=backbone)
    network = MultiphaseCt(settings).eval()
    with torch.inference_mode():
        assert network(images(1, 1)).shape == (1, 2)


def test_the_published_network_has_the_parameters_of_its_parts():
    network = MultiphaseCt(MultiphaseCtSettings())
    resnet18_without_fc = 11_176_512
    convolution = 512 * 512 * 9 + 2 * 512
    attention = 4 * (512 * 512 + 512)
    classifier = (3 * 512 * 128 + 128) + (128 * 2 + 2)
    assert sum(p.numel() for p in network.parameters()) == (
        3 * (resnet18_without_fc + convolution) + attention + classifier
    )


def test_without_attention_the_phases_meet_only_in_the_classifier():
    network = MultiphaseCt(MultiphaseCtSettings(attention=False))
    assert not list(network.attention.parameters())


def test_every_phase_moves_the_answer():
    torch.manual_seed(0)
    network = MultiphaseCt(MultiphaseCtSettings(norm="group")).eval()
    batch = images(1, 3)
    with torch.inference_mode():
        before = network(batch)
        for phase in range(3):
            changed = batch.clone()
            changed[:, phase] = 1 - changed[:, phase]
            assert not torch.allclose(before, network(changed))


def test_group_norm_makes_the_network_fit_for_private_training():
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,), norm="group"))
    assert ModuleValidator.validate(network, strict=False) == []


def test_per_slice_gradients_sum_to_the_gradient_of_the_batch():
    torch.manual_seed(0)
    settings = MultiphaseCtSettings(phases=PHASES[:2], norm="group", dropout=0.0, hidden=8)
    network = MultiphaseCt(settings)
    events = torch.tensor([0, 1])
    functional.cross_entropy(network(images(2, 2)), events, reduction="sum").backward()
    whole = {name: p.grad.clone() for name, p in network.named_parameters()}
    network.zero_grad()
    wrapped = GradSampleModule(network, loss_reduction="sum")
    # Torch warns when a backward hook fires on a layer whose input needs no gradient.
    hooked = images(2, 2).requires_grad_()
    functional.cross_entropy(wrapped(hooked), events, reduction="sum").backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(
            parameter.grad_sample.sum(dim=0), whole[name], rtol=1e-3, atol=1e-4
        )


def test_batch_norm_is_refused_for_private_training():
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,)))
    assert ModuleValidator.validate(network, strict=False)


def test_images_with_another_number_of_phases_are_refused():
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,)))
    with pytest.raises(SettingsError, match=r"1 phases \(portal\), got 2"):
        network(images(1, 2))


@pytest.mark.parametrize("phases", [(), (CtPhase.PORTAL, CtPhase.PORTAL)])
def test_no_phase_or_a_phase_twice_is_refused(phases):
    with pytest.raises(SettingsError, match="different CT phases"):
        MultiphaseCtSettings(phases=phases)
