"""Both networks' answers are compared with the outcome by one cross-entropy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.training.losses import class_logits, cross_entropy, minimised
from shared.training.training_settings import Loss

EVENTS = torch.tensor([1, 0, 1])


def mri(reading: Reading) -> MriScores:
    torch.manual_seed(0)
    return MriScores(MriScoresSettings(reading=reading, width=0.05, blocks=(1, 1, 1))).eval()


def printed_formula(probability: np.ndarray, event: np.ndarray) -> float:
    """Quan 2024: the sum over both classes of -[y log p + (1 - y) log(1 - p)], slice by slice."""
    p = np.stack([1 - probability, probability])
    y = np.stack([1 - event, event])
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=0).mean())


@pytest.mark.parametrize("reading", list(Reading))
def test_an_mri_slice_costs_the_mean_binary_cross_entropy_of_its_scores(reading):
    network = mri(reading)
    images = torch.randn(3, 5, 80, 80, generator=torch.Generator().manual_seed(1))
    event = network.logits(network(images))
    expected = functional.binary_cross_entropy_with_logits(
        event, EVENTS.float()[:, None].expand_as(event)
    )
    torch.testing.assert_close(cross_entropy(class_logits(network, images), EVENTS), expected)


def test_a_network_of_two_outputs_has_one_score():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    images = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    logits = class_logits(network, images)
    assert logits.shape == (3, 1, 2)
    torch.testing.assert_close(
        cross_entropy(logits, EVENTS), functional.cross_entropy(network(images), EVENTS)
    )


def test_the_printed_formula_is_twice_the_softmax_cross_entropy():
    event = torch.randn(64, 1, generator=torch.Generator().manual_seed(2))
    logits = torch.stack([torch.zeros_like(event), event], dim=-1)
    events = torch.arange(64) % 2
    softmax = cross_entropy(logits, events)
    printed = printed_formula(event.sigmoid().numpy()[:, 0], events.numpy())
    assert float(minimised(softmax, Loss.SUMMED)) == pytest.approx(printed, rel=1e-6)
    assert float(minimised(softmax, Loss.SOFTMAX)) == float(softmax)


@pytest.mark.parametrize(("loss", "expected"), [(Loss.SOFTMAX, 0.505), (Loss.SUMMED, 1.009)])
def test_always_saying_the_papers_prior_costs_what_was_derived(loss, expected):
    # 13 of 64 validation patients of Quan 2024 progressed.
    prior = 13 / 64
    logit = torch.tensor(prior / (1 - prior), dtype=torch.float64).log()
    logits = torch.stack([torch.zeros(64, 5), logit.float().expand(64, 5)], dim=-1)
    events = (torch.arange(64) < 13).long()
    cost = float(minimised(cross_entropy(logits, events), loss))
    assert cost == pytest.approx(expected, abs=5e-4)
