import numpy as np
import pytest

from shared.aggregation.pooled_evaluation import calibration_bins
from shared.aggregation.score_cells import ScoreCells, first_edges


def cells_of(scores, events):
    edges = first_edges(256)
    counts = [np.histogram(scores[flags], edges)[0] for flags in (events, ~events)]
    return ScoreCells(edges, np.array(counts, dtype=np.int64))


@pytest.mark.parametrize(("patients", "minimum"), [(400, 5), (64, 5), (23, 5), (64, 12), (9, 5)])
def test_every_bin_holds_enough_patients_and_none_is_lost(patients, minimum):
    rng = np.random.default_rng(patients)
    scores = rng.random(patients)
    events = rng.random(patients) < scores
    bins = calibration_bins(cells_of(scores, events), minimum)
    assert 1 <= len(bins) <= 10
    assert min(part.patients for part in bins) >= minimum
    assert sum(part.patients for part in bins) == patients
    assert sum(part.events for part in bins) == events.sum()
    means = [part.mean_predicted for part in bins]
    assert means == sorted(means)
    total = sum(part.mean_predicted * part.patients for part in bins)
    assert total == pytest.approx(scores.sum(), abs=patients / 512)


def test_too_few_patients_have_no_bins():
    scores = np.array([0.1, 0.2, 0.7, 0.9])
    assert calibration_bins(cells_of(scores, scores > 0.5), 5) == ()


def test_patients_in_one_cell_are_one_bin():
    scores = np.full(40, 0.3)
    (only,) = calibration_bins(cells_of(scores, np.arange(40) < 10), 5)
    assert (only.patients, only.events) == (40, 10)
    assert only.mean_predicted == pytest.approx(0.3, abs=1 / 512)
