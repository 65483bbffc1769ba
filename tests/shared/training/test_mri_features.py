"""A patient's features are the mean over slices of what the network gives."""

import numpy as np
import pytest
import torch

from shared.errors import DataError
from shared.models.mri_scores import MriScores, MriScoresSettings, Reading
from shared.training.inference import slices_at_once
from shared.training.mri_features import image_features, image_score, patient_features

CPU = torch.device("cpu")


def network(reading=Reading.SHARED) -> MriScores:
    torch.manual_seed(0)
    return MriScores(MriScoresSettings(reading=reading, width=0.05, blocks=(1, 1, 1)))


def images(slices=3) -> np.ndarray:
    made = np.random.default_rng(0).normal(size=(slices, 5, 80, 80)).astype(np.float32)
    made.flags.writeable = False
    return made


@pytest.mark.parametrize("reading", list(Reading))
def test_features_and_score_are_means_over_slices(reading):
    net = network(reading)
    given = patient_features(net.train(), images(), CPU)
    assert net.training
    with torch.inference_mode():
        features = net.eval()(torch.from_numpy(images().copy()))
        logits = net.logits(features)
    assert given.features.shape == (5,)
    assert given.features.dtype == np.float64
    np.testing.assert_allclose(given.features, features.numpy().mean(axis=0), atol=1e-6)
    assert given.score == pytest.approx(float(logits.mean()), abs=1e-6)


def test_with_one_logit_per_sequence_the_score_is_the_mean_feature():
    given = patient_features(network(), images(), CPU)
    assert given.score == pytest.approx(given.features.mean())


def test_how_slices_are_batched_does_not_matter():
    net = network()
    apart = [patient_features(net, images()[i : i + 1], CPU) for i in range(3)]
    together = patient_features(net, images(), CPU)
    mean = np.mean([one.features for one in apart], axis=0)
    np.testing.assert_allclose(together.features, mean, atol=1e-6)
    assert together.score == pytest.approx(np.mean([one.score for one in apart]), abs=1e-6)


def test_features_and_score_can_be_asked_for_alone():
    net = network()
    both = patient_features(net, images(), CPU)
    np.testing.assert_array_equal(image_features(net, images(), CPU), both.features)
    assert image_score(net, images(), CPU) == both.score


def test_no_slices_are_refused():
    with pytest.raises(DataError, match="Prepare the study again"):
        patient_features(network(), images(0), CPU)


def test_a_shared_network_takes_fewer_slices_at_once_by_as_many_sequences():
    assert slices_at_once(network(), 320, 450) == 4
    assert slices_at_once(network(Reading.PER_SEQUENCE), 320, 450) == 22
    assert slices_at_once(torch.nn.Identity(), 224, 224) == 64
    assert slices_at_once(network(), 4000, 4000) == 1
