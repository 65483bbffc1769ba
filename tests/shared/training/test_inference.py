import numpy as np
import pytest
import torch
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.errors import DataError
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.training.inference import slice_probabilities, validation_loss
from shared.vocabulary import CtPhase, Split

CPU = torch.device("cpu")


def network() -> MultiphaseCt:
    torch.manual_seed(0)
    return MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.ARTERIAL, CtPhase.PORTAL)))


def images(slices=7) -> np.ndarray:
    made = np.random.default_rng(0).random((slices, 2, 32, 32), dtype=np.float32)
    made.flags.writeable = False
    return made


class Logits(nn.Module):
    """The first pixel is the logit of the event."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        event = images[:, 0, 0, 0]
        return torch.stack([torch.zeros_like(event), event], dim=1)


def slices_with_logits(*logits: float) -> np.ndarray:
    made = np.zeros((len(logits), 1, 32, 32), dtype=np.float32)
    made[:, 0, 0, 0] = logits
    return made


def test_the_probability_is_that_of_the_event():
    np.testing.assert_allclose(
        slice_probabilities(Logits(), slices_with_logits(0.0, np.log(3.0)), CPU), [0.5, 0.75]
    )


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_how_slices_are_batched_does_not_matter(batch_size):
    whole = slice_probabilities(network(), images(), CPU)
    np.testing.assert_allclose(
        slice_probabilities(network(), images(), CPU, batch_size), whole, atol=1e-6
    )


def test_scoring_does_not_change_a_training_network():
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    slice_probabilities(net, images(), CPU)
    assert net.training
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_dropout_is_off_so_scores_repeat():
    net = network().train()
    np.testing.assert_array_equal(
        slice_probabilities(net, images(), CPU), slice_probabilities(net, images(), CPU)
    )


def test_no_slices_give_no_scores():
    assert slice_probabilities(network(), images(0), CPU).shape == (0,)


def test_the_validation_loss_counts_patients_not_slices():
    event = PreparedPatient(
        1, event=True, split=Split.INNER_VALIDATION, images=slices_with_logits(np.log(3.0))
    )
    other = PreparedPatient(
        2,
        event=False,
        split=Split.INNER_VALIDATION,
        images=slices_with_logits(0.0, 0.0, np.log(3.0)),
    )
    total, count = validation_loss(Logits(), [event, other], CPU)
    assert count == 2
    expected = -np.log(0.75) - (2 * np.log(0.5) + np.log(0.25)) / 3
    assert total == pytest.approx(expected, abs=1e-6)


def test_sites_can_add_their_losses_up():
    both = [
        PreparedPatient(1, event=True, split=Split.INNER_VALIDATION, images=images(3)),
        PreparedPatient(2, event=False, split=Split.INNER_VALIDATION, images=images(5)),
    ]
    net = network()
    apart = sum(validation_loss(net, [patient], CPU)[0] for patient in both)
    assert validation_loss(net, both, CPU)[0] == pytest.approx(apart)
    assert validation_loss(net, [], CPU) == (0.0, 0)


def mri_network(reading: Reading) -> MriScores:
    torch.manual_seed(0)
    return MriScores(MriScoresSettings(reading=reading, width=0.05, blocks=(1, 1, 1)))


def mri_images(slices=2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(slices, 5, 80, 80)).astype(np.float32)


@pytest.mark.parametrize("event", [False, True])
@pytest.mark.parametrize("reading", list(Reading))
def test_the_mri_loss_is_the_mean_over_scores_and_slices(reading, event):
    net = mri_network(reading).eval()
    patient = PreparedPatient(1, event, Split.INNER_VALIDATION, mri_images())
    with torch.inference_mode():
        logits = net.logits(net(torch.from_numpy(mri_images()))).double()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, float(event))
    )
    total, count = validation_loss(net, [patient], CPU)
    assert (total, count) == (pytest.approx(float(expected), abs=1e-6), 1)


def test_several_scores_per_slice_are_no_probability():
    with pytest.raises(DataError, match="one score per slice, got 5"):
        slice_probabilities(mri_network(Reading.SHARED), mri_images(), CPU)
    alone = slice_probabilities(mri_network(Reading.FIVE_CHANNEL), mri_images(), CPU)
    assert alone.shape == (2,)
