import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from shared.cohort.patient import PreparedPatient
from shared.errors import ConvergenceError, DataError
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.models.weights import to_arrays
from shared.training.loop import new_optimizer, train_locally
from shared.training.training_settings import Augmentation, Loss, Optimizer, TrainingSettings
from shared.vocabulary import CtPhase, Split

CPU = torch.device("cpu")
PLAIN = TrainingSettings(batch_size=4, augmentation=Augmentation.NONE)


def patients(count=4, slices=3, size=32) -> list[PreparedPatient]:
    """Event patients are bright in the middle."""
    rng = np.random.default_rng(0)
    made = []
    for case in range(1, count + 1):
        images = rng.random((slices, 1, size, size), dtype=np.float32) * 0.5
        event = case % 2 == 0
        if event:
            images[:, :, 12:20, 12:20] += 0.5
        images.flags.writeable = False
        made.append(PreparedPatient(case, event, Split.TRAINING, images))
    return made


def tiny_network(*, norm=True) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveMaxPool2d(4), nn.Flatten()]
    if norm:
        layers.insert(1, nn.BatchNorm2d(4))
    return nn.Sequential(*layers, nn.Dropout(0.2), nn.Linear(64, 2))


def train(network, whom=None, settings=PLAIN, **changes):
    arguments = {"epochs": 1, "learning_rate": 1e-2, "rng": np.random.default_rng(1), "device": CPU}
    return train_locally(network, whom or patients(), settings, **(arguments | changes))


def test_training_lowers_the_loss():
    losses = train(tiny_network(), epochs=12).loss_by_epoch
    assert losses[-1] < 0.5 * losses[0]


def test_the_published_network_learns_a_bright_spot():
    torch.manual_seed(0)
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,)))
    losses = train(network, epochs=4, learning_rate=1e-3).loss_by_epoch
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("augmentation", list(Augmentation))
def test_the_same_generator_gives_the_same_weights(augmentation):
    settings = dataclasses.replace(PLAIN, augmentation=augmentation)
    first, second = tiny_network(), tiny_network()
    train(first, settings=settings, epochs=2)
    torch.rand(5)  # what else the process drew must not matter
    train(second, settings=settings, epochs=2)
    for name, array in to_arrays(first).items():
        np.testing.assert_array_equal(array, to_arrays(second)[name])


def test_another_generator_gives_other_weights():
    first, second = tiny_network(), tiny_network()
    train(first)
    train(second, rng=np.random.default_rng(2))
    assert not np.array_equal(to_arrays(first)["0.weight"], to_arrays(second)["0.weight"])


def test_torchs_global_generator_is_left_alone():
    network = tiny_network()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train(network)
    assert torch.equal(torch.rand(1), expected)


def test_every_slice_is_a_sample():
    result = train(tiny_network(), patients(count=2, slices=10), epochs=3)
    assert result.steps == 3 * 5
    assert len(result.loss_by_epoch) == 3


def test_zero_epochs_change_nothing():
    network = tiny_network()
    before = to_arrays(network)
    result = train(network, epochs=0)
    assert (result.loss_by_epoch, result.steps) == ((), 0)
    for name, array in to_arrays(network).items():
        np.testing.assert_array_equal(array, before[name])


def test_progress_tells_every_epoch():
    told = []
    result = train(
        tiny_network(), epochs=2, progress=lambda epoch, loss: told.append((epoch, loss))
    )
    assert told == list(enumerate(result.loss_by_epoch, start=1))


def test_the_first_step_is_adams():
    # Adam's first step moves every weight by the learning rate against the gradient's sign.
    network = tiny_network(norm=False)
    before = to_arrays(network)["5.bias"]
    train(network, patients(count=2, slices=1), learning_rate=1e-3)
    moved = to_arrays(network)["5.bias"] - before
    np.testing.assert_allclose(np.abs(moved), 1e-3, rtol=1e-3)


def test_the_proximal_pull_keeps_weights_near_where_they_came_from():
    def distance(mu: float) -> float:
        network = tiny_network(norm=False)
        before = to_arrays(network)
        train(network, epochs=15, proximal_mu=mu)
        after = to_arrays(network)
        return sum(float(np.square(after[n] - before[n]).sum()) for n in before)

    assert distance(10.0) < 0.5 * distance(0.0)


def test_a_proximal_weight_of_zero_is_plain_training():
    first, second = tiny_network(), tiny_network()
    train(first)
    train(second, proximal_mu=0.0)
    np.testing.assert_array_equal(to_arrays(first)["0.weight"], to_arrays(second)["0.weight"])


def test_an_optimizer_handed_over_keeps_its_moments():
    apart, together = tiny_network(norm=False), tiny_network(norm=False)
    rng = np.random.default_rng(1)
    train(apart, rng=rng)
    train(apart, rng=rng)
    rng = np.random.default_rng(1)
    adam = new_optimizer(together, PLAIN, 1.0)
    train(together, rng=rng, optimizer=adam)
    train(together, rng=rng, optimizer=adam)
    assert not np.array_equal(to_arrays(apart)["0.weight"], to_arrays(together)["0.weight"])


