import numpy as np
import pytest
import torch
from torch import nn

from shared.explain.scores_gradcam import feature_stages, scores_gradcam
from shared.models.mri_scores import NETWORKS, MriScores, MriScoresSettings, Reading
from shared.vocabulary import MriSequence

CPU = torch.device("cpu")
TWO = (MriSequence.T1_ARTERIAL, MriSequence.T2_FSE)


class Brightness(nn.Sequential):
    """Four convolutions of stride 2 that average, pooled to one score: the mean brightness."""

    def __init__(self, channels: int, weights: tuple[float, ...]) -> None:
        stages = nn.Sequential()
        for stage in range(4):
            layer = nn.Conv2d(channels if stage == 0 else 1, 1, 2, stride=2, bias=False)
            nn.init.constant_(layer.weight, 0.25)
            stages.append(nn.Sequential(layer))
        last = nn.Linear(1, len(weights), bias=False)
        with torch.no_grad():
            last.weight.copy_(torch.tensor(weights).unsqueeze(1))
        super().__init__(stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)


def planted(reading: Reading, weights: tuple[float, ...]) -> MriScores:
    """A network whose scores are, by construction, brightness times a weight."""
    network = MriScores(
        MriScoresSettings(sequences=TWO, network="resnet18", reading=reading)
    ).eval()
    if reading is Reading.PER_SEQUENCE:
        network.networks = nn.ModuleList(Brightness(1, (weight,)) for weight in weights)
    elif reading is Reading.SHARED:
        network.networks = nn.ModuleList([Brightness(1, weights[:1])])
    else:
        network.networks = nn.ModuleList([Brightness(2, weights)])
        with torch.no_grad():
            network.last.weight.fill_(1.0)
    return network


def study_with_a_spot() -> np.ndarray:
    """Two slices, wider than high; the first has a spot in the second sequence alone."""
    images = np.zeros((2, 2, 64, 96), dtype=np.float32)
    images[0, 1, 16:32, 48:64] = 1.0
    images[1, 1, 16:32, 48:64] = 0.25
    return images


SPOT = np.zeros((64, 96), dtype=bool)
SPOT[16:32, 48:64] = True


@pytest.mark.parametrize("reading", [Reading.SHARED, Reading.PER_SEQUENCE])
def test_each_map_explains_the_score_of_its_own_sequence(reading):
    heat = scores_gradcam(planted(reading, (1.0, 1.0)), study_with_a_spot(), CPU, 1)

    assert not heat[:, 0].any()
    assert heat[0, 1][SPOT].mean() > 10 * heat[0, 1][~SPOT].mean()
    assert heat[0, 1].max() == 1
    assert heat[1, 1].max() == pytest.approx(0.25, abs=1e-6)


def test_one_logit_of_all_sequences_gives_one_map_for_each():
    heat = scores_gradcam(planted(Reading.FIVE_CHANNEL, (1.0, 0.5)), study_with_a_spot(), CPU, 1)

    assert np.array_equal(heat[:, 0], heat[:, 1])
    assert heat[0, 0][SPOT].mean() > 10 * heat[0, 0][~SPOT].mean()


def test_evidence_against_the_event_is_not_shown():
    heat = scores_gradcam(planted(Reading.PER_SEQUENCE, (1.0, -1.0)), study_with_a_spot(), CPU, 1)

    assert not heat.any()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("reading", list(Reading))
def test_every_candidate_network_can_be_explained_in_every_reading(name, reading):
    settings = MriScoresSettings(
        sequences=TWO, network=name, reading=reading, width=0.1, blocks=(1, 1, 1)
    )
    torch.manual_seed(1)
    network = MriScores(settings)
    images = np.random.default_rng(1).normal(size=(1, 2, 80, 112)).astype(np.float32)

    heat = scores_gradcam(network, images, CPU)

    assert heat.shape == images.shape
    assert heat.min() >= 0
    assert set(heat.max(axis=(0, 2, 3)).round(6)) <= {0.0, 1.0}
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_small_slices_are_explained_by_a_finer_stage():
    network, images = planted(Reading.SHARED, (1.0,)), study_with_a_spot()

    fine, coarse = (scores_gradcam(network, images, CPU, cells)[0, 1] for cells in (7, 1))

    assert fine[~SPOT].sum() < 0.6 * coarse[~SPOT].sum()


def test_how_slices_are_batched_changes_nothing():
    torch.manual_seed(7)  # a network that speaks for the event
    network = MriScores(MriScoresSettings(sequences=TWO, network="resnet18"))
    images = np.random.default_rng(3).normal(size=(9, 2, 32, 48)).astype(np.float32)

    whole = scores_gradcam(network, images, CPU, 1)
    one = scores_gradcam(network, images[4:5], CPU, 1)

    assert one.any()
    for sequence in range(2):
        alone = one[0, sequence] * whole[4, sequence].max()
        assert np.allclose(whole[4, sequence], alone, atol=1e-5)


def test_something_else_than_an_image_network_is_refused():
    with pytest.raises(TypeError, match="feature stages"):
        feature_stages(nn.Linear(2, 2))
