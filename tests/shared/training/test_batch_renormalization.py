"""At batch size one a network trains with the statistics it is evaluated with."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.models.weights import to_arrays
from shared.training.batch_renormalization import (
    BatchRenormalization,
    fewest_values,
    measure_statistics,
    never_measured,
    renormalized,
)
from shared.training.batch_statistics import batch_norms
from shared.training.loop import train_locally
from shared.training.losses import class_logits, cross_entropy
from shared.training.training_settings import Augmentation, Optimizer, TrainingSettings
from shared.vocabulary import Split

SGD = TrainingSettings(
    batch_size=1, augmentation=Augmentation.NONE, optimizer=Optimizer.SGD, weight_decay=1e-4
)


def maps(count=3, seed=0) -> torch.Tensor:
    return torch.randn(count, 4, 5, 6, generator=torch.Generator().manual_seed(seed)) * 2 + 1


def learned_layer() -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(4)
    with torch.no_grad():
        for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            tensor.copy_(torch.rand(4, generator=torch.Generator().manual_seed(1)) + 0.5)
    return layer


def test_a_training_step_is_normalised_as_in_evaluation():
    layer = learned_layer()
    expected = copy.deepcopy(layer).eval()(maps())
    torch.testing.assert_close(BatchRenormalization(layer)(maps()), expected)


def test_a_step_that_stands_out_is_limited_and_moves_the_statistics_little():
    layer = nn.BatchNorm2d(4)
    given = 1000 * maps()
    out = BatchRenormalization(layer)(given)
    # Three times a unit spread, five away from the mean.
    limit = 5 + 3 * float((given.amax() - given.amin()) / given.std())
    assert float(out.detach().abs().max()) < limit
    assert float(layer.running_mean.abs().max()) <= 0.01 * 5 * 1.001
    assert float(layer.running_var.max()) <= 0.99 + 0.01 * (9 + 25) * 1.001


def test_the_gradient_takes_r_and_d_for_constants():
    layer = learned_layer()
    reference = copy.deepcopy(layer).double()
    given = maps().requires_grad_()
    toward = torch.randn(given.shape, generator=torch.Generator().manual_seed(2))
    (BatchRenormalization(layer)(given) * toward).sum().backward()

    exact = maps().double().requires_grad_()
    mean = exact.mean(dim=(0, 2, 3), keepdim=True)
    spread = (exact.var(dim=(0, 2, 3), keepdim=True, correction=0) + reference.eps).sqrt()

    def wide(values):
        return values[None, :, None, None]

    running = wide((reference.running_var + reference.eps).sqrt())
    r = (spread / running).detach()
    d = ((mean - wide(reference.running_mean)) / running).detach()
    normalised = (exact - mean) / spread * r + d
    out = normalised * wide(reference.weight) + wide(reference.bias)
    (out * toward).sum().backward()
    for ours, theirs in (
        (given.grad, exact.grad),
        (layer.weight.grad, reference.weight.grad),
        (layer.bias.grad, reference.bias.grad),
    ):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-5, rtol=1e-4)


def test_running_statistics_become_those_of_all_slices():
    # Slices differ in their means more than pixels within a slice do.
    layer = nn.BatchNorm2d(1)
    source = torch.Generator().manual_seed(0)
    inner = BatchRenormalization(layer)
    for _ in range(2000):
        centre = 3 * torch.randn(1, generator=source)
        inner(centre + torch.randn(1, 1, 4, 4, generator=source))
    assert float(layer.running_mean) == pytest.approx(0, abs=0.6)
    assert float(layer.running_var) == pytest.approx(10, rel=0.25)


def test_measuring_gives_the_statistics_of_all_slices_whatever_the_batches():
    network = nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2))
    slices = torch.cat([maps(seed=seed) + 2 * seed for seed in range(4)])
    measure_statistics(network, torch.split(slices, [5, 1, 6]))
    first = network[0]
    torch.testing.assert_close(first.running_mean, slices.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(first.running_var, slices.var(dim=(0, 2, 3), correction=0))


def test_measuring_one_batch_makes_evaluation_equal_to_training_on_it():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 2, 3))
    trained = network.train()(maps())
    measure_statistics(network, [maps()])
    torch.testing.assert_close(network.eval()(maps()), trained, atol=1e-5, rtol=1e-5)


def test_measuring_changes_nothing_else():
    network = nn.Sequential(nn.Conv2d(4, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    before = to_arrays(network)
    measure_statistics(network, [maps()])
    assert network.training
    assert network[1].momentum == 0.1
    changed = [n for n, a in to_arrays(network).items() if not np.array_equal(a, before[n])]
    assert changed == ["1.running_mean", "1.running_var"]


def test_batch_norms_come_back_also_after_an_error():
    network = nn.Sequential(nn.Sequential(nn.BatchNorm2d(4)), nn.ReLU())
    names, layer = list(network.state_dict()), network[0][0]
    with pytest.raises(RuntimeError), renormalized(network):  # four channels are expected
        network(torch.zeros(2, 3, 5, 5))
    assert network[0][0] is layer
    assert list(network.state_dict()) == names


@pytest.mark.parametrize(("stride", "expected"), [(1, 36), (6, 1)])
def test_the_fewest_values_are_counted_without_computing(stride, expected):
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 1, stride=stride), nn.BatchNorm2d(2))
    before = to_arrays(network)
    assert fewest_values(network, (1, 6, 6)) == expected
    for name, array in to_arrays(network).items():
        np.testing.assert_array_equal(array, before[name])


def test_five_sequences_of_a_shared_network_count_as_five():
    settings = {"width": 0.05, "blocks": (1, 1, 1)}
    shared = MriScores(MriScoresSettings(**settings))
    joint = MriScores(MriScoresSettings(reading=Reading.FIVE_CHANNEL, **settings))
    assert fewest_values(shared, (5, 80, 80)) == 5 * fewest_values(joint, (5, 80, 80))


def mri_patients(count=8, slices=2) -> list[PreparedPatient]:
    """Patients differ in every sequence's level, as volumes do after normalisation."""
    rng = np.random.default_rng(0)
    made = []
    for case in range(1, count + 1):
        levels = rng.normal(size=(1, 5, 1, 1))
        images = (levels + rng.normal(size=(slices, 5, 80, 80))).astype(np.float32)
        images[:, :, 30:50, 30:50] += 2 * (case % 2)
        made.append(PreparedPatient(case, case % 2 == 1, Split.TRAINING, images))
    return made


