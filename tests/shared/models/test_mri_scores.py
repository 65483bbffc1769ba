"""Five sequences become five features in each reading, by each candidate network."""

import pytest
import torch

from shared.errors import SettingsError
from shared.models.mri_scores import NETWORKS, MriScores, MriScoresSettings, Reading
from shared.vocabulary import MriSequence

NARROW = {"width": 0.125, "blocks": (1, 1, 1)}


def build(**changes):
    torch.manual_seed(0)
    return MriScores(MriScoresSettings(**{**NARROW, **changes})).eval()


@pytest.mark.parametrize("reading", list(Reading))
@pytest.mark.parametrize("network", NETWORKS)
def test_every_candidate_gives_one_feature_per_sequence(network, reading):
    images = torch.randn(2, 5, 80, 96)
    net = build(network=network, reading=reading)
    features = net(images)
    assert tuple(features.shape) == (2, 5)
    assert net.logits(features).shape[1] == (1 if reading is Reading.FIVE_CHANNEL else 5)


def test_the_shared_network_scores_a_sequence_alike_wherever_it_stands():
    net = build()
    images = torch.randn(1, 5, 80, 80)
    swapped = images[:, [1, 0, 2, 3, 4]]
    torch.testing.assert_close(net(images)[:, [1, 0, 2, 3, 4]], net(swapped))


def test_networks_per_sequence_read_only_their_own():
    net = build(reading=Reading.PER_SEQUENCE)
    images = torch.randn(1, 5, 80, 80)
    changed = images.clone()
    changed[:, 3] += 1.0
    before, after = net(images)[0], net(changed)[0]
    moved = (before != after).nonzero().flatten().tolist()
    assert moved == [3]


def test_the_readings_cost_what_their_names_say():
    def parameters(reading):
        with torch.device("meta"):
            return sum(p.numel() for p in build(reading=reading).parameters())

    assert parameters(Reading.PER_SEQUENCE) == 5 * parameters(Reading.SHARED)


def test_wrong_sequences_are_refused():
    with pytest.raises(SettingsError, match="different MRI sequences"):
        MriScoresSettings(sequences=(MriSequence.T2_FSE, MriSequence.T2_FSE))
    with pytest.raises(SettingsError, match="Expected images of 5 sequences, got 3"):
        build()(torch.zeros(1, 3, 80, 80))
    with pytest.raises(SettingsError, match="inception_v4"):
        MriScoresSettings(network="inception_v5")
