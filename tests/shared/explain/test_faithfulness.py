import numpy as np
import torch
from torch import nn

from shared.explain.faithfulness import deletion_test
from shared.models.mri_scores import MriScores, MriScoresSettings
from shared.vocabulary import MriSequence

CPU = torch.device("cpu")


class SpotReader(nn.Module):
    """The event's logit is the brightness of rows 8 to 15, columns 8 to 15."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        event = 4 * images[:, :, 8:16, 8:16].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(event), event], dim=1)


class MeanBrightness(nn.Module):
    """One logit per image: its mean."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(1, 2, 3)).unsqueeze(1)


def study() -> np.ndarray:
    images = np.zeros((3, 2, 32, 32), dtype=np.float32)
    images[:, :, 8:16, 8:16] = 1.0
    return images


def heat_at(row: int, column: int) -> np.ndarray:
    heat = np.zeros((3, 2, 32, 32), dtype=np.float32)
    heat[:, :, row : row + 8, column : column + 8] = 1.0
    return heat


def drops(heat: np.ndarray, seed: int = 0):
    return deletion_test(
        SpotReader(), study(), heat, CPU, np.random.default_rng(seed), share=64 / 1024
    )


def test_blanking_the_true_evidence_costs_what_the_network_says_it_costs():
    # The spot falls from 1 to the mean of the slice, 64/1024.
    expected = 1 / (1 + np.exp(-4.0)) - 1 / (1 + np.exp(-4 * 64 / 1024))
    np.testing.assert_allclose(drops(heat_at(8, 8)).hot_drop, expected, atol=1e-6)


def test_a_faithful_map_has_an_advantage_over_regions_elsewhere():
    assert drops(heat_at(8, 8)).advantage > 0.2


def test_a_map_of_the_wrong_place_has_none():
    wrong = drops(heat_at(22, 22))
    assert wrong.hot_drop == 0.0
    assert wrong.advantage <= 0.0


def test_the_same_seed_gives_the_same_numbers():
    assert drops(heat_at(8, 8), seed=5) == drops(heat_at(8, 8), seed=5)


def test_exactly_the_asked_share_is_blanked_even_in_a_flat_map():
    flat = deletion_test(
        SpotReader(),
        study(),
        np.zeros((3, 2, 32, 32), dtype=np.float32),
        CPU,
        np.random.default_rng(0),
        share=1 / 1024,
    )
    assert flat.hot_drop == 0.0


def test_of_a_network_on_mri_the_mean_logit_of_its_sequences_counts():
    sequences = (MriSequence.T1_ARTERIAL, MriSequence.T2_FSE)
    network = MriScores(MriScoresSettings(sequences=sequences, network="resnet18"))
    network.networks = nn.ModuleList([MeanBrightness()])
    images = np.zeros((1, 2, 32, 32), dtype=np.float32)
    images[:, 0, 8:16, 8:16] = 16.0  # mean 1 in one sequence, 0 in the other: mean logit 0.5
    before, after = 1 / (1 + np.exp(-0.5)), 1 / (1 + np.exp(-0.5 / 16))

    found = deletion_test(
        network, images, heat_at(8, 8)[:1], CPU, np.random.default_rng(0), share=64 / 1024
    )

    # Blanked to the mean 1, the 64 of 1024 pixels of the spot leave a mean of 1/16.
    np.testing.assert_allclose(found.hot_drop, before - after, atol=1e-6)