def narrow_network() -> MriScores:
    torch.manual_seed(0)
    return MriScores(MriScoresSettings(width=0.05, blocks=(1, 1, 1), dropout=0.0))


def scores(network: MriScores, patients: list[PreparedPatient]) -> np.ndarray:
    """Score each slice alone, from the same running statistics, as a training step would."""
    kept, given = copy.deepcopy(network.state_dict()), []
    with torch.no_grad():
        for image in (image for patient in patients for image in patient.images):
            given.append(network(torch.from_numpy(image[None])))
            network.load_state_dict(kept)
    return torch.cat(given).numpy()


def disagreement(training: np.ndarray, evaluation: np.ndarray) -> float:
    """Give the root mean square difference, in units of the scores' own spread."""
    return float(np.sqrt(np.square(evaluation - training).mean()) / training.std())


def test_after_training_on_single_slices_evaluation_scores_as_training_does():
    network, patients = narrow_network(), mri_patients()
    train_locally(
        network,
        patients,
        SGD,
        epochs=3,
        learning_rate=0.01,
        rng=np.random.default_rng(1),
        device=torch.device("cpu"),
    )
    evaluation = scores(network.eval(), patients)
    with renormalized(network):
        training = scores(network.train(), patients)
    # Only where a step stands out so far that it is limited do the two differ.
    assert disagreement(training, evaluation) < 0.1


def test_with_plain_batch_norm_it_does_not():
    network, patients = narrow_network().train(), mri_patients()
    sgd = torch.optim.SGD(network.parameters(), lr=0.01, weight_decay=1e-4)
    rng = np.random.default_rng(1)
    slices = [(image[None], p.event) for p in patients for image in p.images]
    for number in np.concatenate([rng.permutation(len(slices)) for _ in range(3)]):
        image, event = slices[number]
        loss = cross_entropy(
            class_logits(network, torch.from_numpy(image)), torch.tensor([int(event)])
        )
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    training = scores(network, patients)
    assert disagreement(training, scores(network.eval(), patients)) > 0.5


def test_statistics_that_came_with_the_weights_are_where_training_starts():
    network, patients = narrow_network(), mri_patients()
    assert never_measured(network)
    still = {"epochs": 1, "learning_rate": 1e-12, "device": torch.device("cpu")}
    train_locally(network, patients, SGD, rng=np.random.default_rng(1), **still)
    measured = to_arrays(network)
    assert not never_measured(network)
    train_locally(network, patients[:1], SGD, rng=np.random.default_rng(2), **still)
    for name, array in to_arrays(network).items():
        if name.endswith("running_mean"):
            # Two steps of a hundredth each.
            away = np.abs(array - measured[name]).max()
            assert away < 0.1 * np.abs(measured[name]).max()


def test_the_statistics_that_travel_are_finite_and_the_layers_are_batch_norms():
    network, patients = narrow_network(), mri_patients(2)
    names = set(network.state_dict())
    train_locally(
        network,
        patients,
        SGD,
        epochs=1,
        learning_rate=0.01,
        rng=np.random.default_rng(1),
        device=torch.device("cpu"),
    )
    assert set(network.state_dict()) == names
    assert all(np.isfinite(array).all() for array in to_arrays(network).values())
    assert batch_norms(network)
