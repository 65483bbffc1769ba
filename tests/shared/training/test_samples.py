import numpy as np
import pytest

from shared.cohort.patient import PreparedPatient
from shared.training.samples import batches, pass_order, samples_of
from shared.vocabulary import Split


def patient(case: int, slices: int) -> PreparedPatient:
    images = np.full((slices, 2, 3, 4), case, dtype=np.float32)
    images += np.arange(slices, dtype=np.float32)[:, None, None, None] / 10
    return PreparedPatient(case, case % 2 == 0, Split.TRAINING, images)


def test_every_slice_carries_its_patients_outcome():
    samples = samples_of([patient(1, 2), patient(2, 0), patient(4, 3)])
    images, events = samples.batch(np.array([4, 0, 2]))
    assert samples.count == 5
    assert samples.shape == (2, 3, 4)
    np.testing.assert_allclose(images[:, 0, 0, 0], [4.2, 1.0, 4.0])
    assert events.tolist() == [1, 0, 1]


def test_no_patients_are_no_samples():
    assert samples_of([]).count == 0


@pytest.mark.parametrize(
    ("slices", "batch_size", "single"), [(1, 20, True), (5, 1, True), (5, 2, False)]
)
def test_single_slices_are_told_apart(slices, batch_size, single):
    assert samples_of([patient(1, slices)]).one_per_step(batch_size) is single


def test_a_pass_sees_every_sample_as_often_as_asked():
    order = pass_order(np.random.default_rng(0), 7, 10)
    assert np.bincount(order).tolist() == [10] * 7
    assert len(set(order[:7].tolist())) < 7  # copies are shuffled among the others


def test_one_copy_is_a_plain_shuffle():
    np.testing.assert_array_equal(
        pass_order(np.random.default_rng(3), 9, 1), np.random.default_rng(3).permutation(9)
    )


def test_a_last_batch_of_one_joins_its_neighbour():
    cut = batches(np.arange(9), 4)
    assert [len(batch) for batch in cut] == [4, 5]
    np.testing.assert_array_equal(np.concatenate(cut), np.arange(9))


@pytest.mark.parametrize(
    ("samples", "size", "sizes"),
    [(8, 4, [4, 4]), (10, 4, [4, 4, 2]), (1, 4, [1]), (3, 1, [1, 1, 1]), (5, 20, [5])],
)
def test_other_batches_are_cut_plainly(samples, size, sizes):
    assert [len(batch) for batch in batches(np.arange(samples), size)] == sizes
