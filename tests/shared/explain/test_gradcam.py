import numpy as np
import torch
from torch import nn

from shared.explain.gradcam import gradcam
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.vocabulary import CtPhase

CPU = torch.device("cpu")
SETTINGS = MultiphaseCtSettings(phases=(CtPhase.ARTERIAL, CtPhase.PORTAL), attention=False)


class BrightestCells(nn.Sequential):
    """Four convolutions of stride 2 that average: one cell per 16 pixels, bright where it is."""

    def __init__(self) -> None:
        super().__init__()
        for stage in range(4):
            layer = nn.Conv2d(3 if stage == 0 else 1, 1, 2, stride=2, bias=False)
            nn.init.constant_(layer.weight, 1 / 12 if stage == 0 else 1 / 4)
            self.append(layer)


def planted_network(weight_by_phase: tuple[float, float] = (0.0, 1.0)) -> MultiphaseCt:
    """A network whose event score is, by construction, the brightness of the portal phase."""
    network = MultiphaseCt(SETTINGS).eval()
    for phase in SETTINGS.phases:
        pathway = network.pathway(phase)
        pathway.backbone = BrightestCells()
        pathway.convolution = nn.Sequential(nn.Identity())
    network.classifier = nn.Sequential(nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network.classifier[0].weight.copy_(torch.tensor([[0.0, 0.0], weight_by_phase]))
    return network


def study_with_a_spot() -> np.ndarray:
    """Two slices; only the first has a bright spot, rows 16 to 31, columns 32 to 47."""
    images = np.zeros((2, 2, 64, 64), dtype=np.float32)
    images[0, :, 16:32, 32:48] = 1.0
    images[1, :, 16:32, 32:48] = 0.25
    return images


def test_the_heat_lies_where_the_evidence_was_planted():
    heat = gradcam(planted_network(), study_with_a_spot(), CPU, minimum_cells=1)
    spot = np.zeros((64, 64), dtype=bool)
    spot[16:32, 32:48] = True
    portal = heat[0, 1]
    assert spot[np.unravel_index(portal.argmax(), portal.shape)]
    assert portal[spot].mean() > 10 * portal[~spot].mean()


def test_a_phase_that_does_not_count_stays_cold():
    heat = gradcam(planted_network(), study_with_a_spot(), CPU, minimum_cells=1)
    assert not heat[:, 0].any()


def test_evidence_against_the_event_is_not_shown():
    heat = gradcam(planted_network((0.0, -1.0)), study_with_a_spot(), CPU)
    assert not heat.any()


def test_slices_of_one_study_are_compared_with_each_other():
    heat = gradcam(planted_network(), study_with_a_spot(), CPU, minimum_cells=1)
    assert heat[0, 1].max() == 1.0
    np.testing.assert_allclose(heat[1, 1].max(), 0.25, rtol=1e-5)


def test_many_slices_give_the_same_maps_as_one_at_a_time():
    network = planted_network()
    one = study_with_a_spot()[:1]
    many = gradcam(network, np.repeat(one, 20, axis=0), CPU)
    np.testing.assert_allclose(many, np.repeat(gradcam(network, one, CPU), 20, axis=0))


def test_maps_come_from_the_last_stage_that_is_fine_enough():
    images = study_with_a_spot()
    coarse = gradcam(planted_network(), images, CPU, minimum_cells=1)
    fine = gradcam(planted_network(), images, CPU, minimum_cells=16)
    spot = np.zeros((64, 64), dtype=bool)
    spot[16:32, 32:48] = True
    assert fine[0, 1][~spot].mean() < coarse[0, 1][~spot].mean()


def test_the_published_network_is_left_as_it_was():
    network = MultiphaseCt(MultiphaseCtSettings()).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = np.random.default_rng(0).random((2, 3, 32, 32), dtype=np.float32)
    heat = gradcam(network, images, CPU)
    assert heat.shape == images.shape
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_frozen_network_is_explained_too():
    network = planted_network()
    free = gradcam(network, study_with_a_spot(), CPU)
    network.requires_grad_(requires_grad=False)
    np.testing.assert_array_equal(gradcam(network, study_with_a_spot(), CPU), free)


def test_at_the_published_size_the_default_is_the_published_layer():
    torch.manual_seed(0)
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,)))
    images = np.random.default_rng(0).random((1, 1, 224, 224), dtype=np.float32)
    last = gradcam(network, images, CPU, minimum_cells=1)
    np.testing.assert_array_equal(gradcam(network, images, CPU), last)