def test_a_last_batch_of_one_trains_where_maps_are_one_pixel():
    torch.manual_seed(0)
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,)))
    result = train(network, patients(count=3, slices=1), TrainingSettings(batch_size=2))
    assert result.steps == 1


@pytest.mark.parametrize(("count", "size"), [(1, 4), (2, 1)])
def test_single_slices_are_refused_where_batch_norm_sees_one_pixel(count, size):
    network = MultiphaseCt(MultiphaseCtSettings(phases=(CtPhase.PORTAL,)))
    with pytest.raises(DataError, match="group norm"):
        train(network, patients(count, slices=1), TrainingSettings(batch_size=size))


def test_single_slices_train_where_maps_are_larger():
    settings = dataclasses.replace(PLAIN, batch_size=1)
    losses = train(tiny_network(), settings=settings, epochs=6).loss_by_epoch
    assert losses[-1] < 0.5 * losses[0]


def test_without_batch_norm_a_batch_of_one_is_fine():
    settings = TrainingSettings(batch_size=1, augmentation=Augmentation.NONE)
    assert train(tiny_network(norm=False), patients(2, slices=1), settings).steps == 2


def test_no_patients_are_refused():
    with pytest.raises(DataError, match="slices to train on"):
        train_locally(
            tiny_network(),
            [],
            PLAIN,
            epochs=1,
            learning_rate=1e-3,
            rng=np.random.default_rng(0),
            device=CPU,
        )


def test_a_loss_that_explodes_ends_the_training_with_advice():
    network = tiny_network(norm=False)
    with torch.no_grad():
        network[5].weight.fill_(float("nan"))
    with pytest.raises(ConvergenceError, match="Lower the learning rate"):
        train(network)


def test_the_first_step_of_sgd_is_the_gradient_and_the_decay():
    settings = dataclasses.replace(
        PLAIN, optimizer=Optimizer.SGD, weight_decay=0.1, momentum=0.9, loss=Loss.SUMMED
    )
    network = tiny_network(norm=False)
    network[4].p = 0.0  # no dropout
    everyone = patients(count=2, slices=2)
    before = to_arrays(network)
    images = torch.from_numpy(np.concatenate([p.images for p in everyone]))
    torch.nn.functional.cross_entropy(network(images), torch.tensor([0, 0, 1, 1])).backward()
    gradients = {name: weight.grad.clone() for name, weight in network.named_parameters()}
    train(network, everyone, settings, learning_rate=0.01)
    for name, array in to_arrays(network).items():
        # Twice the softmax gradient, and L2 on weights and biases alike.
        expected = before[name] - 0.01 * (2 * gradients[name].numpy() + 0.1 * before[name])
        np.testing.assert_allclose(array, expected, atol=1e-6)


def test_momentum_carries_a_step_over_into_the_next():
    def moved(momentum: float) -> float:
        network = tiny_network(norm=False)
        before = to_arrays(network)["5.bias"]
        settings = dataclasses.replace(PLAIN, optimizer=Optimizer.SGD, momentum=momentum)
        train(network, settings=settings, epochs=5, learning_rate=1e-3)
        return float(np.abs(to_arrays(network)["5.bias"] - before).max())

    assert moved(0.9) > 2 * moved(0.0)


def test_copies_are_seen_within_one_pass():
    settings = dataclasses.replace(PLAIN, copies=3)
    result = train(tiny_network(), patients(count=2, slices=4), settings)
    assert result.steps == 3 * 2
    assert len(result.loss_by_epoch) == 1


def test_what_is_told_is_the_softmax_loss_whatever_is_minimised():
    def told(loss: Loss) -> float:
        settings = dataclasses.replace(PLAIN, loss=loss)
        return train(tiny_network(), patients(2, slices=2), settings).loss_by_epoch[0]

    assert told(Loss.SUMMED) == told(Loss.SOFTMAX)


def mri_patients(count=4) -> list[PreparedPatient]:
    """Event patients have a bright square in the first sequence."""
    rng = np.random.default_rng(0)
    made = []
    for case in range(1, count + 1):
        images = rng.normal(size=(2, 5, 80, 112)).astype(np.float32)
        if case % 2 == 0:
            images[:, 0, 20:60, 30:80] += 3
        made.append(PreparedPatient(case, case % 2 == 0, Split.TRAINING, images))
    return made


@pytest.mark.parametrize("reading", [Reading.SHARED, Reading.FIVE_CHANNEL])
def test_the_mri_network_learns_as_published_from_single_slices(reading):
    torch.manual_seed(0)
    network = MriScores(MriScoresSettings(reading=reading, width=0.05, blocks=(1, 1, 1)))
    settings = TrainingSettings(
        batch_size=1,
        augmentation=Augmentation.GEOMETRIC,
        copies=4,
        optimizer=Optimizer.SGD,
        weight_decay=1e-4,
        loss=Loss.SUMMED,
    )
    result = train(network, mri_patients(), settings, epochs=2, learning_rate=0.01)
    assert result.steps == 2 * 4 * 8
    assert result.loss_by_epoch[-1] < result.loss_by_epoch[0]
